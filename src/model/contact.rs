//! A person, and whether they may be mailed.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::Instant;
use super::address::Address;
use super::campaign::Campaign;
use super::id::ContactId;

/// A person, keyed by e-mail address.
#[derive(Debug, Clone)]
pub struct Contact {
    pub id: ContactId,
    pub address: Address,
    pub consent: Consent,
    /// Whether the address or its domain is on the suppression list.
    pub suppressed: bool,
    /// What of the mails they want nothing of: topics, and campaigns that have none; see [`Campaign::subject`].
    pub refused: BTreeSet<String>,
    /// Until then they want no mail at all.
    pub paused_until: Option<Instant>,
    pub timezone: Option<Tz>,
    pub language: Option<String>,
    pub tags: BTreeSet<String>,
    pub attributes: Map<String, Value>,
}

impl Contact {
    /// Returns what another program must know of consent: who is suppressed here must not be mailed there.
    pub fn effective_consent(&self) -> Consent {
        if self.suppressed { self.consent.max(Consent::Unsubscribed) } else { self.consent }
    }

    /// Says whether they want nothing of a campaign.
    pub fn refuses(&self, campaign: &Campaign) -> bool {
        // Also what they refused before the campaign had its topic.
        !self.refused.is_empty()
            && (self.refused.contains(&*campaign.subject()) || self.refused.contains(&campaign.own_subject()))
    }

    /// Says whether a campaign asks for the confirmation that they have given.
    pub fn has_answered(&self, campaign: &Campaign) -> bool {
        campaign.is_confirmation() && self.consent == Consent::Subscribed
    }

    /// Returns until when they want no mail, where that is still to come.
    pub fn pause(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Says whether it may be noted what they open and follow. However the attribute `tracking` says no, it is heard: a text of
    /// an import as well.
    pub fn may_be_tracked(&self) -> bool {
        match self.attributes.get("tracking") {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => {
                !["no", "n", "false", "off", "không", "0"].contains(&text.trim().to_lowercase().as_str())
            }
            _ => true,
        }
    }
}

/// Whether a contact agreed to mail; only [`Consent::Subscribed`] is mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consent {
    /// Has not confirmed yet (double opt-in).
    Pending,
    Subscribed,
    Unsubscribed,
    Bounced,
    Complained,
}

impl Consent {
    /// Every value, in the order in which an import may move it: only upwards from `Subscribed`.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Subscribed, Self::Unsubscribed, Self::Bounced, Self::Complained];

    /// Returns the word for it in files, output and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    /// Returns the consent that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consent| consent.as_str().eq_ignore_ascii_case(word))
    }

    /// Says whether something that happened may make it that: never back towards mail, and what a person said weighs more than
    /// that an address is dead.
    pub fn yields_to(self, other: Self) -> bool {
        use Consent::{Bounced, Complained, Pending, Subscribed, Unsubscribed};
        match self {
            Pending | Subscribed => other.is_opt_out(),
            Bounced => matches!(other, Unsubscribed | Complained),
            Unsubscribed => other == Complained,
            Complained => false,
        }
    }

    /// Says whether it stands against any further mail.
    pub fn is_opt_out(self) -> bool {
        matches!(self, Self::Unsubscribed | Self::Bounced | Self::Complained)
    }
}
