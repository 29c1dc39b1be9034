//! Taking in hand what is due.

use super::advance::Advanced;
use super::deliver::Desk;
use super::settle::Progress;
use super::{Run, Stop};
use crate::model::send::SendKind;
use crate::store::{StoreError, Work};

impl Run<'_> {
    /// Decides on up to so many people who are due in the campaign at hand, and claims what they are to be sent, up to a quota.
    pub(super) fn claim_some(
        &mut self,
        work: &Work<'_>,
        progress: &mut Progress<'_>,
        people: usize,
        quota: usize,
        desk: &Desk,
    ) -> Result<(), StoreError> {
        if !self.is_wanted(progress.at, progress.options) {
            progress.at += 1;
            return Ok(());
        }
        // Somebody may have paused it since the run began.
        if let Some(reason) = work.paused(self.known[progress.at].row)? {
            self.rest(progress.at, reason, desk);
            return Ok(());
        }
        if let Some(limit) = self.budget.reached().filter(|_| progress.stopped.is_none()) {
            progress.stop(Stop::Ceiling(limit.to_owned()));
            return Ok(());
        }
        let due = work.due(self.known[progress.at].row, self.now, people)?;
        if due.is_empty() {
            progress.at += 1;
            return Ok(());
        }
        let enough = progress.in_hand + quota;
        for id in due {
            if progress.in_hand >= enough {
                break;
            }
            let may_send = progress.may_claim() && self.budget.reached().is_none();
            match self.advance(work, progress.at, id, may_send)? {
                Advanced::Settled => {}
                Advanced::Claimed(job) => {
                    progress.claimed += 1;
                    progress.in_hand += 1;
                    if job.task.kind() != SendKind::Webhook {
                        self.budget.take();
                    }
                    progress.waiting.push(job);
                }
                Advanced::OverLimit => {
                    progress.stop(match self.budget.reached() {
                        Some(limit) => Stop::Ceiling(limit.to_owned()),
                        None => Stop::Limit,
                    });
                    break;
                }
            }
        }
        Ok(())
    }
}
