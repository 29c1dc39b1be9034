//! What becomes of each mail and call: into the ledger, and on with the sequence.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;

use super::advance::{Advanced, Job};
use super::deliver::{Desk, Handover};
use super::settle::Progress;
use super::{Happening, Run, Stop};
use crate::mail::transport::{self, Rejection, Scope};
use crate::model::Instant;
use crate::model::contact::Consent;
use crate::model::id::{CampaignId, SendId};
use crate::model::plain::unnamed;
use crate::model::send::{SendKind, SendState};
use crate::store::{Closing, PausedBy, StoreError, Work};
use crate::webhook::Answer;

/// This many mails in a row without an answer that makes sense, and something is wrong with the relay.
const MAX_SILENT: u32 = 5;
/// This many refusals for policy in a row, and something is wrong with the campaign's mail.
const MAX_POLICY: u32 = 10;
/// The first wait after a deferral; it doubles each time (RFC 5321 section 4.5.4.1 asks for patience).
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(5);
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);
/// How long nothing goes to a relay that says it gets too much (Google asks for ten minutes at least).
pub(super) const REST: TimeDelta = TimeDelta::minutes(10);

impl Run<'_> {
    pub(super) fn outcome(
        &mut self,
        work: &Work<'_>,
        progress: &mut Progress<'_>,
        job: Box<Job>,
        handover: Handover,
        at: Instant,
        desk: &Desk,
    ) -> Result<(), StoreError> {
        let outcome = match handover {
            Handover::GivenBack => return self.give_back(work, &job, at),
            Handover::Held(reason) => {
                let closing = Closing { state: SendState::Held, reason: Some(&reason), at, retry_at: None };
                work.close(job.claim.send, &closing)?;
                work.wait(job.enrolment, Some(&job.step), None)?;
                self.totals.held += 1;
                self.say(&job, |campaign, step, contact| Happening::Held { campaign, step, contact, reason });
                return Ok(());
            }
            Handover::Called(answer) => return self.called(work, job, answer, at),
            Handover::Answered(outcome) => outcome,
        };
        match outcome {
            // Before the content or after it: going on would only try everybody in vain.
            transport::Outcome::Unknown { .. } | transport::Outcome::Deferred { scope: Scope::Connection, .. } => {
                progress.silent += 1;
                if progress.silent >= MAX_SILENT {
                    progress.stop(Stop::Silence);
                }
            }
            _ => progress.silent = 0,
        }
        match outcome {
            transport::Outcome::Sent { .. } => {
                progress.policy[job.known] = 0;
                desk.ramp.took();
                self.totals.sent += 1;
                self.finish(work, job, SendState::Sent, None, at, |campaign, step, contact| Happening::Sent {
                    campaign,
                    step,
                    contact,
                })
            }
            transport::Outcome::Deferred { reply, scope } => {
                match scope {
                    Scope::Mail | Scope::Connection => {}
                    Scope::Relay => progress.stop(Stop::Relay(unnamed(&reply).into_owned())),
                    Scope::Rate => {
                        work.set_rest(Some(at + REST))?;
                        progress.stop(Stop::TooMuch(unnamed(&reply).into_owned()));
                    }
                }
                self.deferred(work, job, reply, None, at)
            }
            transport::Outcome::Rejected { reply, kind } => {
                let to_contact = job.task.kind() == SendKind::Mail;
                if matches!(kind, Rejection::Policy) && to_contact {
                    progress.policy[job.known] += 1;
                    if progress.policy[job.known] == MAX_POLICY {
                        self.pause(work, job.known, &reply, desk)?;
                    }
                }
                if matches!(kind, Rejection::Address) && to_contact {
                    work.narrow_consent(job.contact.id, Consent::Bounced, &reply, at)?;
                    self.touched.insert(job.contact.id);
                }
                self.rejected(work, job, &reply, at)
            }
            transport::Outcome::Unknown { reason } => {
                self.totals.unknown += 1;
                self.finish(work, job, SendState::Unknown, Some(&reason), at, |campaign, step, contact| {
                    Happening::Unknown { campaign, step, contact, reason: reason.clone() }
                })
            }
        }
    }

    fn called(&mut self, work: &Work<'_>, job: Box<Job>, answer: Answer, at: Instant) -> Result<(), StoreError> {
        match answer {
            Answer::Done => {
                self.totals.called += 1;
                self.finish(work, job, SendState::Done, None, at, |campaign, step, contact| Happening::Called {
                    campaign,
                    step,
                    contact,
                })
            }
            Answer::Deferred { reason, after } => self.deferred(work, job, reason, after, at),
            Answer::Rejected { reason } => self.rejected(work, job, &reason, at),
        }
    }

    /// Puts something off, with back-off; not before the time the other side asked for.
    fn deferred(
        &mut self,
        work: &Work<'_>,
        job: Box<Job>,
        reply: String,
        after: Option<Duration>,
        at: Instant,
    ) -> Result<(), StoreError> {
        if let Some(why) =
            self.parts.settings.give_up.reached(job.claim.attempts + 1, at - job.claim.tried_at.unwrap_or(at))
        {
            return self.rejected(work, job, &format!("{why}: {reply}"), at);
        }
        let asked = after.and_then(|after| TimeDelta::from_std(after).ok()).unwrap_or_default();
        let retry_at = at + back_off(job.claim.send, job.claim.attempts).max(asked.min(TimeDelta::days(1)));
        let closing = Closing { state: SendState::Deferred, reason: Some(&reply), at, retry_at: Some(retry_at) };
        work.close(job.claim.send, &closing)?;
        work.wait(job.enrolment, Some(&job.step), Some(retry_at))?;
        self.totals.deferred += 1;
        self.say(&job, |campaign, step, contact| Happening::Deferred {
            campaign,
            step,
            contact,
            reason: reply,
            retry_at,
        });
        Ok(())
    }

    fn rejected(&mut self, work: &Work<'_>, job: Box<Job>, reason: &str, at: Instant) -> Result<(), StoreError> {
        self.totals.rejected += 1;
        self.finish(work, job, SendState::Rejected, Some(reason), at, |campaign, step, contact| Happening::Rejected {
            campaign,
            step,
            contact,
            reason: reason.to_owned(),
        })
    }

    /// Puts a mail back that was claimed and not begun: it is due as before.
    pub(super) fn give_back(&mut self, work: &Work<'_>, job: &Job, at: Instant) -> Result<(), StoreError> {
        let closing = Closing { state: SendState::Deferred, reason: Some("given back"), at, retry_at: None };
        work.close(job.claim.send, &closing)?;
        work.wait(job.enrolment, Some(&job.step), Some(self.now))
    }

    /// Closes the row for good, and finds what the enrolment waits for next: a mail of it is at least a moment away.
    fn finish(
        &mut self,
        work: &Work<'_>,
        mut job: Box<Job>,
        state: SendState,
        reason: Option<&str>,
        at: Instant,
        what: impl FnOnce(CampaignId, String, String) -> Happening,
    ) -> Result<(), StoreError> {
        let closing = Closing { state, reason, at, retry_at: None };
        work.close(job.claim.send, &closing)?;
        self.say(&job, what);
        let facts = match job.seen.take().and_then(|seen| seen.after(&closing, self)) {
            Some(facts) => facts,
            None => self.facts(work, job.known, job.enrolment)?,
        };
        match self.advance_from(work, job.known, facts, false)? {
            Advanced::OverLimit => work.wait(job.enrolment, None, Some(self.now)),
            _ => Ok(()),
        }
    }

    fn pause(&mut self, work: &Work<'_>, index: usize, reply: &str, desk: &Desk) -> Result<(), StoreError> {
        // Shown wherever the campaign is, and no contact's affair.
        let reason = format!("{MAX_POLICY} mails in a row were refused, the last with: {}", unnamed(reply));
        work.set_paused(self.known[index].row, Some((PausedBy::Relay, &reason)))?;
        self.rest(index, reason, desk);
        Ok(())
    }

    /// Takes no more of a campaign in hand, and puts back what is not begun.
    pub(super) fn rest(&mut self, index: usize, reason: String, desk: &Desk) {
        desk.resting[index].store(true, Ordering::Release);
        let known = &mut self.known[index];
        known.stored.paused = Some(reason.clone());
        (self.tell)(Happening::Paused { campaign: known.campaign.id.clone(), reason, by_hand: false });
    }

    fn say(&mut self, job: &Job, what: impl FnOnce(CampaignId, String, String) -> Happening) {
        let campaign = self.known[job.known].campaign.id.clone();
        (self.tell)(what(campaign, job.step.clone(), job.contact.address.as_str().to_owned()));
    }
}

/// Returns how long to wait after one more attempt: twice as long each time, and up to a quarter more, which differs
/// from mail to mail, so that what was put off together does not come back together.
fn back_off(send: SendId, attempts: u32) -> TimeDelta {
    let wait = (FIRST_RETRY * (1 << attempts.min(10))).min(LONGEST_RETRY);
    // Fibonacci hashing: neighbours in the ledger end up far apart, and each attempt elsewhere.
    let seed = send.0.cast_unsigned() ^ u64::from(attempts) << 32;
    let spread = i32::from((seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8);
    wait + wait / 4 * spread / 256
}
