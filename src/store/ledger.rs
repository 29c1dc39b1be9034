//! The ledger: one row for one step of one enrolment, written before anything leaves.

use rusqlite::{OptionalExtension, params};

use super::heard::PROVED;
use super::{Result, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::campaign::Step;
use crate::model::event::Event;
use crate::model::id::{CampaignId, ContactId, EnrolmentId, EventId, RunId, SendId};
use crate::model::send::{SendKind, SendState};

/// A step to take in hand.
#[derive(Debug, Clone, Copy)]
pub struct NewClaim<'a> {
    pub enrolment: EnrolmentId,
    /// As the ledger calls it.
    pub step: &'a str,
    pub kind: SendKind,
    /// Which mail of a test it is.
    pub variant: Option<&'a str>,
    pub due: Instant,
}

/// A row that a run has taken in hand.
#[derive(Debug, Clone)]
pub struct Claim {
    pub send: SendId,
    /// When the row was made: the same on each attempt.
    pub made_at: Instant,
    /// Without the brackets; the same on each attempt.
    pub message_id: String,
    /// How often the content was offered before.
    pub attempts: u32,
    /// When it was first put off.
    pub tried_at: Option<Instant>,
}

/// What a contact has had of a step.
#[derive(Debug, Clone, Default)]
pub struct LastSend {
    /// Its row, with Message-ID and date.
    pub row: Option<(SendId, String, Instant)>,
    pub variant: Option<String>,
    /// The event that let the contact in.
    pub event: Option<Event>,
}

/// How a row ends, or is put off.
#[derive(Debug, Clone)]
pub struct Closing<'a> {
    pub state: SendState,
    pub reason: Option<&'a str>,
    pub at: Instant,
    pub retry_at: Option<Instant>,
}

/// What must hold at the last moment of a row (?1) of a run (?2), which is now (?3): nobody has taken it, paused its campaign
/// or said no since. A pause of all mail stops no call of a web address.
macro_rules! may_leave {
    () => {
        "id = ?1 AND run_id = ?2 AND state = 0
         AND EXISTS (SELECT 1 FROM enrolments n JOIN contacts c ON c.id = n.contact_id
                     JOIN campaigns k ON k.id = n.campaign_id
                     WHERE n.id = sends.enrolment_id AND c.consent = k.audience AND k.paused IS NULL
                     AND (sends.kind IS NOT NULL OR c.paused_until IS NULL OR c.paused_until <= ?3)
                     AND (c.refused = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(c.refused) r WHERE r.value = k.subject OR r.value = 'campaign/' || k.name))
                     AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'address' AND s.value = c.email_key)
                     AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'domain'
                                     AND s.value = substr(c.email_key, instr(c.email_key, '@') + 1)))"
    };
}

