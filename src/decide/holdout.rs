//! Who is held out of a campaign, and for how long.

use chrono_tz::Tz;

use super::variant::share;
use crate::model::Instant;
use crate::model::campaign::{Action, Campaign};
use crate::model::contact::Contact;

/// What an entry is noted with where a campaign holds people out: the hundredths, of who is not held out with a minus.
///
/// It is a hash of campaign and address: whoever is held out at 10 % is so at 20 %, too.
pub fn mark(campaign: &Campaign, contact: &Contact) -> Option<i32> {
    let hundredths = campaign.holdout?;
    // No step has an empty id.
    let is_held_out = share(campaign.id.as_str(), "\nholdout", contact.address.key()) % 100 < u64::from(hundredths);
    let mark = i32::try_from(hundredths).ok()?;
    Some(if is_held_out { mark } else { -mark })
}

/// Returns when the sequence is over for someone who is held out: when it would be, went nothing in between.
pub(super) fn until(campaign: &Campaign, entered: Instant, zone: Tz) -> Instant {
    campaign.steps.iter().fold(entered, |previous, step| {
        let due = step.delay.over(previous, entered, zone);
        match &step.action {
            Action::WaitFor(wait) => wait.at_most.after(due, zone),
            _ => due,
        }
    })
}
