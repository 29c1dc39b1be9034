//! What incoming mail says of mails that left.

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::reactions::told_by;
use super::{NewEvent, Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::id::{CampaignId, ContactId, SendId};
use crate::model::reaction::Reaction;

/// For how long a message that comes again is known.
const KEPT: TimeDelta = TimeDelta::days(90);
/// Why a mail counts as sent that no relay confirmed.
pub(super) const PROVED: &str = "proved by what came back";

/// A mail that left, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub send: SendId,
    pub contact: ContactId,
    pub email: String,
    pub campaign: CampaignId,
    pub step: String,
    /// When it left, or may have.
    pub at: Instant,
    /// Whether the relay took it or refused it for good: nothing that comes of it says more.
    pub is_settled: bool,
}

impl Work<'_> {
    /// Notes a message by its hash; returns whether it is the first time.
    pub fn hear(&self, hash: &str, now: Instant) -> Result<bool> {
        self.sql("DELETE FROM heard WHERE at < ?1")?.execute([millis(now - KEPT)])?;
        let rows = self.sql("INSERT OR IGNORE INTO heard VALUES (?1, ?2)")?.execute(params![hash, millis(now)])?;
        Ok(rows == 1)
    }

    /// Returns the mail of a row of the ledger, once it left or may have.
    pub fn sent(&self, send: SendId) -> Result<Option<Sent>> {
        Ok(self
            .sql(
                "SELECT n.contact_id, c.email, k.name, s.step, s.at, s.state = 2 OR s.state = 4 FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
                 JOIN contacts c ON c.id = n.contact_id JOIN campaigns k ON k.id = n.campaign_id
                 WHERE s.id = ?1 AND s.kind IS NULL AND s.state IN (1, 2, 3, 4, 7)",
            )?
            .query_row([send.0], |row| {
                Ok(Sent {
                    send,
                    contact: ContactId(row.get(0)?),
                    email: row.get(1)?,
                    campaign: CampaignId::new(row.get_ref(2)?.as_str().unwrap_or_default()),
                    step: row.get(3)?,
                    at: instant(row.get(4)?),
                    is_settled: row.get(5)?,
                })
            })
            .optional()?)
    }

    /// Returns the mail of a Message-ID, without its brackets.
    pub fn sent_as(&self, message_id: &str) -> Result<Option<Sent>> {
        let Some(send) = number_in(message_id) else { return Ok(None) };
        let known: bool = self
            .sql("SELECT EXISTS (SELECT 1 FROM sends WHERE id = ?1 AND message_id = ?2)")?
            .query_row(params![send.0, message_id], |row| row.get(0))?;
        if known { self.sent(send) } else { Ok(None) }
    }

    /// Records an event that came of a mail, with the mail's campaign and step.
    pub fn tell_of(&self, sent: &Sent, name: &str, mut properties: Map<String, Value>, now: Instant) -> Result<()> {
        if let Some(reaction) = told_by(name, &properties) {
            self.note_reaction(sent.send, reaction)?;
        }
        properties.insert("campaign".to_owned(), json!(sent.campaign.as_str()));
        properties.insert("step".to_owned(), json!(sent.step));
        properties.insert("send".to_owned(), json!(sent.send.0));
        self.add_event(&NewEvent { contact: sent.contact, name, at: now, properties: &properties }, None).map(drop)
    }

    /// Takes a mail of unknown fate for sent, also one that was to be sent again: something came of it. Returns whether it was.
    ///
    /// One that is on its way is noted alone: the run that has it in hand closes it, or the next one if that died.
    pub fn prove_sent(&self, sent: &Sent) -> Result<bool> {
        if sent.is_settled {
            return Ok(false);
        }
        let send = sent.send;
        self.sql("UPDATE sends SET reason = ?2 WHERE id = ?1 AND state = 1")?.execute(params![send.0, PROVED])?;
        let rows = self
            .sql("UPDATE sends SET state = 2, reason = ?2 WHERE id = ?1 AND (state = 7 OR state = 3 AND reason = 'to be sent again')")?
            .execute(params![send.0, PROVED])?;
        if rows == 1 {
            self.credit_contact_of(send)?;
        }
        Ok(rows == 1)
    }

    /// Returns to whom a mail went that a copy which was put back does not know: it left after the copy was made.
    pub fn lost_recipient(&self, send: SendId) -> Result<Option<Address>> {
        let key: Option<String> = self
            .sql("SELECT email_key FROM lost_sends WHERE id = ?1")?
            .query_row([send.0], |row| row.get(0))
            .optional()?;
        Ok(key.and_then(|key| Address::parse(&key).ok()))
    }

    /// Returns how many mails in a row came back from a contact with a soft bounce, counted back from this one. Later mails, of
    /// which nothing may be known yet, do not count, and a mail that came back for one of the reasons that are `passed` over
    /// neither counts nor ends the row.
    pub fn soft_streak(&self, contact: ContactId, send: SendId, passed: &[&str]) -> Result<u64> {
        let mut statement = self.sql(
            "SELECT (SELECT max(json_extract(e.properties, '$.reason') NOT IN (SELECT value FROM json_each(?3)))
                     FROM events e WHERE e.contact_id = ?1 AND e.name = 'bounced'
                     AND json_extract(e.properties, '$.send') = s.id AND json_extract(e.properties, '$.hard') = 0)
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.contact_id = ?1 AND s.state = 2 AND s.kind IS NULL
             AND (s.at, s.id) <= (SELECT at, id FROM sends WHERE id = ?2) ORDER BY s.at DESC, s.id DESC",
        )?;
        let mut rows = statement.query(params![contact.0, send.0, json!(passed).to_string()])?;
        let mut streak = 0;
        while let Some(row) = rows.next()? {
            let Some(counts) = row.get::<_, Option<bool>>(0)? else { break };
            streak += u64::from(counts);
        }
        Ok(streak)
    }

    /// Says whether an event of a name was recorded of a mail.
    pub fn is_told_of(&self, sent: &Sent, name: &str) -> Result<bool> {
        Ok(self
            .sql("SELECT EXISTS (SELECT 1 FROM events WHERE contact_id = ?1 AND name = ?2 AND json_extract(properties, '$.send') = ?3)")?
            .query_row(params![sent.contact.0, name, sent.send.0], |row| row.get(0))?)
    }

    /// Says whether somebody clicked on another link of the same mail, so shortly before or after a time.
    pub fn is_clicked_beside(&self, sent: &Sent, url: &str, at: Instant, within: TimeDelta) -> Result<bool> {
        let text = "SELECT EXISTS (SELECT 1 FROM events WHERE contact_id = ?1 AND name IN ('clicked', 'clicked_by_machine')
                        AND at BETWEEN ?2 AND ?3 AND json_extract(properties, '$.send') = ?4 AND json_extract(properties, '$.url') <> ?5)";
        let (from, to) = (millis(at - within), millis(at + within));
        Ok(self.sql(text)?.query_row(params![sent.contact.0, from, to, sent.send.0, url], |row| row.get(0))?)
    }

    /// Takes the clicks of a mail that were made so shortly before or after a time for a machine's, as they turn out to be.
    pub fn take_for_machine(&self, sent: &Sent, at: Instant, within: TimeDelta) -> Result<()> {
        let (from, to) = (millis(at - within), millis(at + within));
        for text in [
            "UPDATE OR IGNORE events SET name = 'clicked_by_machine' WHERE contact_id = ?1 AND name = 'clicked'
             AND at BETWEEN ?2 AND ?3 AND json_extract(properties, '$.send') = ?4",
            // Where a machine's click of that very moment is there already.
            "DELETE FROM events WHERE contact_id = ?1 AND name = 'clicked' AND at BETWEEN ?2 AND ?3
             AND json_extract(properties, '$.send') = ?4",
        ] {
            self.sql(text)?.execute(params![sent.contact.0, from, to, sent.send.0])?;
        }
        if !self.is_told_of(sent, Reaction::Clicked.as_str())? {
            self.forget_reaction(sent.send, Reaction::Clicked)?;
        }
        Ok(())
    }
}

/// Returns the number of a row that a Message-ID holds, so that no index is needed for it: `token.number.xproof@domain`, and
/// without a proof in mails of before there was one.
pub(super) fn number_in(message_id: &str) -> Option<SendId> {
    let local = message_id.split('@').next()?;
    let local = local.rsplit_once(".x").map_or(local, |(local, _)| local);
    local.rsplit('.').next()?.parse().ok().map(SendId)
}
