//! When the passing of time alone may let a contact into a campaign: a date, or the edge of a
//! condition. What nobody has to look at before its time is found by an index, not by a scan.

use chrono::{Days, NaiveDate};

use super::{Rules, zone};
use crate::model::campaign::{Campaign, Trigger};
use crate::model::condition::Scope;
use crate::model::contact::Contact;
use crate::model::date::Day;
use crate::model::event::Event;
use crate::model::{Instant, wall};

/// In days.
const HALF_A_YEAR: u64 = 183;

/// Returns the next instant after `now` at which a segment trigger may become true by itself.
pub fn next_edge(
    campaign: &Campaign,
    contact: &Contact,
    history: &[Event],
    rules: Rules<'_>,
    now: Instant,
) -> Option<Instant> {
    let scope = Scope { contact, event: None, history, sends: &[], terms: rules.terms, now };
    let states = campaign.triggers.iter().filter_map(Trigger::state);
    states.filter_map(|condition| condition.next_change(scope)).min()
}

/// Returns the first day, not before `from`, on which a date trigger lets the contact in.
pub fn next_day(campaign: &Campaign, contact: &Contact, rules: Rules<'_>, from: NaiveDate) -> Option<NaiveDate> {
    let zone = zone(contact, rules);
    let days = campaign.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Date { attribute, offset, yearly } => {
            Day::read(contact.attributes.get(attribute)?, zone)?.next(*offset, *yearly, from)
        }
        _ => None,
    });
    days.min()
}

/// Returns the first day on which a date trigger may let in again whom it let in on `day`.
///
/// An offset that was changed, or a birthday that was corrected, must not greet anybody twice for one occasion: those of a
/// year lie further apart than half of it.
pub fn free_after(campaign: &Campaign, day: NaiveDate) -> Option<NaiveDate> {
    let mut dates = campaign.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Date { yearly, .. } => Some(*yearly),
        _ => None,
    });
    let one_a_year = dates.next() == Some(true) && dates.next().is_none();
    day.checked_add_days(Days::new(if one_a_year { HALF_A_YEAR } else { 1 }))
}

/// Returns the day that an instant falls on for a contact.
pub fn day_of(at: Instant, contact: &Contact, rules: Rules<'_>) -> NaiveDate {
    wall::wall(at, zone(contact, rules)).date()
}

/// Returns the first instant of a contact's day.
pub fn start_of(day: NaiveDate, contact: &Contact, rules: Rules<'_>) -> Instant {
    wall::start_of_day(day, zone(contact, rules))
}
