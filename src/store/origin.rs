//! Where a file comes from: which machine used it last, and which run was the last here.
//!
//! A copy of the file, an older one that was put back, or one that was carried to another machine does not know what was
//! sent without it.

use rusqlite::{OptionalExtension, params};

use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::RunId;

/// What the run lock remembers of the file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The file's own token.
    pub token: String,
    pub run: RunId,
    /// The start of the machine in which the run was, where the machine names it.
    pub boot: Option<String>,
}

impl Noted {
    /// Reads what stands in a lock file; nothing where it is empty or not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (token, run) = (words.next()?, words.next()?);
        Some(Self { token: token.to_owned(), run: RunId(run.parse().ok()?), boot: words.next().map(str::to_owned) })
    }

    pub(super) fn line(&self) -> String {
        let boot = self.boot.as_ref().map_or_else(String::new, |boot| format!(" {boot}"));
        format!("{} {}{boot}\n", self.token, self.run.0)
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

    /// Returns when the first of the people came whom the file knows.
    pub fn first_came(&self) -> Result<Option<Instant>> {
        let at: Option<i64> = self
            .sql("SELECT created_at FROM contacts ORDER BY id LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(at.map(instant))
    }

    /// Returns since when mails may have been sent without this file, where a run has begun to take it over and none has
    /// ended doing so.
    pub fn adopted_since(&self) -> Result<Option<Instant>> {
        let since: Option<i64> = self
            .sql("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'adopted_since'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(since.map(instant))
    }

    /// Notes that a run takes the file over.
    pub fn begin_adoption(&self, since: Instant) -> Result<()> {
        self.sql("INSERT INTO meta VALUES ('adopted_since', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
            .execute([millis(since).to_string()])?;
        Ok(())
    }

    /// Notes that it is taken over.
    pub fn end_adoption(&self) -> Result<()> {
        self.sql("DELETE FROM meta WHERE key = 'adopted_since'")?.execute([])?;
        Ok(())
    }
}
