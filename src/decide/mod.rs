//! What should happen: pure, total, with `now` as an argument.
//!
//! [`decide`] is the one rule for what an enrolment does next. A run, a dry run and the demo all ask
//! it, so what one shows is what the other does. The order of its questions is the campaign
//! language's meaning:
//!
//! | # | question | answer when it is so |
//! | --- | --- | --- |
//! | 1 | may the contact be mailed at all? | `Exit` (opted out, suppressed), `Wait` (not confirmed yet) |
//! | 2 | was the goal reached since the entry? | `Goal` |
//! | 3 | does `exit_when` hold? | `Exit` |
//! | 4 | is no step left? | `Finish`, or `Wait` under `at_end: hold` |
//! | 5 | is it not due yet, or backing off? | `Wait` until then |
//! | 6 | is it overdue beyond `late`? | `Skip` |
//! | 7 | does its `if` fail? | `Skip` |
//! | 8 | does it set or exit? | `Set`, `Exit` |
//! | 9 | are hours and days closed? | `Wait` until they open |
//! | 10 | did the contact get the mails of the frequency cap? | `Wait` until the next local day |
//! | 11 | | `Send` |

pub mod entry;
pub mod funnel;
pub mod goal;
pub mod position;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::model::campaign::{Action, AtEnd, Campaign, Late, Step};
use crate::model::condition::{Condition, Scope};
use crate::model::contact::{Consent, Contact};
use crate::model::facts::Facts;
use crate::model::send::{SendRecord, SendState};
use crate::model::settings::{FrequencyCap, Settings};
use crate::model::{Instant, wall};

/// The settings that bear on a decision.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub timezone: Tz,
    pub frequency_cap: Option<FrequencyCap>,
    pub segments: &'a BTreeMap<String, Condition>,
}

impl<'a> From<&'a Settings> for Rules<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self { timezone: settings.timezone, frequency_cap: settings.frequency_cap, segments: &settings.segments }
    }
}

/// What an enrolment does next.
#[derive(Debug, Clone)]
pub enum Decision<'a> {
    /// Nothing until then; `None`: nothing until something about the contact or the files changes.
    Wait { step: Option<&'a Step>, until: Option<Instant>, why: Waiting },
    /// The step's mail goes now.
    Send { step: &'a Step, due: Instant },
    /// The step is not for this contact.
    Skip { step: &'a Step, due: Instant, reason: SkipReason },
    /// The step sets attributes.
    Set { step: &'a Step, due: Instant },
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
    /// The contact has not confirmed.
    Consent,
    /// All steps are done; the campaign holds its people for later ones.
    Held,
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
    if let Some(decision) = barred(&facts.contact) {
        return decision;
    }
    if let Some(event) = goal::reached(campaign, facts, rules, now) {
        return Decision::Goal { at: event.at };
    }
    let holds = |condition: &Condition| condition.holds(scope(facts, rules, now));
    if campaign.exit_when.as_ref().is_some_and(holds) {
        return Decision::Exit { step: None, reason: "exit_when".to_owned() };
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
    if ready > now {
        return Decision::Wait { step: Some(step), until: Some(ready), why };
    }
    if let Late::SkipAfter(limit) = step.late
        && now - due > limit.elapsed()
    {
        return Decision::Skip { step, due, reason: SkipReason::Late };
    }
    if !step.condition.as_ref().is_none_or(holds) {
        return Decision::Skip { step, due, reason: SkipReason::Condition };
    }
    match &step.action {
        Action::Set(_) => return Decision::Set { step, due },
        Action::Exit(reason) => return Decision::Exit { step: Some(step), reason: reason.clone() },
        Action::Send(_) => {}
    }
    let zone = zone(&facts.contact, rules);
    let open = step.window.next_open(now, zone);
    if open > now {
        return Decision::Wait { step: Some(step), until: Some(open), why: Waiting::Window };
    }
    if let Some(free) = capped_until(facts, rules, now) {
        let until = step.window.next_open(free, zone);
        return Decision::Wait { step: Some(step), until: Some(until), why: Waiting::Cap };
    }
    Decision::Send { step, due }
}

/// Returns the instant at which a step is due: its delay over and, for a mail, its window open.
pub fn due(step: &Step, facts: &Facts, rules: Rules<'_>) -> Instant {
    let zone = zone(&facts.contact, rules);
    let entry = facts.enrolment.entered_at;
    let last = facts.sends.iter().filter(|row| row.state.is_closed()).max_by_key(|row| row.at);
    let over = step.delay.over(last.map_or(entry, |row| row.at), entry, zone);
    match step.action {
        Action::Send(_) => {
            // Two mails never share an instant: the second one would leave in the same run as the first.
            let mails = facts.sends.iter().filter(|row| row.state.is_mail() && !step.is_called(&row.step));
            let over = mails.map(|row| row.at + TimeDelta::milliseconds(1)).fold(over, Instant::max);
            step.window.next_open(over, zone)
        }
        Action::Set(_) | Action::Exit(_) => over,
    }
}

/// Returns the zone in which a contact lives.
pub fn zone(contact: &Contact, rules: Rules<'_>) -> Tz {
    contact.timezone.unwrap_or(rules.timezone)
}

fn barred<'a>(contact: &Contact) -> Option<Decision<'a>> {
    if contact.suppressed {
        return Some(Decision::Exit { step: None, reason: "suppressed".to_owned() });
    }
    match contact.consent {
        Consent::Subscribed => None,
        Consent::Pending => Some(Decision::Wait { step: None, until: None, why: Waiting::Consent }),
        opted_out => Some(Decision::Exit { step: None, reason: opted_out.as_str().to_owned() }),
    }
}

/// Returns when the frequency cap lets the next mail through; `None`: now.
fn capped_until(facts: &Facts, rules: Rules<'_>, now: Instant) -> Option<Instant> {
    let cap = rules.frequency_cap?;
    let zone = zone(&facts.contact, rules);
    let days_before = |days: u32| wall::wall(now, zone).date() - chrono::Days::new(days.into());
    let since = wall::start_of_day(days_before(cap.days - 1), zone);
    let mut counted: Vec<_> = facts.recent_mails.iter().copied().filter(|&at| at >= since).collect();
    let limit = usize::try_from(cap.mails).unwrap_or(usize::MAX);
    if counted.len() < limit {
        return None;
    }
    counted.sort_unstable();
    // Free again on the day on which enough of them no longer count.
    let leaving = counted[counted.len() - limit.max(1)];
    let mut free = wall::next_day(leaving.max(since), zone);
    for _ in 1..cap.days {
        free = wall::next_day(free, zone);
    }
    // A clock that was set back must not leave someone due at once, for ever.
    Some(free.max(now + TimeDelta::milliseconds(1)))
}

fn scope<'a>(facts: &'a Facts, rules: Rules<'a>, now: Instant) -> Scope<'a> {
    Scope { contact: &facts.contact, event: None, history: &facts.events, segments: rules.segments, now }
}

#[cfg(test)]
mod tests;
