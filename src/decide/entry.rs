//! Who enters a campaign.

use crate::model::Instant;
use crate::model::campaign::{Campaign, Reentry};
use crate::model::contact::Contact;
use crate::model::enrolment::{EnrolmentState, Passage};

/// Whether a contact whose trigger fired comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// As this round.
    Enter(u32),
    /// Opted out or suppressed.
    Barred,
    /// Wants nothing of it.
    Refused,
    /// Has confirmed already, and is not asked again.
    Confirmed,
    /// Is inside already.
    Inside,
    /// Was inside, and `reentry` does not let them in (yet).
    Again,
}

impl Entry {
    /// Returns why the contact stays out, in words; `None`: it comes in.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Enter(_) => None,
            Self::Barred => Some("opted out or suppressed"),
            Self::Refused => Some("wants nothing of it"),
            Self::Confirmed => Some("confirmed already"),
            Self::Inside => Some("inside already"),
            Self::Again => Some("was inside before"),
        }
    }
}

/// Decides whether a contact whose trigger fired at `at` comes in.
pub fn entry(campaign: &Campaign, contact: &Contact, last: Option<Passage>, at: Instant) -> Entry {
    if contact.suppressed || contact.consent.is_opt_out() {
        return Entry::Barred;
    }
    if contact.refuses(campaign) {
        return Entry::Refused;
    }
    if contact.has_answered(campaign) {
        return Entry::Confirmed;
    }
    let Some(last) = last else { return Entry::Enter(1) };
    if last.state == EnrolmentState::Active {
        return Entry::Inside;
    }
    let free = match (campaign.reentry, last.ended_at) {
        (Reentry::Never, _) => false,
        (Reentry::Always, _) | (Reentry::After(_), None) => true,
        (Reentry::After(span), Some(ended)) => at >= ended + span.elapsed(),
    };
    if free { Entry::Enter(last.round + 1) } else { Entry::Again }
}
