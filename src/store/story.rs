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
    /// `added`, `event`, `enrolled`, `send`, `step`, `notify`, `webhook`, `ended` or `consent`.
    pub kind: String,
    /// In words.
    pub what: String,
    /// When a deferred mail is tried again.
    pub retry_at: Option<Instant>,
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
            "SELECT created_at AS at, 'added' AS kind, CASE WHEN EXISTS (SELECT 1 FROM consent_changes WHERE contact_id = ?1)
                    THEN 'its consent then is not recorded' ELSE consent || ' (its source is not recorded)' END AS what, 0 AS rank, NULL AS retry_at, 0 AS number FROM contacts
             WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM consent_changes WHERE contact_id = ?1 AND at <= created_at)
             UNION ALL
             SELECT h.at, CASE WHEN h.at = c.created_at THEN 'added' ELSE 'consent' END, h.consent || ' (' || h.reason || ')',
                    CASE WHEN h.at = c.created_at THEN 0 ELSE 5 END, NULL, 0
             FROM consent_changes h JOIN contacts c ON c.id = h.contact_id WHERE h.contact_id = ?1
             UNION ALL
             SELECT at, 'event', name || coalesce(' ' || properties, ''), 1, NULL, id FROM events WHERE contact_id = ?1
             UNION ALL
             SELECT n.entered_at, 'enrolled', k.name || CASE WHEN n.round > 1 THEN ' (round ' || n.round || ')' ELSE '' END
                    || coalesce(' by ' || e.name, '') || CASE WHEN n.holdout > 0 THEN ', held out' ELSE '' END, 2, NULL, n.id
             FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id LEFT JOIN events e ON e.id = n.event_id WHERE n.contact_id = ?1
             UNION ALL
             SELECT s.at, coalesce(s.kind, CASE WHEN s.state IN (6, 8) THEN 'step' ELSE 'send' END), k.name || ' ' || s.step || CASE WHEN n.round > 1 THEN ' (round ' || n.round || ')' ELSE '' END
                    || coalesce(' [' || s.variant || ']', '') || ': ' || w.word || coalesce(' (' || s.reason || ')', ''), 3,
                    CASE WHEN s.state = 3 THEN s.retry_at END, s.id
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id JOIN campaigns k ON k.id = n.campaign_id
                  JOIN send_states w ON w.state = s.state WHERE n.contact_id = ?1
             UNION ALL
             SELECT n.ended_at, 'ended', k.name || CASE WHEN n.round > 1 THEN ' (round ' || n.round || ')' ELSE '' END || ': ' || n.state
                    || CASE WHEN n.state = 'exited' THEN coalesce(' (' || n.reason || ')', '')
                            WHEN n.state = 'goal' THEN coalesce(' after ' || n.goal_step, '') ELSE '' END, 4, NULL, n.id
             FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id WHERE n.contact_id = ?1 AND n.ended_at IS NOT NULL
             ORDER BY 1, 4, 6",
        )?;
        let rows = statement.query_map([id.0], |row| {
            let retry_at: Option<i64> = row.get(4)?;
            let (at, retry_at) = (instant(row.get(0)?), retry_at.map(instant));
            Ok(StoryLine { at, kind: row.get(1)?, what: row.get(2)?, retry_at })
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