impl Work<'_> {
    /// Takes a step in hand: makes its row, or takes up the one that was deferred, held or given back.
    pub fn claim(
        &self,
        new: &NewClaim<'_>,
        run: RunId,
        now: Instant,
        message_id: impl FnOnce(SendId) -> String,
    ) -> Result<Claim> {
        let NewClaim { enrolment, step, kind, variant, due } = *new;
        let known = self
            .sql(
                "SELECT id, made_at, message_id, attempts, state, tried_at,
                        (SELECT c.paused_until BETWEEN sends.at AND ?3 FROM enrolments n JOIN contacts c ON c.id = n.contact_id
                         WHERE n.id = sends.enrolment_id) FROM sends WHERE enrolment_id = ?1 AND step = ?2",
            )?
            .query_row(params![enrolment.0, step, millis(now)], |row| {
                Ok((
                    SendId(row.get(0)?),
                    instant(row.get(1)?),
                    row.get::<_, Option<String>>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get::<_, Option<i64>>(5)?,
                    row.get::<_, Option<bool>>(6)?.unwrap_or(false),
                ))
            })
            .optional()?;
        let (send, made_at, message_id, attempts, tried_at) = match known {
            Some((send, made_at, Some(message_id), attempts, state, tried_at, was_paused)) => {
                let state = state_at(state)?;
                if state.is_closed() || state == SendState::Sending {
                    return Err(StoreError::Row(format!("send {send} is `{}` and cannot be claimed", state.as_str())));
                }
                // Whoever mended what held it has not tried it yet; and a pause is not the relay's patience.
                let anew = state == SendState::Held || was_paused;
                let (attempts, tried_at) = if anew { (0, None) } else { (attempts, tried_at) };
                self.sql(
                    "UPDATE sends SET state = 0, reason = NULL, at = ?2, retry_at = NULL, run_id = ?3, kind = ?4, variant = ?5,
                            attempts = ?6, tried_at = ?7
                     WHERE id = ?1",
                )?
                .execute(params![send.0, millis(now), run.0, kind.as_word(), variant, attempts, tried_at])?;
                (send, made_at, message_id, attempts, tried_at.map(instant))
            }
            Some((send, ..)) => return Err(StoreError::Row(format!("send {send} has no Message-ID"))),
            None => {
                let send = self.next_send()?;
                let message_id = message_id(send);
                self.sql(
                    "INSERT INTO sends (id, enrolment_id, step, state, due_at, made_at, at, run_id, message_id, kind, variant)
                     VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    send.0,
                    enrolment.0,
                    step,
                    millis(due),
                    millis(now),
                    run.0,
                    message_id,
                    kind.as_word(),
                    variant
                ])?;
                (send, now, message_id, 0, None)
            }
        };
        self.sql("UPDATE enrolments SET position = ?2, due_at = NULL WHERE id = ?1")?
            .execute(params![enrolment.0, step])?;
        Ok(Claim { send, made_at, message_id, attempts, tried_at })
    }

    /// Returns the number of the next row. A Message-ID or a bounce address made of one is never made again, though the
    /// row may be forgotten.
    fn next_send(&self) -> Result<SendId> {
        let last: i64 = self
            .sql(
                "SELECT max(coalesce((SELECT max(id) FROM sends), 0),
                            coalesce((SELECT value FROM meta WHERE key = 'last_send'), 0))",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(SendId(last + 1))
    }

    /// Records a step that sends nothing: skipped, or done.
    pub fn record(
        &self,
        enrolment: EnrolmentId,
        step: &str,
        due: Instant,
        closing: &Closing<'_>,
        run: RunId,
    ) -> Result<()> {
        self.sql(
            "INSERT INTO sends (enrolment_id, step, state, reason, due_at, made_at, at, run_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
             ON CONFLICT (enrolment_id, step) DO UPDATE SET state = ?3, reason = ?4, at = ?6, retry_at = NULL, run_id = ?7
             WHERE state = 0 OR state = 3 OR state = 5",
        )?
        .execute(params![
            enrolment.0,
            step,
            index_of(closing.state),
            closing.reason,
            millis(due),
            millis(closing.at),
            run.0
        ])?;
        Ok(())
    }

    /// Notes that the content is about to leave. Committed before its first byte does.
    ///
    /// Returns whether the row was this run's to send; otherwise nothing may leave.
    pub fn set_sending(&self, send: SendId, run: RunId, at: Instant) -> Result<bool> {
        let rows = self
            .sql(concat!("UPDATE sends SET state = 1, at = ?3, attempts = attempts + 1 WHERE ", may_leave!()))?
            .execute(params![send.0, run.0, millis(at)])?;
        Ok(rows == 1)
    }

    /// Says whether a row is this run's to call a web address for, and whether its contact still wants it.
    pub fn may_call(&self, send: SendId, run: RunId, at: Instant) -> Result<bool> {
        Ok(self
            .sql(concat!("SELECT EXISTS (SELECT 1 FROM sends WHERE ", may_leave!(), ")"))?
            .query_row(params![send.0, run.0, millis(at)], |row| row.get(0))?)
    }

    /// Closes a row that this run has in hand, or puts it off.
    pub fn close(&self, send: SendId, closing: &Closing<'_>) -> Result<()> {
        let attempted = i64::from(closing.state == SendState::Deferred && closing.retry_at.is_some());
        let rows = self
            .sql(
                "UPDATE sends SET attempts = attempts + CASE WHEN state = 0 THEN ?6 ELSE 0 END, state = ?2, reason = ?3, at = ?4, retry_at = ?5,
                        tried_at = CASE WHEN ?6 THEN coalesce(tried_at, ?4) ELSE tried_at END
                 WHERE id = ?1 AND state IN (0, 1) AND NOT (?2 IN (3, 7) AND state = 1 AND coalesce(reason, '') = ?7)",
            )?
            .execute(params![
                send.0,
                index_of(closing.state),
                closing.reason,
                millis(closing.at),
                closing.retry_at.map(millis),
                attempted,
                PROVED
            ])?;
        if rows == 1 {
            return Ok(());
        }
        // What came of it while the relay's answer was waited for says that it arrived, whatever the answer was.
        let rows = self
            .sql("UPDATE sends SET state = 2, at = ?2, retry_at = NULL WHERE id = ?1 AND state = 1 AND reason = ?3")?
            .execute(params![send.0, millis(closing.at), PROVED])?;
        if rows == 1 { Ok(()) } else { Err(StoreError::Row(format!("send {send} is not in hand"))) }
    }

    /// Returns what a contact's last passage through a campaign has for a step.
    pub fn last_send(&self, contact: ContactId, campaign: &CampaignId, step: &Step) -> Result<LastSend> {
        let passage: Option<(i64, Option<i64>)> = self
            .sql(
                "SELECT n.id, n.event_id FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id
                 WHERE n.contact_id = ?1 AND k.name = ?2 ORDER BY n.round DESC LIMIT 1",
            )?
            .query_row(params![contact.0, campaign.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((passage, event)) = passage else { return Ok(LastSend::default()) };
        let event = event.map(|id| self.event(EventId(id))).transpose()?.flatten();
        let mut found = LastSend { event, ..LastSend::default() };
        let mut statement =
            self.sql("SELECT step, id, message_id, made_at, variant FROM sends WHERE enrolment_id = ?1")?;
        let mut rows = statement.query([passage])?;
        while let Some(row) = rows.next()? {
            if !step.is_called(row.get_ref(0)?.as_str().unwrap_or_default()) {
                continue;
            }
            let message_id: Option<String> = row.get(2)?;
            let (send, made_at) = (SendId(row.get(1)?), instant(row.get(3)?));
            found.row = message_id.map(|id| (send, id, made_at));
            found.variant = row.get(4)?;
        }
        Ok(found)
    }

    /// Counts mails that leave, in the minute of an instant.
    pub fn count_outflow(&self, mails: u64, at: Instant) -> Result<()> {
        self.sql("INSERT INTO outflow VALUES (?1, ?2) ON CONFLICT (minute) DO UPDATE SET mails = mails + ?2")?
            .execute(params![at.timestamp().div_euclid(60), mails])?;
        Ok(())
    }

    /// Returns how many mails left in the minutes that begin after `since`.
    pub fn outflow_since(&self, since: Instant) -> Result<u64> {
        Ok(self
            .sql("SELECT coalesce(sum(mails), 0) FROM outflow WHERE minute > ?1")?
            .query_row([since.timestamp().div_euclid(60)], |row| row.get(0))?)
    }

    /// Returns the minute in which the first mail left.
    pub fn first_outflow(&self) -> Result<Option<Instant>> {
        let minute: Option<i64> = self.sql("SELECT min(minute) FROM outflow")?.query_row([], |row| row.get(0))?;
        Ok(minute.map(|minute| instant(minute * 60_000)))
    }

    /// Returns what signs tokens of this project.
    pub fn secret(&self) -> Result<String> {
        Ok(self.sql("SELECT value FROM meta WHERE key = 'secret'")?.query_row([], |row| row.get(0))?)
    }

    /// Returns what makes Message-IDs of this project its own.
    pub fn token(&self) -> Result<String> {
        Ok(self.sql("SELECT value FROM meta WHERE key = 'token'")?.query_row([], |row| row.get(0))?)
    }
}

/// Returns the number that stands for a state in the table.
pub(super) fn index_of(state: SendState) -> usize {
    SendState::ALL.iter().position(|known| *known == state).unwrap_or(usize::MAX)
}

pub(super) fn state_at(index: usize) -> Result<SendState> {
    SendState::ALL.get(index).copied().ok_or_else(|| StoreError::Row(format!("send state {index}")))
}
