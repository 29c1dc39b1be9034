//! Carrying out what `decide` says, until an enrolment waits, ends, or has a mail to send.

use chrono::TimeDelta;

use super::Run;
use crate::decide::{Decision, SkipReason, decide, funnel};
use crate::mail::message;
use crate::model::Instant;
use crate::model::campaign::{Action, Campaign, Mail, Step};
use crate::model::contact::Contact;
use crate::model::enrolment::EnrolmentState;
use crate::model::event::Event;
use crate::model::facts::Facts;
use crate::model::id::EnrolmentId;
use crate::model::send::{SendRecord, SendState};
use crate::store::{Claim, Closing, StoreError, Work};

/// A mail that this run has in hand.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Which of the run's campaigns.
    pub(super) known: usize,
    pub(super) enrolment: EnrolmentId,
    pub(super) claim: Claim,
    pub(super) step: String,
    pub(super) mail: Mail,
    pub(super) contact: Contact,
    /// The event that triggered the enrolment.
    pub(super) event: Option<Event>,
}

/// What became of an enrolment that was looked at.
pub(super) enum Advanced {
    /// It waits, or has ended.
    Settled,
    /// It has a mail to send.
    Claimed(Box<Job>),
    /// It has a mail to send, but the run may send no more.
    OverLimit,
}

impl Run<'_> {
    /// Looks at one enrolment and does what is to do.
    pub(super) fn advance(
        &mut self,
        work: &Work<'_>,
        index: usize,
        id: EnrolmentId,
        may_send: bool,
    ) -> Result<Advanced, StoreError> {
        let known = &self.known[index];
        let campaign: &Campaign = known.campaign;
        // Two days more than the cap looks back cover every zone.
        let mails_since = self.rules.frequency_cap.map(|cap| self.now - TimeDelta::days(i64::from(cap.days) + 2));
        let mut facts = work.facts(id, &campaign.id, known.reads_events, mails_since, self.now)?;
        loop {
            let decision = decide(campaign, &facts, self.rules, self.now);
            if !matches!(decision, Decision::Wait { .. } | Decision::Send { .. }) {
                self.moved.insert(campaign.id.clone());
            }
            match decision {
                Decision::Wait { step, until, .. } => {
                    if step.is_some() {
                        self.drop_removed(work, campaign, step, &mut facts)?;
                    }
                    work.wait(id, step.map(|step| step.id.as_str()), until)?;
                    return Ok(Advanced::Settled);
                }
                Decision::Skip { step, due, reason } => {
                    self.close_without_mail(work, &mut facts, step, due, SendState::Skipped, Some(reason))?;
                    self.totals.skipped += 1;
                }
                Decision::Set { step, due } => {
                    if let Action::Set(changes) = &step.action {
                        for (name, value) in changes {
                            if value.is_null() {
                                facts.contact.attributes.shift_remove(name);
                            } else {
                                facts.contact.attributes.insert(name.clone(), value.clone());
                            }
                        }
                        work.set_attributes(facts.contact.id, &facts.contact.attributes)?;
                    }
                    self.close_without_mail(work, &mut facts, step, due, SendState::Done, None)?;
                }
                Decision::Exit { step, reason } => {
                    if let Some(step) = step {
                        self.close_without_mail(work, &mut facts, step, self.now, SendState::Done, None)?;
                    }
                    work.end(id, EnrolmentState::Exited, Some(&reason), self.now)?;
                    self.totals.exited += 1;
                    return Ok(Advanced::Settled);
                }
                Decision::Goal { at } => {
                    work.reach_goal(id, funnel::credited_step(&facts.sends), at)?;
                    self.totals.goals += 1;
                    return Ok(Advanced::Settled);
                }
                Decision::Finish => {
                    self.drop_removed(work, campaign, None, &mut facts)?;
                    work.end(id, EnrolmentState::Finished, None, self.now)?;
                    self.totals.finished += 1;
                    return Ok(Advanced::Settled);
                }
                Decision::Send { .. } if !may_send => return Ok(Advanced::OverLimit),
                Decision::Send { step, due } => {
                    self.drop_removed(work, campaign, Some(step), &mut facts)?;
                    let job = self.claim(work, index, &facts, step, due)?;
                    self.moved.insert(campaign.id.clone());
                    return Ok(Advanced::Claimed(Box::new(job)));
                }
            }
        }
    }

    fn claim(
        &self,
        work: &Work<'_>,
        index: usize,
        facts: &Facts,
        step: &Step,
        due: Instant,
    ) -> Result<Job, StoreError> {
        let Action::Send(mail) = &step.action else {
            return Err(StoreError::Row(format!("step {} has no mail", step.id)));
        };
        let id = facts.enrolment.id;
        let domain = self.parts.settings.from.address.domain();
        let row = ledger_name(step, facts).to_owned();
        let claim =
            work.claim(id, &row, due, self.id, self.now, |send| message::message_id(&self.token, send.0, domain))?;
        let event = match work.trigger_event(id)? {
            Some(event) => work.event(event)?,
            None => None,
        };
        Ok(Job {
            known: index,
            enrolment: id,
            claim,
            step: step.id.as_str().to_owned(),
            mail: mail.clone(),
            contact: facts.contact.clone(),
            event,
        })
    }

    fn close_without_mail(
        &self,
        work: &Work<'_>,
        facts: &mut Facts,
        step: &Step,
        due: Instant,
        state: SendState,
        reason: Option<SkipReason>,
    ) -> Result<(), StoreError> {
        let name = ledger_name(step, facts).to_owned();
        let closing = Closing { state, reason: reason.map(SkipReason::as_str), at: self.now, retry_at: None };
        work.record(facts.enrolment.id, &name, due, &closing, self.id)?;
        facts.sends.retain(|row| row.step != name);
        facts.sends.push(SendRecord { step: name, state, at: self.now, retry_at: None });
        Ok(())
    }

    /// Closes what was deferred or held for a step that was since removed or moved behind.
    fn drop_removed(
        &self,
        work: &Work<'_>,
        campaign: &Campaign,
        next: Option<&Step>,
        facts: &mut Facts,
    ) -> Result<(), StoreError> {
        let open = |row: &SendRecord| matches!(row.state, SendState::Deferred | SendState::Held);
        let next = next.and_then(|step| campaign.position_of(step.id.as_str()));
        let ahead =
            |row: &SendRecord| campaign.position_of(&row.step).is_some_and(|at| next.is_some_and(|next| at >= next));
        let gone = |row: &SendRecord| open(row) && !ahead(row);
        if !facts.sends.iter().any(gone) {
            return Ok(());
        }
        // The step that follows keeps the origin it would have had.
        let closed = facts.sends.iter().filter(|row| row.state.is_closed()).map(|row| row.at).max();
        let origin = closed.unwrap_or(facts.enrolment.entered_at);
        for row in facts.sends.iter_mut().filter(|row| gone(row)) {
            let closing = Closing { state: SendState::Skipped, reason: Some("removed"), at: origin, retry_at: None };
            work.record(facts.enrolment.id, &row.step, origin, &closing, self.id)?;
            row.state = SendState::Skipped;
            row.at = origin;
        }
        Ok(())
    }
}

/// Returns the id under which the ledger knows a step: the old one where it was begun before a renaming.
fn ledger_name<'a>(step: &'a Step, facts: &'a Facts) -> &'a str {
    facts.sends.iter().find(|row| step.is_called(&row.step)).map_or(step.id.as_str(), |row| &row.step)
}
