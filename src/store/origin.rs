//! Where a file comes from: which machine used it last, and which run was the last here.
//!
//! A copy of the file, an older one that was put back, or one that was carried to another machine does not know what was
//! sent without it.

use rusqlite::{OptionalExtension, params};

use super::{Result, Work};
use crate::model::id::RunId;

/// What the run lock remembers of the file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The file's own token.
    pub token: String,
    pub run: RunId,
}

impl Noted {
    /// Reads what stands in a lock file; nothing where it is empty or not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (token, run) = text.trim().split_once(' ')?;
        Some(Self { token: token.to_owned(), run: RunId(run.parse().ok()?) })
    }

    pub(super) fn line(&self) -> String {
        format!("{} {}\n", self.token, self.run.0)
    }
}

impl Work<'_> {
    /// Returns the last run of this file; 0 when there was none.
    pub fn last_run_id(&self) -> Result<RunId> {
        Ok(RunId(self.sql("SELECT coalesce(max(id), 0) FROM runs")?.query_row([], |row| row.get(0))?))
    }

    /// Returns the machine whose runs used the file last, if it said which it is.
    pub fn machine(&self) -> Result<Option<String>> {
        Ok(self.sql("SELECT value FROM meta WHERE key = 'machine'")?.query_row([], |row| row.get(0)).optional()?)
    }

    /// Notes the machine whose runs use the file from now on.
    pub fn set_machine(&self, machine: &str) -> Result<()> {
        self.sql("INSERT INTO meta VALUES ('machine', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
            .execute(params![machine])?;
        Ok(())
    }
}
