//! Taking over a file that was last used elsewhere, or that is older than what was done since.
//!
//! What fell due between the last run that the file knows and now may have been sent without it. The
//! time between is played through for everyone, and each mail that would have left is of unknown fate.

use chrono::TimeDelta;

use super::advance::Advanced;
use super::register::BATCH;
use super::{Happening, Run};
use crate::model::Instant;
use crate::model::send::SendState;
use crate::store::{Closing, Store, StoreError, Work};

const REASON: &str = "fell due while this file was not in use, and may have been sent elsewhere";

impl Run<'_> {
    /// Plays through the time since the last run that the file knows.
    pub(super) fn adopt(&mut self, store: &mut Store, since: Instant) -> Result<(), StoreError> {
        let now = self.now;
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
