//! Everything `decide` needs of an enrolment, loaded in one place.

use std::sync::Arc;

use rusqlite::params;

use super::enrolments::state_of;
use super::ledger::state_at;
use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::enrolment::Enrolment;
use crate::model::facts::Facts;
use crate::model::id::{CampaignId, ContactId, EnrolmentId, StepId};
use crate::model::send::{SendKind, SendRecord};

impl Work<'_> {
    /// Loads the facts of an enrolment as of `now`: its contact's events only where `events` asks for
    /// them, the contact's mails only where the cap looks back to `mails_since`.
    pub fn facts(
        &self,
        id: EnrolmentId,
        campaign: &CampaignId,
        events: bool,
        mails_since: Option<Instant>,
        now: Instant,
    ) -> Result<Facts> {
        let (contact, round, state, position, entered_at, held_out) = self
            .sql("SELECT contact_id, round, state, position, entered_at, coalesce(holdout > 0, 0) FROM enrolments WHERE id = ?1")?
            .query_row([id.0], |row| {
                let position: Option<String> = row.get(3)?;
                Ok((ContactId(row.get(0)?), row.get(1)?, row.get::<_, String>(2)?, position, instant(row.get(4)?), row.get(5)?))
            })?;
        let enrolment = Enrolment {
            id,
            contact,
            campaign: campaign.clone(),
            round,
            state: state_of(&state)?,
            position: position.map(StepId::new),
            entered_at,
            held_out,
        };
        Ok(Facts {
            contact: self.contact_of(contact)?,
            events: if events { self.events_of(contact, now)? } else { Vec::new() },
            sends: self.sends_of(id)?,
            recent_mails: mails_since.map_or_else(|| Ok(Vec::new()), |since| self.mails_to(contact, since))?,
            trials: Arc::default(),
            enrolment,
        })
    }

    pub(super) fn sends_of(&self, id: EnrolmentId) -> Result<Vec<SendRecord>> {
        let mut statement =
            self.sql("SELECT step, state, at, retry_at, kind, variant, reason FROM sends WHERE enrolment_id = ?1")?;
        let mut rows = statement.query([id.0])?;
        let mut sends = Vec::new();
        while let Some(row) = rows.next()? {
            sends.push(SendRecord {
                step: row.get(0)?,
                state: state_at(row.get(1)?)?,
                at: instant(row.get(2)?),
                retry_at: row.get::<_, Option<i64>>(3)?.map(instant),
                kind: SendKind::from_word(row.get_ref(4)?.as_str_or_null().unwrap_or_default()),
                variant: row.get(5)?,
                reason: row.get(6)?,
            });
        }
        Ok(sends)
    }

    /// Returns when campaign mails to a contact left, or may have, or are about to: claimed, sending, sent, unknown. Those that
    /// asked whether they want any do not count.
    fn mails_to(&self, contact: ContactId, since: Instant) -> Result<Vec<Instant>> {
        let mut statement = self.sql(
            "SELECT s.at FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.contact_id = ?1 AND (s.state <= 2 OR s.state = 7) AND s.at >= ?2 AND s.kind IS NULL
             AND n.campaign_id NOT IN (SELECT id FROM campaigns WHERE audience = 'pending')",
        )?;
        let rows = statement.query_map(params![contact.0, millis(since)], |row| Ok(instant(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
