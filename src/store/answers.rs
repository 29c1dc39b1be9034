//! Requests that were answered, so that one that is made again has no second effect.

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, params};

use super::{Result, Work, millis};
use crate::model::Instant;

/// For how long an answer is kept.
const KEPT: TimeDelta = TimeDelta::days(7);

impl Work<'_> {
    /// Returns what was answered to the request of a key: what identifies the request, and the answer.
    pub fn answered(&self, key: &str) -> Result<Option<(String, String)>> {
        Ok(self
            .sql("SELECT request, answer FROM answers WHERE key = ?1")?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// Notes what is answered to the request of a key, and forgets what was answered long ago.
    pub fn note_answer(&self, key: &str, request: &str, answer: &str, now: Instant) -> Result<()> {
        self.sql("DELETE FROM answers WHERE at < ?1")?.execute([millis(now - KEPT)])?;
        self.sql("INSERT OR REPLACE INTO answers VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            key,
            request,
            answer,
            millis(now)
        ])?;
        Ok(())
    }
}
