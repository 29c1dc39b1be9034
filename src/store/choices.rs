//! What readers choose for themselves: yes to the list, which subjects, a pause.

use std::collections::BTreeSet;

use rusqlite::params;
use serde_json::Map;

use super::{NewEvent, Result, Work, millis};
use crate::model::Instant;
use crate::model::contact::{Consent, Contact};
use crate::model::id::{CampaignId, ContactId, SendId};

impl Work<'_> {
    /// Has whoever got a send's mail be subscribed, if they were asked and have not said no; returns the contact as it is then.
    pub fn confirm(&self, send: SendId, reason: &str, now: Instant) -> Result<Option<Contact>> {
        let Some(contact) = self.contact_of_send(send)? else { return Ok(None) };
        if contact.consent != Consent::Pending {
            return Ok(Some(contact));
        }
        self.set_consent(contact.id, Consent::Subscribed, reason, now)?;
        match self.sent(send)? {
            Some(sent) => {
                self.prove_sent(&sent)?;
                self.tell_of(&sent, "confirmed", Map::new(), now)?;
            }
            None => {
                let properties = Map::new();
                let event = NewEvent { contact: contact.id, name: "confirmed", at: now, properties: &properties };
                self.add_event(&event, None)?;
            }
        }
        self.contact_of(contact.id).map(Some)
    }

    /// Has everyone who paused all mail be looked at anew, at that moment.
    pub fn wake_paused(&self, at: Instant) -> Result<()> {
        self.sql(
            "UPDATE enrolments SET due_at = ?1 WHERE state = 'active' AND due_at > ?1
             AND contact_id IN (SELECT id FROM contacts WHERE paused_until IS NOT NULL)",
        )?
        .execute([millis(at)])?;
        Ok(())
    }

    /// Returns the campaigns that a contact is or was in, by name.
    pub fn campaigns_of(&self, contact: ContactId) -> Result<Vec<CampaignId>> {
        let mut statement = self.sql(
            "SELECT DISTINCT k.name FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id WHERE n.contact_id = ?1 ORDER BY 1",
        )?;
        let rows = statement.query_map([contact.0], |row| Ok(CampaignId::new(row.get_ref(0)?.as_str()?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes of which subjects a contact wants nothing, and until when no mail at all, each change with its time.
    pub fn choose(
        &self,
        contact: &Contact,
        refused: &BTreeSet<String>,
        paused_until: Option<Instant>,
        now: Instant,
    ) -> Result<()> {
        let mut changes: Vec<String> = Vec::new();
        changes.extend(refused.difference(&contact.refused).map(|subject| format!("wants nothing of {subject}")));
        changes.extend(contact.refused.difference(refused).map(|subject| format!("wants {subject} again")));
        match (contact.pause(now), paused_until) {
            (before, Some(until)) if before != Some(until) => {
                changes.push(format!("wants no mail until {}", until.format("%Y-%m-%dT%H:%M:%SZ")));
            }
            (Some(_), None) => changes.push("ends the pause".to_owned()),
            _ => {}
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.sql("UPDATE contacts SET refused = ?2, paused_until = ?3, changed = 1 WHERE id = ?1")?.execute(
            params![contact.id.0, serde_json::to_string(refused).unwrap_or_default(), paused_until.map(millis)],
        )?;
        changes.iter().try_for_each(|change| self.note_consent(contact.id, change, now))
    }
}
