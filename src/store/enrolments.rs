//! Enrolments: who is in which campaign, waiting for what, due when.

use rusqlite::{OptionalExtension, params};

use super::{CampaignRow, Result, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::enrolment::{EnrolmentState, Passage};
use crate::model::id::{ContactId, EnrolmentId, EventId};

/// A passage to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewEnrolment {
    pub contact: ContactId,
    pub campaign: CampaignRow,
    pub round: u32,
    pub entered_at: Instant,
    /// The event that triggered it.
    pub event: Option<EventId>,
    /// When to look at it first.
    pub due_at: Instant,
    /// The hundredths that are held out, where some are: of who is held out, and with a minus of who is not.
    pub holdout: Option<i32>,
}

impl Work<'_> {
    /// Begins a passage.
    pub fn enrol(&self, new: &NewEnrolment) -> Result<EnrolmentId> {
        self.sql(
            "INSERT INTO enrolments (contact_id, campaign_id, round, entered_at, event_id, due_at, holdout) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            new.contact.0,
            new.campaign.0,
            new.round,
            millis(new.entered_at),
            new.event.map(|id| id.0),
            millis(new.due_at),
            new.holdout
        ])?;
        Ok(EnrolmentId(self.transaction.last_insert_rowid()))
    }

    /// Returns a contact's last passage through a campaign.
    pub fn last_passage(&self, contact: ContactId, campaign: CampaignRow) -> Result<Option<Passage>> {
        self.sql(
            "SELECT round, state, ended_at FROM enrolments WHERE contact_id = ?1 AND campaign_id = ?2
             ORDER BY round DESC LIMIT 1",
        )?
        .query_row(params![contact.0, campaign.0], |row| {
            let state = row.get_ref(1)?.as_str()?;
            Ok(Passage {
                round: row.get(0)?,
                state: state_of(state).unwrap_or(EnrolmentState::Exited),
                ended_at: row.get::<_, Option<i64>>(2)?.map(instant),
            })
        })
        .optional()
        .map_err(Into::into)
    }

    /// Returns up to `limit` enrolments of a campaign that are due, the longest due first.
    pub fn due(&self, campaign: CampaignRow, now: Instant, limit: usize) -> Result<Vec<EnrolmentId>> {
        let mut statement =
            self.sql("SELECT id FROM enrolments WHERE campaign_id = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![campaign.0, millis(now), limit], |row| Ok(EnrolmentId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns when to look at an enrolment next.
    pub fn due_at(&self, id: EnrolmentId) -> Result<Option<Instant>> {
        let due: Option<i64> =
            self.sql("SELECT due_at FROM enrolments WHERE id = ?1")?.query_row([id.0], |row| row.get(0))?;
        Ok(due.map(instant))
    }

    /// Notes what an enrolment waits for, and until when; `None`: until something changes.
    pub fn wait(&self, id: EnrolmentId, position: Option<&str>, until: Option<Instant>) -> Result<()> {
        self.sql("UPDATE enrolments SET position = ?2, due_at = ?3 WHERE id = ?1")?.execute(params![
            id.0,
            position,
            until.map(millis)
        ])?;
        Ok(())
    }

    /// Ends an enrolment; its position stays where it was.
    pub fn end(&self, id: EnrolmentId, state: EnrolmentState, reason: Option<&str>, at: Instant) -> Result<()> {
        let keep_position = state != EnrolmentState::Finished;
        self.sql(
            "UPDATE enrolments SET state = ?2, reason = ?3, ended_at = ?4, due_at = NULL,
             position = CASE WHEN ?5 THEN position END, left_at = CASE WHEN ?5 AND NOT EXISTS
                 (SELECT 1 FROM sends s WHERE s.enrolment_id = enrolments.id AND s.step = enrolments.position) THEN position END
             WHERE id = ?1",
        )?
        .execute(params![id.0, state.as_str(), reason, millis(at), keep_position])?;
        self.drop_open_sends(id, reason.unwrap_or(state.as_str()), at)
    }

    /// Ends an enrolment at its goal, credited to a step.
    pub fn reach_goal(&self, id: EnrolmentId, step: Option<&str>, at: Instant) -> Result<()> {
        self.sql(
            "UPDATE enrolments SET state = 'goal', reason = 'goal', ended_at = ?3, due_at = NULL, goal_step = ?2,
             left_at = CASE WHEN NOT EXISTS
                 (SELECT 1 FROM sends s WHERE s.enrolment_id = enrolments.id AND s.step = enrolments.position) THEN position END
             WHERE id = ?1",
        )?
        .execute(params![id.0, step, millis(at)])?;
        self.drop_open_sends(id, "goal", at)
    }

    /// Closes what an ended enrolment had deferred or held: it will not be sent.
    fn drop_open_sends(&self, id: EnrolmentId, reason: &str, at: Instant) -> Result<()> {
        self.sql("UPDATE sends SET state = 6, reason = ?2, at = ?3, retry_at = NULL WHERE enrolment_id = ?1 AND state IN (3, 5)")?
            .execute(params![id.0, reason, millis(at)])?;
        Ok(())
    }

    /// Returns a contact's enrolments in a campaign that may still reach its goal.
    pub fn open_to_goal(&self, contact: ContactId, campaign: CampaignRow, finished: bool) -> Result<Vec<EnrolmentId>> {
        let mut statement = self.sql(
            "SELECT id FROM enrolments WHERE contact_id = ?1 AND campaign_id = ?2
             AND (state = 'active' OR (?3 AND state = 'finished'))",
        )?;
        let rows = statement.query_map(params![contact.0, campaign.0, finished], |row| Ok(EnrolmentId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Has a contact's active enrolments looked at by this run.
    pub fn wake(&self, contact: ContactId, now: Instant) -> Result<usize> {
        Ok(self
            .sql("UPDATE enrolments SET due_at = ?2 WHERE contact_id = ?1 AND state = 'active' AND (due_at IS NULL OR due_at > ?2)
                  AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = enrolments.id AND s.state IN (0, 1))")?
            .execute(params![contact.0, millis(now)])?)
    }

    /// Returns the event that triggered an enrolment.
    pub fn trigger_event(&self, id: EnrolmentId) -> Result<Option<EventId>> {
        let event: Option<i64> =
            self.sql("SELECT event_id FROM enrolments WHERE id = ?1")?.query_row([id.0], |row| row.get(0))?;
        Ok(event.map(EventId))
    }
}

pub(super) fn state_of(word: &str) -> Result<EnrolmentState> {
    EnrolmentState::ALL
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| StoreError::Row(format!("enrolment state `{word}`")))
}
