//! What should happen: pure, total, with `now` as an argument.
//!
//! [`decide`] is the one rule for what an enrolment does next. A run, a dry run and the demo all ask
//! it, so what one shows is what the other does. The order of its questions is the campaign
//! language's meaning:
//!
//! | # | question | answer when it is so |
//! | --- | --- | --- |
//! | 1 | may the contact be mailed at all, and of this? | `Exit` (opted out, suppressed, refused), `Wait` (not confirmed yet) |
//! | 2 | was the goal reached since the entry? | `Goal` |
//! | 3 | does `exit_when` hold? | `Exit` |
//! | 4 | is the contact held out? | `Wait` until the sequence would be over, then `Finish` |
//! | 5 | is no step left? | `Finish`, or `Wait` under `at_end: hold` |
//! | 6 | does its `if` fail for good, by how a wait ended? | `Skip` |
//! | 7 | is it not due yet, or backing off? | `Wait` until then |
//! | 8 | is it overdue beyond `late`? | `Skip` |
//! | 9 | does its `if` fail? | `Skip` |
//! | 10 | does it wait for an event? | `Wait` until time is up, `Waited` when the event came or it is |
//! | 11 | does it do something else than mail the contact? | `Act`, `Exit` |
//! | 12 | are hours and days closed, is it a quiet date, or has the contact paused all mail? | `Wait` until then |
//! | 13 | did the contact get the mails of a frequency cap? | `Wait` until the next free local day |
//! | 14 | | `Send` |

pub mod entry;
pub mod funnel;
pub mod goal;
pub mod holdout;
pub mod look;
pub mod position;
pub mod standing;
pub mod variant;
pub mod watch;

use std::borrow::Cow;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::model::campaign::{Action, AtEnd, Campaign, Late, Mail, Step, WaitFor};
use crate::model::condition::{Condition, Scope};
use crate::model::contact::{Consent, Contact};
use crate::model::event::Event;
use crate::model::facts::Facts;
use crate::model::send::{SendRecord, SendState};
use crate::model::settings::{FrequencyCap, Settings};
use crate::model::terms::Terms;
use crate::model::{Instant, wall};

/// The settings that bear on a decision.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub timezone: Tz,
    pub frequency_caps: &'a [FrequencyCap],
    pub terms: &'a Terms,
    /// Whether readers' pauses hold: they say nothing of what left before them.
    pub pauses: bool,
}

impl<'a> From<&'a Settings> for Rules<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self {
            timezone: settings.timezone,
            frequency_caps: &settings.frequency_caps,
            terms: &settings.terms,
            pauses: true,
        }
    }
}

