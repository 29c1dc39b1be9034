//! What follows for a contact when a mail failed, was complained of, or made somebody leave: the same whether a message says
//! so or a mail provider.

use serde_json::{Map, json};

use super::act::Deed;
use super::{Permanence, Reason, Status};
use crate::model::Instant;
use crate::model::contact::Consent;
use crate::store::{Result, Sent, Work};

/// How much of a server's words is kept.
const LONGEST_WORDS: usize = 300;

/// Refusals of the sender, of this mail or of the day, which say nothing of the recipient: they would suppress a whole list
/// when a sending address is blocked.
const NOT_OF_THE_RECIPIENT: [Reason; 17] = [
    Reason::Blocked,
    Reason::BadReputation,
    Reason::AuthFailure,
    Reason::RequirePtr,
    Reason::SpamDetected,
    Reason::Speeding,
    Reason::TooManyConn,
    Reason::PolicyViolation,
    Reason::SecurityError,
    Reason::Rejected,
    Reason::FailedStarttls,
    Reason::ContentError,
    Reason::NotCompliantRfc,
    Reason::MesgTooBig,
    Reason::VirusDetected,
    Reason::NetworkError,
    Reason::SystemError,
];

/// A mail that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub permanence: Permanence,
    pub reason: Reason,
    pub status: Option<Status>,
    /// The server's own words, on one line.
    pub diagnostic: String,
}

impl Failure {
    /// Returns class, status and words of the refusal, for people.
    pub(super) fn words(&self) -> String {
        let status = self.status.map_or_else(String::new, |status| format!(" ({status})"));
        let said: String = self.diagnostic.chars().take(LONGEST_WORDS).collect();
        format!("{}{status}: {said}", self.reason.word())
    }
}

/// Records that a mail failed. A dead address gets nothing more, and one whose last mails all came back as little.
pub fn failed(
    work: &Work<'_>,
    sent: &Sent,
    failure: &Failure,
    soft_bounces: u32,
    at: Instant,
    now: Instant,
) -> Result<Deed> {
    let hard = failure.permanence == Permanence::Hard;
    let mut properties = Map::new();
    properties.insert("hard".to_owned(), json!(hard));
    properties.insert("reason".to_owned(), json!(failure.reason.word()));
    if let Some(status) = failure.status {
        properties.insert("status".to_owned(), json!(status.to_string()));
    }
    work.tell_of(sent, "bounced", properties, at)?;
    let why = failure.words();
    if hard {
        work.narrow_consent(sent.contact, Consent::Bounced, &why, now)?;
        return Ok(Deed::HardBounce);
    }
    if NOT_OF_THE_RECIPIENT.contains(&failure.reason) {
        return Ok(Deed::SoftBounce);
    }
    let streak = work.soft_streak(sent.contact, sent.send, &NOT_OF_THE_RECIPIENT.map(Reason::word))?;
    if soft_bounces > 0 && streak >= u64::from(soft_bounces) {
        let why = format!("{streak} mails in a row came back, the last with {why}");
        work.narrow_consent(sent.contact, Consent::Bounced, &why, now)?;
        return Ok(Deed::SoftStreak);
    }
    Ok(Deed::SoftBounce)
}

/// Records a press of the spam button, or what a receiver complains of by itself.
pub fn complained(work: &Work<'_>, sent: &Sent, feedback_type: &str, at: Instant, now: Instant) -> Result<Deed> {
    // `not-spam` takes a complaint back, and `auth-failure` is about servers (RFC 6430, RFC 6591).
    if !is_complaint(feedback_type) {
        return Ok(Deed::Notice);
    }
    work.narrow_consent(sent.contact, Consent::Complained, &complaint(feedback_type), now)?;
    work.tell_of(sent, "complained", Map::new(), at)?;
    Ok(Deed::Complaint)
}

/// Returns what the history of a contact's consent says of a complaint.
pub(super) fn complaint(feedback_type: &str) -> String {
    format!("complained ({feedback_type})")
}

/// Says whether a report of this type (RFC 5965) is one of a reader who wants no more.
pub(super) fn is_complaint(feedback_type: &str) -> bool {
    ["abuse", "fraud", "virus", "opt-out", "other"].contains(&feedback_type)
}
