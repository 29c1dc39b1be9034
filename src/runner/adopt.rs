//! Taking over a file that was last used elsewhere, or that is older than what was done since.
//!
//! What fell due between the last run that the file knows and now may have been sent without it, and whoever had not come in
//! by then may have come in elsewhere. The time between is played through for everyone, moment by moment as cron would have
//! it, and each mail that would have left is of unknown fate.

use chrono::TimeDelta;

use super::advance::Advanced;
use super::register::BATCH;
use super::{Happening, Run};
use crate::model::Instant;
use crate::model::send::SendState;
use crate::store::{Closing, Store, StoreError, Work};

/// How often cron calls, with most people.
const CRON: TimeDelta = TimeDelta::minutes(15);
/// At most so many moments are played, however long the time was.
const MOMENTS: i32 = 500;
const REASON: &str = "fell due while this file was not in use, and may have been sent elsewhere";

impl Run<'_> {
    /// Plays through the time since the last run that the file knows.
    pub(super) fn adopt(&mut self, store: &mut Store, since: Instant) -> Result<(), StoreError> {
        let now = self.now;
        let mut moment = since.min(now);
        let step = ((now - moment) / MOMENTS).max(CRON);
        loop {
            self.now = moment;
            let played = self.enter(store).and_then(|()| self.play_until(store, since, moment));
            self.now = now;
            played?;
            // The next run goes on with it; until then nothing is sent.
            if self.is_interrupted() {
                return Ok(());
            }
            if moment == now {
                let work = store.begin()?;
                work.end_adoption()?;
                return work.commit();
            }
            moment = (moment + step).min(now);
        }
    }

    /// Plays what fell due up to a moment.
    fn play_until(&mut self, store: &mut Store, since: Instant, now: Instant) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            while self.known[index].stored.paused.is_none() {
                let work = store.begin()?;
                let due = work.due(self.known[index].row, now, BATCH)?;
                if due.is_empty() {
                    break;
                }
                for id in due {
                    let played = self.play(&work, index, id, since, now);
                    self.now = now;
                    played?;
                }
                work.commit()?;
            }
        }
        Ok(())
    }

    /// Plays one enrolment from when it was due, or from `since`, up to `now`.
    fn play(
        &mut self,
        work: &Work<'_>,
        index: usize,
        id: crate::model::id::EnrolmentId,
        since: Instant,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.now = since;
        while let Some(due) = work.due_at(id)?.filter(|due| *due <= now) {
            self.now = due.max(self.now);
            if let Advanced::Claimed(job) = self.advance(work, index, id, true)? {
                let closing = Closing { state: SendState::Unknown, reason: Some(REASON), at: self.now, retry_at: None };
                work.close(job.claim.send, &closing)?;
                work.wait(id, None, Some(self.now))?;
                self.totals.unknown += 1;
                (self.tell)(Happening::Unknown {
                    campaign: self.known[index].campaign.id.clone(),
                    step: job.step.clone(),
                    contact: job.contact.address.as_str().to_owned(),
                    reason: REASON.to_owned(),
                });
            }
            // Time goes on whatever was decided.
            self.now += TimeDelta::milliseconds(1);
        }
        Ok(())
    }
}
