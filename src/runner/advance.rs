//! Carrying out what `decide` says, until an enrolment waits, ends, or has a mail to send.

use std::sync::Arc;

use chrono::TimeDelta;

use super::Run;
use crate::decide::{Decision, decide, funnel};
use crate::mail::message;
use crate::model::Instant;
use crate::model::campaign::{Action, Campaign, Mail, Notify, Step, Webhook};
use crate::model::contact::Contact;
use crate::model::enrolment::EnrolmentState;
use crate::model::event::Event;
use crate::model::facts::Facts;
use crate::model::id::{EnrolmentId, StepId};
use crate::model::send::{CAME, SendKind, SendRecord, SendState, TIMED_OUT};
use crate::store::{Claim, Closing, NewClaim, StoreError, Work};

/// How much of a contact's history stands in a `notify` mail.
const NOTICED: usize = 10;

/// Something that this run has in hand.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Which of the run's campaigns.
    pub(super) known: usize,
    pub(super) enrolment: EnrolmentId,
    pub(super) claim: Claim,
    pub(super) step: String,
    pub(super) task: Task,
    pub(super) contact: Contact,
    /// The event that triggered the enrolment.
    pub(super) event: Option<Event>,
    /// What the contact did last, latest first; for a `notify` alone.
    pub(super) history: Vec<Event>,
    /// What was known when it was claimed; `None` where nothing is decided after it.
    pub(super) seen: Option<Seen>,
}

/// The facts of an enrolment, and which state of the store they are from.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    facts: Facts,
    version: i64,
}

impl Seen {
    /// Returns the facts, once the mail has come to its end; `None` where the store may know others by now.
    pub(super) fn after(mut self, closing: &Closing<'_>, run: &Run<'_>) -> Option<Facts> {
        if self.version != run.version || run.touched.contains(&self.facts.contact.id) {
            return None;
        }
        let row = self.facts.sends.last_mut()?;
        (row.state, row.at, row.reason) = (closing.state, closing.at, closing.reason.map(str::to_owned));
        if row.is_mail() && !run.rules.frequency_caps.is_empty() {
            self.facts.recent_mails.push(closing.at);
        }
        Some(self.facts)
    }
}

/// What leaves.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// A mail to the contact, from this sender.
    Mail {
        mail: Mail,
        sender: Option<String>,
    },
    Notify(Notify),
    Webhook(Webhook),
}

impl Task {
    pub(super) fn kind(&self) -> SendKind {
        match self {
            Self::Mail { .. } => SendKind::Mail,
            Self::Notify(_) => SendKind::Notify,
            Self::Webhook(_) => SendKind::Webhook,
        }
    }
}

