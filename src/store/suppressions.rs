//! The suppression list, by hand: whole domains, and taking an entry off with a reason.

use rusqlite::params;

use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::id::ContactId;

/// An entry of the suppression list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// An address, or a domain as `@example.com`.
    pub entry: String,
    pub reason: String,
    pub at: Instant,
}

impl Work<'_> {
    /// Puts a domain, in its ASCII form, on the suppression list; returns whether it is new there.
    pub fn suppress_domain(&self, domain: &str, reason: &str, now: Instant) -> Result<bool> {
        let added = self
            .sql("INSERT INTO suppressions (kind, value, reason, at) VALUES ('domain', ?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![domain, reason, millis(now)])?;
        self.change_domain(domain)?;
        Ok(added == 1)
    }

    /// Notes that somebody who is no contact wants no mail, which no one takes back.
    pub fn opt_out(&self, address: &Address, reason: &str, now: Instant) -> Result<()> {
        self.suppress(address, reason, now)?;
        self.sql("INSERT INTO suppressions (kind, value, reason, at) VALUES ('opted_out', ?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![address.key(), reason, millis(now)])?;
        Ok(())
    }

    /// Says whether somebody opted out before they were a contact.
    pub fn has_opted_out(&self, address: &Address) -> Result<bool> {
        Ok(self
            .sql("SELECT EXISTS (SELECT 1 FROM suppressions WHERE kind = 'opted_out' AND value = ?1)")?
            .query_row([address.key()], |row| row.get(0))?)
    }

    /// Says whether an address, or its domain, is on the suppression list, whether or not it is a contact's.
    pub fn is_suppressed(&self, address: &Address) -> Result<bool> {
        Ok(self
            .sql(
                "SELECT EXISTS (SELECT 1 FROM suppressions
                 WHERE (kind = 'address' AND value = ?1) OR (kind = 'domain' AND value = ?2))",
            )?
            .query_row(params![address.key(), address.domain()], |row| row.get(0))?)
    }

    /// Returns every address and domain of the list, with reason and time, in order.
    pub fn suppression_list(&self) -> Result<Vec<Suppressed>> {
        let mut statement = self.sql(
            "SELECT iif(kind = 'domain', '@' || value, value), reason, at FROM suppressions
             WHERE kind IN ('address', 'domain') ORDER BY kind DESC, value",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Suppressed { entry: row.get(0)?, reason: row.get(1)?, at: instant(row.get(2)?) })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes an address off the suppression list, and keeps why; returns whether it stood there.
    pub fn lift_suppression(&self, address: &Address, reason: &str, now: Instant) -> Result<bool> {
        let lifted = self.lift("address", address.key(), address.key(), reason, now)?;
        self.sql("UPDATE contacts SET changed = 1 WHERE email_key = ?1")?.execute([address.key()])?;
        Ok(lifted)
    }

    /// Takes a domain off the suppression list, and keeps why; returns whether it stood there.
    pub fn lift_domain(&self, domain: &str, reason: &str, now: Instant) -> Result<bool> {
        let lifted = self.lift("domain", domain, &format!("@{domain}"), reason, now)?;
        self.change_domain(domain)?;
        Ok(lifted)
    }

    /// Notes a change of the suppression list in a contact's history of consent, which itself stays.
    pub fn note_consent(&self, id: ContactId, reason: &str, now: Instant) -> Result<()> {
        self.sql(
            "INSERT INTO consent_changes (contact_id, at, consent, reason) SELECT id, ?2, consent, ?3 FROM contacts WHERE id = ?1",
        )?
        .execute(params![id.0, millis(now), reason])?;
        Ok(())
    }

    fn lift(&self, kind: &str, value: &str, record: &str, reason: &str, now: Instant) -> Result<bool> {
        let rows =
            self.sql("DELETE FROM suppressions WHERE kind = ?1 AND value = ?2")?.execute(params![kind, value])?;
        if rows == 1 {
            self.sql("INSERT OR REPLACE INTO suppressions (kind, value, reason, at) VALUES ('lifted', ?1, ?2, ?3)")?
                .execute(params![record, reason, millis(now)])?;
        }
        Ok(rows == 1)
    }

    fn change_domain(&self, domain: &str) -> Result<()> {
        self.sql("UPDATE contacts SET changed = 1 WHERE substr(email_key, instr(email_key, '@') + 1) = ?1")?
            .execute([domain])?;
        Ok(())
    }
}
