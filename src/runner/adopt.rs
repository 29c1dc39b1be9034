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
    /// Plays through the time since the last run that the file knows; says whether it came to the end of it.
    pub(super) fn adopt(&mut self, store: &mut Store, since: Instant) -> Result<bool, StoreError> {
        let now = self.now;
        let mut moment = since.min(now);
        let step = ((now - moment) / MOMENTS).max(CRON);
        let everyone: Vec<usize> = (0..self.known.len()).collect();
        let work = store.begin()?;
        work.wake_paused(since)?;
        work.expect_mails_from(moment)?;
        work.commit()?;
        loop {
            self.now = moment;
            let entered = self.enter(store);
            self.now = now;
            entered?;
            self.play_until(store, &everyone, since, moment)?;
            // The next run goes on with it; until then nothing is sent.
            if self.is_interrupted() {
                return Ok(false);
            }
            if moment == now {
                break;
            }
            moment = (moment + step).min(now);
        }
        let work = store.begin()?;
        let known = |row| self.known.iter().any(|known| known.row == row);
        let gone: Vec<_> = work.campaigns()?.iter().map(|stored| stored.row).filter(|row| !known(*row)).collect();
        work.end_adoption(since, &gone)?;
        work.commit()?;
        Ok(true)
    }

    /// Plays through the same time for campaigns whose file was gone when the database was adopted, and is back.
    pub(super) fn adopt_returned(&mut self, store: &mut Store) -> Result<(), StoreError> {
        let waiting = store.read()?.campaigns_to_adopt()?;
        for (row, since) in waiting {
            let Some(index) = self.known.iter().position(|known| known.row == row) else { continue };
            let work = store.begin()?;
            work.expect_mails_from(since)?;
            work.commit()?;
            self.play_until(store, &[index], since, self.now)?;
            let work = store.begin()?;
            work.end_campaign_adoption(row)?;
            work.commit()?;
        }
        Ok(())
    }

    /// Plays what fell due up to a moment, in campaigns that are paused as well: they may not have been elsewhere.
    fn play_until(
        &mut self,
        store: &mut Store,
        campaigns: &[usize],
        since: Instant,
        until: Instant,
    ) -> Result<(), StoreError> {
        let (now, caps) = (self.now, self.rules.frequency_caps);
        // What was put off by a mail that only this file knows, or by a pause that began later, may have left elsewhere.
        (self.rules.frequency_caps, self.rules.pauses) = (&[], false);
        let played = campaigns.iter().try_for_each(|index| {
            loop {
                let work = store.begin()?;
                let due = work.due(self.known[*index].row, until, BATCH)?;
                if due.is_empty() {
                    return Ok(());
                }
                due.into_iter().try_for_each(|id| self.play(&work, *index, id, since, until))?;
                work.commit()?;
            }
        });
        (self.now, self.rules.frequency_caps, self.rules.pauses) = (now, caps, true);
        played
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