/// What became of an enrolment that was looked at.
pub(super) enum Advanced {
    /// It waits, or has ended.
    Settled,
    /// It has something to send.
    Claimed(Box<Job>),
    /// It has something to send, but the run may send no more.
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
        let facts = self.facts(work, index, id)?;
        self.advance_from(work, index, facts, may_send)
    }

    /// Loads what a decision about an enrolment rests on.
    pub(super) fn facts(&self, work: &Work<'_>, index: usize, id: EnrolmentId) -> Result<Facts, StoreError> {
        let known = &self.known[index];
        // Two days more than the cap looks back cover every zone.
        let longest = self.rules.frequency_caps.iter().map(|cap| cap.days).max();
        let mails_since = longest.map(|days| self.now - TimeDelta::days(i64::from(days) + 2));
        let facts = work.facts(id, &known.campaign.id, known.reads_events, mails_since, self.now)?;
        Ok(Facts { trials: Arc::clone(&known.trials), ..facts })
    }

    /// The same with the facts at hand.
    pub(super) fn advance_from(
        &mut self,
        work: &Work<'_>,
        index: usize,
        mut facts: Facts,
        may_send: bool,
    ) -> Result<Advanced, StoreError> {
        let campaign: &Campaign = self.known[index].campaign;
        let id = facts.enrolment.id;
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
                    self.close_without_mail(work, &mut facts, step, due, SendState::Skipped, Some(reason.as_str()))?;
                    self.totals.skipped += 1;
                }
                Decision::Waited { step, due, came } => {
                    let reason = if came { CAME } else { TIMED_OUT };
                    self.close_without_mail(work, &mut facts, step, due, SendState::Done, Some(reason))?;
                }
                Decision::Act { step, due } => {
                    if let Some(task) = leaving(step) {
                        if !may_send {
                            return Ok(Advanced::OverLimit);
                        }
                        self.drop_removed(work, campaign, Some(step), &mut facts)?;
                        let job = self.claim(work, index, facts, step, task, None, due)?;
                        return Ok(Advanced::Claimed(Box::new(job)));
                    }
                    let reason = self.act(work, step, &mut facts)?;
                    self.close_without_mail(work, &mut facts, step, due, SendState::Done, reason.as_deref())?;
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
                Decision::Send { step, mail, variant, due } => {
                    self.drop_removed(work, campaign, Some(step), &mut facts)?;
                    let task = Task::Mail { mail: mail.clone(), sender: campaign.sender_of(step, mail) };
                    let job = self.claim(work, index, facts, step, task, variant, due)?;
                    self.moved.insert(campaign.id.clone());
                    return Ok(Advanced::Claimed(Box::new(job)));
                }
            }
        }
    }

    /// Carries out a step from which nothing leaves; returns what to note with it.
    fn act(&mut self, work: &Work<'_>, step: &Step, facts: &mut Facts) -> Result<Option<String>, StoreError> {
        match &step.action {
            Action::Set(changes) => {
                for (name, value) in changes {
                    if value.is_null() {
                        facts.contact.attributes.shift_remove(name);
                    } else {
                        facts.contact.attributes.insert(name.clone(), value.clone());
                    }
                }
                work.set_attributes(facts.contact.id, &facts.contact.attributes)?;
                self.touched.insert(facts.contact.id);
                Ok(None)
            }
            Action::Enrol(id) => {
                let Some(other) = self.known.iter().position(|known| known.campaign.id == *id) else {
                    return Ok(Some(format!("there is no campaign {id}")));
                };
                // Campaigns that enrol into each other must not spin within one run.
                let last = work.last_passage(facts.contact.id, self.known[other].row)?;
                if last.is_some_and(|last| last.ended_at == Some(self.now)) {
                    return Ok(Some("was inside at this moment".to_owned()));
                }
                let entry = self.admit(work, other, &facts.contact, self.now, None)?;
                Ok(entry.refusal().map(str::to_owned))
            }
            _ => Ok(None),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one claim is all of this")]
    fn claim(
        &self,
        work: &Work<'_>,
        index: usize,
        mut facts: Facts,
        step: &Step,
        task: Task,
        variant: Option<&str>,
        due: Instant,
    ) -> Result<Job, StoreError> {
        let id = facts.enrolment.id;
        let domain = self.parts.settings.from.address.domain();
        let name = ledger_name(step, &facts).to_owned();
        let new = NewClaim { enrolment: id, step: &name, kind: task.kind(), variant, due };
        let claim = work
            .claim(&new, self.id, self.now, |send| message::message_id(&self.token, self.parts.secret, send, domain))?;
        let event = match work.trigger_event(id)? {
            Some(event) => work.event(event)?,
            None => None,
        };
        let mut history = Vec::new();
        if matches!(task, Task::Notify(_)) {
            history = noticed(work.events_of(facts.contact.id, self.now)?);
        }
        facts.enrolment.position = Some(StepId::new(name.as_str()));
        facts.sends.retain(|row| row.step != name);
        facts.sends.push(SendRecord {
            step: name,
            kind: task.kind(),
            variant: variant.map(str::to_owned),
            reason: None,
            state: SendState::Claimed,
            at: self.now,
            retry_at: None,
        });
        Ok(Job {
            known: index,
            enrolment: id,
            claim,
            step: step.id.as_str().to_owned(),
            task,
            contact: facts.contact.clone(),
            event,
            history,
            seen: Some(Seen { facts, version: self.version }),
        })
    }

    fn close_without_mail(
        &self,
        work: &Work<'_>,
        facts: &mut Facts,
        step: &Step,
        due: Instant,
        state: SendState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let name = ledger_name(step, facts).to_owned();
        let closing = Closing { state, reason, at: self.now, retry_at: None };
        work.record(facts.enrolment.id, &name, due, &closing, self.id)?;
        facts.enrolment.position = Some(StepId::new(name.as_str()));
        facts.sends.retain(|row| row.step != name);
        facts.sends.push(SendRecord {
            step: name,
            kind: SendKind::Mail,
            variant: None,
            reason: reason.map(str::to_owned),
            state,
            at: self.now,
            retry_at: None,
        });
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

/// Returns what leaves at a step that is no mail to the contact.
fn leaving(step: &Step) -> Option<Task> {
    match &step.action {
        Action::Notify(notify) => Some(Task::Notify(notify.clone())),
        Action::Webhook(webhook) => Some(Task::Webhook(webhook.clone())),
        _ => None,
    }
}

/// Returns the id under which the ledger knows a step: the old one where it was begun before a renaming.
fn ledger_name<'a>(step: &'a Step, facts: &'a Facts) -> &'a str {
    facts.sends.iter().find(|row| step.is_called(&row.step)).map_or(step.id.as_str(), |row| &row.step)
}

/// Returns the last of what a contact did, the newest first: what a `notify` mail tells.
pub(super) fn noticed(mut events: Vec<Event>) -> Vec<Event> {
    events.reverse();
    events.truncate(NOTICED);
    events
}