/// What an enrolment does next.
#[derive(Debug, Clone)]
pub enum Decision<'a> {
    /// Nothing until then; `None`: nothing until something about the contact or the files changes.
    Wait { step: Option<&'a Step>, until: Option<Instant>, why: Waiting },
    /// The step's mail goes now: this one, which is called so where the step is a test.
    Send { step: &'a Step, mail: &'a Mail, variant: Option<&'a str>, due: Instant },
    /// The step is not for this contact.
    Skip { step: &'a Step, due: Instant, reason: SkipReason },
    /// The step does now what it does other than mail the contact: set, enrol, notify, call a web address.
    Act { step: &'a Step, due: Instant },
    /// The step has waited enough: the event came, or time is up.
    Waited { step: &'a Step, due: Instant, came: bool },
    /// The enrolment ends before its end; with the `exit` step that says so, if one does.
    Exit { step: Option<&'a Step>, reason: String },
    /// The goal was reached.
    Goal { at: Instant },
    /// The last step is done.
    Finish,
}

/// Why an enrolment waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// For its delay and the hours and days of its step.
    Due,
    /// For the next attempt after a deferral.
    Backoff,
    /// Hours or days are closed.
    Window,
    /// The contact got enough mail for now.
    Cap,
    /// For the event of a `wait_for` step.
    Event,
    /// The contact has not confirmed.
    Consent,
    /// The contact wants no mail for a while.
    Paused,
    /// All steps are done; the campaign holds its people for later ones.
    Held,
    /// Nothing of the campaign goes to the contact.
    HeldOut,
    /// A run has the step in hand.
    InHand,
}

/// Why a step was not for a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    Condition,
    Late,
}

impl SkipReason {
    /// Returns the word for it in output and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Late => "late",
        }
    }
}

/// Decides what an enrolment does next.
pub fn decide<'a>(campaign: &'a Campaign, facts: &Facts, rules: Rules<'_>, now: Instant) -> Decision<'a> {
    if let Some(decision) = barred(campaign, &facts.contact) {
        return decision;
    }
    if let Some(event) = goal::reached(campaign, facts, rules, now) {
        return Decision::Goal { at: event.at };
    }
    if facts.contact.has_answered(campaign) {
        return Decision::Exit { step: None, reason: "confirmed".to_owned() };
    }
    let sends = current_names(campaign, &facts.sends);
    let holds = |condition: &Condition| condition.holds(scope(facts, &sends, rules, now));
    if campaign.exit_when.as_ref().is_some_and(holds) {
        return Decision::Exit { step: None, reason: "exit_when".to_owned() };
    }
    if facts.enrolment.held_out {
        let over = holdout::until(campaign, facts.enrolment.entered_at, zone(&facts.contact, rules));
        if over <= now {
            return Decision::Finish;
        }
        return Decision::Wait { step: None, until: Some(over), why: Waiting::HeldOut };
    }
    let Some(step) = position::next_step(campaign, &facts.sends) else {
        return match campaign.at_end {
            AtEnd::Close => Decision::Finish,
            AtEnd::Hold => Decision::Wait { step: None, until: None, why: Waiting::Held },
        };
    };
    let due = due(step, facts, rules);
    let row = facts.sends.iter().find(|row| step.is_called(&row.step));
    let (ready, why) = match row {
        Some(SendRecord { state: SendState::Claimed | SendState::Sending, .. }) => {
            return Decision::Wait { step: Some(step), until: None, why: Waiting::InHand };
        }
        Some(SendRecord { retry_at: Some(retry), .. }) if *retry > due => (*retry, Waiting::Backoff),
        _ => (due, Waiting::Due),
    };
    // The branch that was not taken must not hold up the one that was: its delay is not waited for.
    let not_taken = |condition: &Condition| condition.is_settled(&sends) && !holds(condition);
    if row.is_none() && step.condition.as_ref().is_some_and(not_taken) {
        return Decision::Skip { step, due: due.min(now), reason: SkipReason::Condition };
    }
    if ready > now {
        return Decision::Wait { step: Some(step), until: Some(ready), why };
    }
    if let Late::SkipAfter(limit) = step.late
        && !matches!(step.action, Action::WaitFor(_))
        && now - planned(step, facts, rules) > limit.elapsed()
    {
        return Decision::Skip { step, due, reason: SkipReason::Late };
    }
    if !step.condition.as_ref().is_none_or(holds) {
        return Decision::Skip { step, due, reason: SkipReason::Condition };
    }
    let (mail, variant) = match &step.action {
        Action::Exit(reason) => return Decision::Exit { step: Some(step), reason: reason.clone() },
        Action::WaitFor(wait) => return waited(step, wait, facts, rules, due, now),
        Action::Notify(_) | Action::Webhook(_) => {
            let open = step.window.next_open(now, zone(&facts.contact, rules));
            if open > now {
                return Decision::Wait { step: Some(step), until: Some(open), why: Waiting::Window };
            }
            return Decision::Act { step, due };
        }
        Action::Set(_) | Action::Enrol(_) => return Decision::Act { step, due },
        Action::Send(mail) => (mail, None),
        Action::Test(test) => {
            let begun = row.and_then(|row| row.variant.as_deref());
            let choice = facts.trials.iter().find(|trial| trial.step == step.id).map(|one| &one.choice);
            match variant::choose(test, begun, choice, campaign, step, &facts.contact) {
                Some(chosen) => (&chosen.mail, Some(chosen.name.as_str())),
                // A test without variants is not read from a file.
                None => return Decision::Act { step, due },
            }
        }
    };
    let zone = zone(&facts.contact, rules);
    let open = step.window.next_open(now, zone);
    if open > now {
        return Decision::Wait { step: Some(step), until: Some(open), why: Waiting::Window };
    }
    if let Some(over) = facts.contact.pause(now).filter(|_| rules.pauses) {
        let until = step.window.next_open(over, zone);
        return Decision::Wait { step: Some(step), until: Some(until), why: Waiting::Paused };
    }
    // Who has just asked for mail waits for the question whether they did.
    if let Some(free) = capped_until(facts, rules, now).filter(|_| !campaign.is_confirmation()) {
        let until = step.window.next_open(free, zone);
        return Decision::Wait { step: Some(step), until: Some(until), why: Waiting::Cap };
    }
    Decision::Send { step, mail, variant, due }
}

/// Decides a `wait_for` step that is due.
fn waited<'a>(
    step: &'a Step,
    wait: &WaitFor,
    facts: &Facts,
    rules: Rules<'_>,
    due: Instant,
    now: Instant,
) -> Decision<'a> {
    let zone = zone(&facts.contact, rules);
    let deadline = wait.at_most.after(due, zone);
    let entered = facts.enrolment.entered_at;
    let counts = |event: &Event| event.name == wait.event && event.at > entered && event.at <= now.min(deadline);
    let came = facts.events.iter().filter(|event| counts(event)).any(|event| {
        let scope = Scope { event: Some(event), ..scope(facts, &facts.sends, rules, now) };
        wait.condition.as_ref().is_none_or(|condition| condition.holds(scope))
    });
    if came || now >= deadline {
        return Decision::Waited { step, due, came };
    }
    Decision::Wait { step: Some(step), until: Some(deadline), why: Waiting::Event }
}

