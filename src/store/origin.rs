//! Where a file comes from: which machine used it last, and which run was the last here.
//!
//! A copy of the file, an older one that was put back, or one that was carried to another machine does not know what was
//! sent without it.

use rusqlite::{OptionalExtension, params};

use super::{CampaignRow, Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::RunId;

/// Numbers of ledger rows that are passed over where nobody can say how many were used without this file.
pub(super) const PASSED_OVER: i64 = 1_000_000;

/// What the run lock remembers of the file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The file's own token.
    pub token: String,
    pub run: RunId,
    /// Whether it has ended, which its file then knows.
    pub ended: bool,
    /// The start of the machine in which the run was, where the machine names it.
    pub boot: Option<String>,
}

impl Noted {
    /// Reads what stands in a lock file; nothing where it is empty or not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (token, run) = (words.next()?, words.next()?);
        let (ended, boot) = (words.next() == Some(ENDED), words.next());
        Some(Self { token: token.to_owned(), run: RunId(run.parse().ok()?), ended, boot: boot.map(str::to_owned) })
    }

    pub(super) fn line(&self) -> String {
        let state = if self.ended { ENDED } else { BEGUN };
        format!("{} {} {state} {}\n", self.token, self.run.0, self.boot.as_deref().unwrap_or_default())
    }
}

const BEGUN: &str = "begun";
const ENDED: &str = "ended";

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

    /// Returns since when mails may have been sent without this file, where it is a copy that was put back and that no run has
    /// adopted yet.
    pub fn restored_since(&self) -> Result<Option<Instant>> {
        self.since_of("restored_since")
    }

    /// Returns the same where a run has begun to adopt the file, and none has ended doing so.
    pub fn adopted_since(&self) -> Result<Option<Instant>> {
        self.since_of("adopted_since")
    }

    /// Notes that a run adopts the file.
    pub fn begin_adoption(&self, since: Instant) -> Result<()> {
        self.set_since("adopted_since", since)?;
        // Numbers that were used elsewhere must not be used again: links, Message-IDs and bounce addresses are made of them.
        self.sql(
            "INSERT INTO meta SELECT 'last_send', coalesce(max(id), 0) + ?1 FROM sends WHERE true
             ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([PASSED_OVER])?;
        self.sql("DELETE FROM meta WHERE key = 'restored_since'")?.execute([])?;
        Ok(())
    }

    /// Notes that it is adopted, but for these campaigns, which could not be played.
    pub fn end_adoption(&self, since: Instant, without: &[CampaignRow]) -> Result<()> {
        self.sql("DELETE FROM meta WHERE key = 'adopted_since'")?.execute([])?;
        without.iter().try_for_each(|row| self.set_since(&format!("adopted_since.{}", row.0), since))
    }

    /// Returns the campaigns for which nothing was played yet, and since when they may have sent mails without this file.
    pub fn campaigns_to_adopt(&self) -> Result<Vec<(CampaignRow, Instant)>> {
        let mut statement = self.sql(
            "SELECT CAST(substr(key, 15) AS INTEGER), CAST(value AS INTEGER) FROM meta
             WHERE key > 'adopted_since.' AND key < 'adopted_since/'",
        )?;
        let rows = statement.query_map([], |row| Ok((CampaignRow(row.get(0)?), instant(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that it is played.
    pub fn end_campaign_adoption(&self, row: CampaignRow) -> Result<()> {
        self.sql("DELETE FROM meta WHERE key = ?1")?.execute([format!("adopted_since.{}", row.0)])?;
        Ok(())
    }

    fn since_of(&self, key: &str) -> Result<Option<Instant>> {
        let since: Option<i64> = self
            .sql("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        Ok(since.map(instant))
    }

    fn set_since(&self, key: &str, since: Instant) -> Result<()> {
        self.sql("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?.execute(params![key, millis(since)])?;
        Ok(())
    }
}
