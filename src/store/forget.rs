//! Erasing a person, so that no byte of them stays in the file, and knowing them again without their address.
//!
//! One transaction takes everything out and puts a keyed hash of the address on the suppression list:
//! killed at any moment, either all of it happened or nothing. What was deleted may still lie in the
//! write-ahead log or in slack space of a page; [`Store::sweep`] writes the file anew without it. A
//! sweep that was cut off is made up for by the next one.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{OptionalExtension, params};
use sha2::Sha256;

use super::{Result, Store, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::octets::hexadecimal;

/// How long a sweep waits for others.
const PATIENCE: Duration = Duration::from_secs(5);

impl Store {
    /// Rewrites the file and empties its log; returns whether that was possible while others use it.
    pub fn sweep(&mut self) -> Result<bool> {
        // Whoever reads for longer is told of; a person waits for this.
        self.connection.busy_timeout(PATIENCE)?;
        match self.connection.execute_batch("VACUUM").map_err(StoreError::from) {
            Err(StoreError::Busy(_)) => return Ok(false),
            rewritten => rewritten?,
        }
        // The log may hold pages from before the rewriting: it is only empty when nobody reads from it.
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    /// Has whatever is deleted from now on overwritten with zeros.
    pub fn overwrite_deleted(&self) -> Result<()> {
        // An answer row; `execute_batch` steps over it.
        Ok(self.connection.execute_batch("PRAGMA secure_delete=ON")?)
    }
}

impl Work<'_> {
    /// Erases everything about an address but a keyed hash; returns whether anything was known.
    pub fn forget(&self, address: &Address, now: Instant) -> Result<bool> {
        self.sql(
            "INSERT INTO meta SELECT 'last_send', coalesce(max(id), 0) FROM sends WHERE true
             ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([])?;
        self.sql("DELETE FROM lost_sends WHERE email_key = ?1")?.execute([address.key()])?;
        self.sql("DELETE FROM lost_choices WHERE email_key = ?1")?.execute([address.key()])?;
        self.sql(
            "DELETE FROM arrivals WHERE send_id IN (SELECT s.id FROM contacts c JOIN enrolments n ON n.contact_id = c.id
                 JOIN sends s ON s.enrolment_id = n.id WHERE c.email_key = ?1)",
        )?
        .execute([address.key()])?;
        let contacts = self.sql("DELETE FROM contacts WHERE email_key = ?1")?.execute([address.key()])?;
        let listed = self
            .sql("DELETE FROM suppressions WHERE kind IN ('address', 'lifted', 'opted_out') AND value = ?1")?
            .execute([address.key()])?;
        // A relay's words, which pause a campaign, often repeat the address.
        self.sql(
            "UPDATE campaigns SET paused = 'the reason named someone who was forgotten since'
             WHERE instr(lower(paused), ?1) OR instr(lower(paused), lower(?2))",
        )?
        .execute([address.key(), address.as_str()])?;
        if contacts + listed == 0 {
            return Ok(false);
        }
        self.sql(
            "INSERT INTO suppressions (kind, value, reason, at) VALUES ('forgotten', ?1, 'forgotten', ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![self.mark(address)?, millis(now)])?;
        self.forgot.set(Some(true));
        Ok(true)
    }

    /// Returns when an address was forgotten, if it was.
    pub fn forgotten_at(&self, address: &Address) -> Result<Option<Instant>> {
        // An import of a million addresses hashes none, and looks for none, where nobody was ever forgotten.
        let any = match self.forgot.get() {
            Some(any) => any,
            None => self
                .sql("SELECT EXISTS (SELECT 1 FROM suppressions WHERE kind = 'forgotten')")?
                .query_row([], |row| row.get(0))?,
        };
        self.forgot.set(Some(any));
        if !any {
            return Ok(None);
        }
        let at: Option<i64> = self
            .sql("SELECT at FROM suppressions WHERE kind = 'forgotten' AND value = ?1")?
            .query_row([self.mark(address)?], |row| row.get(0))
            .optional()?;
        Ok(at.map(instant))
    }

    /// Says whether an address was forgotten.
    pub fn is_forgotten(&self, address: &Address) -> Result<bool> {
        Ok(self.forgotten_at(address)?.is_some())
    }

    /// Returns what stands for an address that was forgotten: without the secret, nobody can try addresses on it.
    fn mark(&self, address: &Address) -> Result<String> {
        let secret: String =
            self.sql("SELECT value FROM meta WHERE key = 'secret'")?.query_row([], |row| row.get(0))?;
        mark(&secret, address.key())
    }
}

/// Returns what stands for an address that was forgotten.
pub(super) fn mark(secret: &str, key: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|_| StoreError::Row("`secret` of the table meta".to_owned()))?;
    mac.update(key.as_bytes());
    Ok(hexadecimal(mac.finalize().into_bytes()))
}