/// Returns the rows of the ledger under the names that the steps have now.
fn current_names<'f>(campaign: &Campaign, sends: &'f [SendRecord]) -> Cow<'f, [SendRecord]> {
    let now_called = |row: &SendRecord| campaign.position_of(&row.step).map(|at| campaign.steps[at].id.as_str());
    if sends.iter().all(|row| now_called(row).is_none_or(|name| name == row.step)) {
        return Cow::Borrowed(sends);
    }
    let renamed = sends.iter().map(|row| match now_called(row) {
        Some(name) => SendRecord { step: name.to_owned(), ..row.clone() },
        None => row.clone(),
    });
    Cow::Owned(renamed.collect())
}

/// Returns the instant at which a step is due: its delay over and, for a mail, its window open.
pub fn due(step: &Step, facts: &Facts, rules: Rules<'_>) -> Instant {
    let zone = zone(&facts.contact, rules);
    let over = over(step, facts, zone);
    if !step.action.is_mail() {
        return if leaves(&step.action) { step.window.next_open(over, zone) } else { over };
    }
    // Two mails never share an instant: the second one would leave in the same run as the first.
    let mails = facts.sends.iter().filter(|row| row.is_mail() && !step.is_called(&row.step));
    let over = mails.map(|row| row.at + TimeDelta::milliseconds(1)).fold(over, Instant::max);
    step.window.next_open(over, zone)
}

/// Returns when a step would have been due had no mail come between.
fn planned(step: &Step, facts: &Facts, rules: Rules<'_>) -> Instant {
    let zone = zone(&facts.contact, rules);
    let over = over(step, facts, zone);
    if leaves(&step.action) { step.window.next_open(over, zone) } else { over }
}

/// Says whether a step sends something to somebody, so that its hours count.
fn leaves(action: &Action) -> bool {
    action.is_mail() || matches!(action, Action::Notify(_) | Action::Webhook(_))
}

/// Returns when the delay of a step is over.
fn over(step: &Step, facts: &Facts, zone: Tz) -> Instant {
    let entry = facts.enrolment.entered_at;
    let last = facts.sends.iter().filter(|row| row.state.is_closed()).max_by_key(|row| row.at);
    step.delay.over(last.map_or(entry, |row| row.at), entry, zone)
}

/// Returns the zone in which a contact lives.
pub fn zone(contact: &Contact, rules: Rules<'_>) -> Tz {
    contact.timezone.unwrap_or(rules.timezone)
}

fn barred<'a>(campaign: &Campaign, contact: &Contact) -> Option<Decision<'a>> {
    if contact.suppressed {
        return Some(Decision::Exit { step: None, reason: "suppressed".to_owned() });
    }
    match contact.consent {
        Consent::Subscribed | Consent::Pending if contact.refuses(campaign) => {
            Some(Decision::Exit { step: None, reason: "refused".to_owned() })
        }
        Consent::Subscribed => None,
        Consent::Pending if campaign.is_confirmation() => None,
        Consent::Pending => Some(Decision::Wait { step: None, until: None, why: Waiting::Consent }),
        opted_out => Some(Decision::Exit { step: None, reason: opted_out.as_str().to_owned() }),
    }
}

/// Returns when every frequency cap lets the next mail through; `None`: now.
fn capped_until(facts: &Facts, rules: Rules<'_>, now: Instant) -> Option<Instant> {
    let zone = zone(&facts.contact, rules);
    let free = rules.frequency_caps.iter().filter_map(|cap| capped_by(*cap, &facts.recent_mails, zone, now)).max()?;
    // A clock that was set back must not leave someone due at once, for ever.
    Some(free.max(now + TimeDelta::milliseconds(1)))
}

fn capped_by(cap: FrequencyCap, recent_mails: &[Instant], zone: Tz, now: Instant) -> Option<Instant> {
    let first_day = wall::wall(now, zone).date() - chrono::Days::new(u64::from(cap.days) - 1);
    let since = wall::start_of_day(first_day, zone);
    let mut counted: Vec<_> = recent_mails.iter().copied().filter(|&at| at >= since).collect();
    let limit = usize::try_from(cap.mails).unwrap_or(usize::MAX);
    if counted.len() < limit {
        return None;
    }
    counted.sort_unstable();
    // Free again on the day on which enough of them no longer count.
    let leaving = counted[counted.len() - limit.max(1)];
    let free = wall::wall(leaving.max(since), zone).date() + chrono::Days::new(cap.days.into());
    Some(wall::start_of_day(free, zone))
}

fn scope<'a>(facts: &'a Facts, sends: &'a [SendRecord], rules: Rules<'a>, now: Instant) -> Scope<'a> {
    Scope { contact: &facts.contact, event: None, history: &facts.events, sends, terms: rules.terms, now }
}

#[cfg(test)]
mod tests;
