//! When a campaign has reached what it exists for.

use chrono_tz::Tz;

use super::Rules;
use crate::model::Instant;
use crate::model::campaign::{Campaign, Goal};
use crate::model::condition::Scope;
use crate::model::event::Event;
use crate::model::facts::Facts;

/// Returns the event by which an enrolment reached its goal: the first one after the entry that counts.
pub fn reached<'a>(campaign: &Campaign, facts: &'a Facts, rules: Rules<'_>, now: Instant) -> Option<&'a Event> {
    // Nobody confirms for somebody else: the event alone is no consent.
    let goal =
        campaign.goal.as_ref().filter(|_| !campaign.is_confirmation() || facts.contact.has_answered(campaign))?;
    let entered = facts.enrolment.entered_at;
    let zone = super::zone(&facts.contact, rules);
    facts.events.iter().filter(|event| event.at <= now && counts(goal, entered, event, zone)).find(|event| {
        let scope = Scope {
            contact: &facts.contact,
            event: Some(event),
            history: &facts.events,
            sends: &facts.sends,
            terms: rules.terms,
            now,
        };
        goal.condition.as_ref().is_none_or(|condition| condition.holds(scope))
    })
}

/// Says whether an event is of the goal's name and in its time.
fn counts(goal: &Goal, entered: Instant, event: &Event, zone: Tz) -> bool {
    event.name == goal.event
        && event.at > entered
        && goal.within.is_none_or(|within| event.at <= within.after(entered, zone))
}
