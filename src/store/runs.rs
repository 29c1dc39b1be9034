//! Runs: begun, recovered from, ended.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::heard::PROVED;
use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::RunId;

/// What a run that died left behind, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Claims whose content had not left: due again.
    pub given_back: usize,
    /// Rows whose content may have left: unknown, for a person to decide.
    pub unknown: usize,
}

/// When a run was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub started_at: Instant,
    /// `None`: it goes on, or was cut off.
    pub ended_at: Option<Instant>,
    /// What was wrong, if it stopped before its work was done.
    pub stopped: Option<String>,
}

impl Ran {
    /// Returns the last that is known of it.
    pub fn latest(&self) -> Instant {
        self.ended_at.unwrap_or(self.started_at).max(self.started_at)
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTotals {
    pub events: u64,
    pub enrolled: u64,
    pub sent: u64,
    /// Web addresses called.
    #[serde(default)]
    pub called: u64,
    pub skipped: u64,
    pub held: u64,
    pub deferred: u64,
    pub rejected: u64,
    pub unknown: u64,
    pub goals: u64,
    pub exited: u64,
    pub finished: u64,
}

impl Work<'_> {
    /// Notes that a run began, and settles what a dead one left in hand. The caller holds the run lock.
    ///
    /// `boot` names this start of the machine. What a run notes beyond its claims may be lost with the machine's
    /// power, so after another start a claim without an outcome says nothing about whether its content left.
    pub fn begin_run(&self, now: Instant, boot: Option<&str>) -> Result<(RunId, Recovered)> {
        self.sql("INSERT INTO runs (started_at, boot) VALUES (?1, ?2)")?.execute(params![millis(now), boot])?;
        let run = RunId(self.transaction.last_insert_rowid());
        self.expect_mails_from(now)?;
        self.sql(
            "UPDATE enrolments SET due_at = ?1 WHERE state = 'active'
             AND id IN (SELECT enrolment_id FROM open_sends WHERE state IN (0, 1))",
        )?
        .execute([millis(now)])?;
        let lost = self
            .sql(
                "UPDATE sends SET state = 7, reason = 'the machine went down before the answer was recorded'
                 WHERE id IN (SELECT id FROM open_sends WHERE state IN (0, 1)) AND reason IS NOT ?2
                 AND run_id IN (SELECT id FROM runs WHERE boot IS NOT NULL AND boot IS NOT ?1)",
            )?
            .execute(params![boot, PROVED])?;
        let given_back = self
            .sql("UPDATE sends SET state = 3, reason = 'given back: the run ended', at = ?1, retry_at = NULL WHERE state = 0")?
            .execute([millis(now)])?;
        // `at` stays: the moment the content began to leave is the best guess of when it arrived.
        self.sql("UPDATE sends SET state = 2 WHERE state = 1 AND reason = ?1")?.execute([PROVED])?;
        let unknown = self
            .sql("UPDATE sends SET state = 7, reason = 'the run ended before the answer was recorded' WHERE state = 1")?
            .execute([])?;
        Ok((run, Recovered { given_back, unknown: unknown + lost }))
    }

    /// Writes a run's row as it is, so that a transaction that was to wait for the disk has something to wait for.
    pub fn touch_run(&self, run: RunId) -> Result<()> {
        self.sql("UPDATE runs SET boot = boot WHERE id = ?1")?.execute([run.0])?;
        Ok(())
    }

    /// Returns when the last run began and ended, and what was wrong with it.
    pub fn last_run(&self) -> Result<Option<Ran>> {
        Ok(self
            .sql("SELECT started_at, ended_at, stopped FROM runs ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| {
                let ended_at: Option<i64> = row.get(1)?;
                Ok(Ran { started_at: instant(row.get(0)?), ended_at: ended_at.map(instant), stopped: row.get(2)? })
            })
            .optional()?)
    }

    /// Returns as of when the last run that came to its end looked at people.
    pub fn last_look(&self) -> Result<Option<Instant>> {
        let at: Option<i64> = self
            .sql("SELECT started_at FROM runs WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(at.map(instant))
    }

    /// Returns the latest time by the clock that any of the last thousand runs saw: whoever's clock went back and is right
    /// again has the time before that, and is not warned for ever.
    pub fn high_water(&self) -> Result<Option<Instant>> {
        let at: Option<i64> = self
            .sql(
                "SELECT max(max(started_at, coalesce(ended_at, started_at)))
                 FROM (SELECT started_at, ended_at FROM runs ORDER BY id DESC LIMIT 1000)",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(at.map(instant))
    }

    /// Returns when the last run ended that did all there was to do.
    pub fn last_good_run(&self) -> Result<Option<Instant>> {
        let at: Option<i64> = self
            .sql("SELECT ended_at FROM runs WHERE ended_at IS NOT NULL AND stopped IS NULL ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(at.map(instant))
    }

    /// Notes what a run did, and what was wrong if it stopped before its work was done.
    pub fn end_run(&self, run: RunId, totals: &RunTotals, stopped: Option<&str>, at: Instant) -> Result<()> {
        let totals = serde_json::to_string(totals).unwrap_or_default();
        self.sql("UPDATE runs SET ended_at = ?2, totals = ?3, stopped = ?4 WHERE id = ?1")?.execute(params![
            run.0,
            millis(at),
            totals,
            stopped
        ])?;
        self.credit_since(at)
    }
}
