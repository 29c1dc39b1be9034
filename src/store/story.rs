//! One person's story: what drip knows of them, in the order in which it happened.

use rusqlite::{OptionalExtension, params};

use super::{Result, Work, instant};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::id::ContactId;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryLine {
    pub at: Instant,
    /// `event`, `enrolled`, `ended`, `send` or `consent`.
    pub kind: String,
    /// In words.
    pub what: String,
}

/// When a contact was added, and why it is suppressed if it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSummary {
    pub created_at: Instant,
    pub suppressed: Option<String>,
}

impl Work<'_> {
    /// Returns what stands beside a contact's own data.
    pub fn contact_summary(&self, id: ContactId) -> Result<ContactSummary> {
        Ok(self
            .sql(
                "SELECT created_at, (SELECT s.reason FROM suppressions s
                 WHERE (s.kind = 'address' AND s.value = c.email_key)
                    OR (s.kind = 'domain' AND s.value = substr(c.email_key, instr(c.email_key, '@') + 1)) LIMIT 1)
                 FROM contacts c WHERE id = ?1",
            )?
            .query_row([id.0], |row| {
                Ok(ContactSummary { created_at: instant(row.get(0)?), suppressed: row.get(1)? })
            })?)
    }

    /// Returns everything that happened to a contact, oldest first.
    pub fn story(&self, id: ContactId) -> Result<Vec<StoryLine>> {
        let mut statement = self.sql(
            "SELECT at, 'event' AS kind, name || coalesce(' ' || properties, '') AS what, 0 AS rank FROM events WHERE contact_id = ?1
             UNION ALL
             SELECT n.entered_at, 'enrolled', k.name || CASE WHEN n.round > 1 THEN ' (round ' || n.round || ')' ELSE '' END, 1
             FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id WHERE n.contact_id = ?1
             UNION ALL
             SELECT s.at, 'send', k.name || ' ' || s.step || ': ' || w.word || coalesce(' (' || s.reason || ')', ''), 2
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id JOIN campaigns k ON k.id = n.campaign_id
                  JOIN send_states w ON w.state = s.state WHERE n.contact_id = ?1
             UNION ALL
             SELECT n.ended_at, 'ended', k.name || ': ' || n.state || CASE WHEN n.state = 'exited' THEN coalesce(' (' || n.reason || ')', '') ELSE '' END, 3
             FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id WHERE n.contact_id = ?1 AND n.ended_at IS NOT NULL
             UNION ALL
             SELECT at, 'consent', consent || ' (' || reason || ')', 4 FROM consent_changes WHERE contact_id = ?1
             ORDER BY 1, 4",
        )?;
        let rows = statement.query_map([id.0], |row| {
            Ok(StoryLine { at: instant(row.get(0)?), kind: row.get(1)?, what: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns why an address is on the suppression list.
    pub fn suppression(&self, address: &Address) -> Result<Option<String>> {
        Ok(self
            .sql("SELECT reason FROM suppressions WHERE kind = 'address' AND value = ?1")?
            .query_row(params![address.key()], |row| row.get(0))
            .optional()?)
    }
}
