//! What links in mails rest on: the keys that sign them, and whose mail a link stands in.

use rusqlite::{OptionalExtension, params};

use super::{Result, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::contact::{Consent, Contact};
use crate::model::id::{ContactId, SendId};
use crate::model::reaction::Reaction;

/// The key of a number.
type Key = (u8, Vec<u8>);

impl Work<'_> {
    /// Returns the keys of links with their numbers, the newest last.
    pub fn link_keys(&self) -> Result<Vec<Key>> {
        let mut statement = self.sql("SELECT id, key FROM link_keys ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, u8>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (number, text) = row?;
            let bytes = bytes_of(&text).filter(|bytes| bytes.len() == 32);
            let wrong = || StoreError::Row(format!("key {number} of the table link_keys"));
            Ok((number, bytes.ok_or_else(wrong)?))
        })
        .collect()
    }

    /// Returns the numbers of the keys of links, and when they were made, the newest last.
    pub fn link_key_ages(&self) -> Result<Vec<(u8, Instant)>> {
        let mut statement = self.sql("SELECT id, made_at FROM link_keys ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, instant(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Makes a new key, which signs from now on; returns its number, or nothing where there are as many as there can be.
    pub fn add_link_key(&self, now: Instant) -> Result<Option<u8>> {
        let last: u8 = self.sql("SELECT max(id) FROM link_keys")?.query_row([], |row| row.get(0))?;
        let Some(number) = last.checked_add(1) else { return Ok(None) };
        self.sql("INSERT INTO link_keys VALUES (?1, lower(hex(randomblob(32))), ?2)")?
            .execute(params![number, millis(now)])?;
        Ok(Some(number))
    }

    /// Has whoever got a send's mail get nothing more; returns the contact, where it is one.
    pub fn leave(&self, send: SendId, reason: &str, now: Instant) -> Result<Option<Contact>> {
        let contact = self.contact_of_send(send)?;
        if let Some(contact) = &contact {
            self.narrow_consent(contact.id, Consent::Unsubscribed, reason, now)?;
            self.note_reaction(send, Reaction::Unsubscribed)?;
            return Ok(Some(contact.clone()));
        }
        // A mail that a copy which was put back does not know, to somebody whom it does not know either.
        if let Some(address) = self.lost_recipient(send)? {
            self.opt_out(&address, reason, now)?;
        }
        Ok(None)
    }

    /// Returns whose mail a send was; `None` where the row is gone, as after `drip contact forget`.
    pub fn contact_of_send(&self, send: SendId) -> Result<Option<Contact>> {
        let id: Option<i64> = self
            .sql(
                "SELECT n.contact_id FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = ?1
                 UNION ALL SELECT c.id FROM lost_sends l JOIN contacts c ON c.email_key = l.email_key WHERE l.id = ?1 LIMIT 1",
            )?
            .query_row([send.0], |row| row.get(0))
            .optional()?;
        id.map(|id| self.contact_of(ContactId(id))).transpose()
    }
}

fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
