//! What is done about an incoming message: consent, events, and mails of unknown fate that it proves to have left.
//!
//! Anybody can write a message that looks like a report. So a report, a complaint or a wish to leave is acted on where it is
//! tied to a mail that drip sent: by the address that was made for that mail (VERP), which nobody can make up, or, in a
//! project without a `bounce_address`, by a Message-ID whose mail went to the very address that the report names. To send
//! nothing more to somebody who had a mail is the safe direction: so for complaints and wishes to leave a Message-ID with its
//! proof is enough, and whoever writes to leave from an address that is on the list is believed as well.

use serde_json::Map;

use super::consequence::{self, Failure};
use super::{Action, Kind, Original, Permanence, Reading, Recipient};
use crate::mail::verp;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::{Consent, Contact};
use crate::model::id::SendId;
use crate::model::reaction::Reaction;
use crate::store::{NewEvent, Result, Sent, Work};

/// What a project says of incoming mail.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Whether each mail has an address of its own for its bounces.
    pub has_bounce_address: bool,
    /// The project's own secret, in hexadecimal.
    pub secret: &'a str,
    /// So many mails in a row that came back for now make an address count as dead.
    pub soft_bounces: u32,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A dead address gets nothing more.
    HardBounce,
    SoftBounce,
    /// The last of a streak: the address gets nothing more.
    SoftStreak,
    /// A server tries on, or tells that a mail arrived.
    Notice,
    Complaint,
    Unsubscribed,
    Reply,
    AutoReply,
    /// A report, complaint or wish that is tied to no mail of this project.
    Unproven,
    /// One of drip's own mails that came back.
    Loop,
    /// A person's mail, or one that could not be read: kept.
    Other,
}

impl Deed {
    /// Returns the words for it in a summary, of one and of several.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::HardBounce => ("hard bounce", "hard bounces"),
            Self::SoftBounce => ("soft bounce", "soft bounces"),
            Self::SoftStreak => ("address given up after soft bounces", "addresses given up after soft bounces"),
            Self::Notice => ("notice", "notices"),
            Self::Complaint => ("complaint", "complaints"),
            Self::Unsubscribed => ("wish to leave", "wishes to leave"),
            Self::Reply => ("reply", "replies"),
            Self::AutoReply => ("automatic answer", "automatic answers"),
            Self::Unproven => ("report that is tied to no mail", "reports that are tied to no mail"),
            Self::Loop => ("mail of our own", "mails of our own"),
            Self::Other => ("other mail", "other mails"),
        }
    }

    /// Returns the word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::SoftBounce => "soft_bounce",
            Self::SoftStreak => "soft_streak",
            Self::Notice => "notice",
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
            Self::Reply => "reply",
            Self::AutoReply => "auto_reply",
            Self::Unproven => "unproven",
            Self::Loop => "loop",
            Self::Other => "other",
        }
    }

    /// Says whether a person should see the message itself.
    pub fn is_to_keep(self) -> bool {
        matches!(self, Self::Reply | Self::Unproven | Self::Other)
    }
}

/// Does what a message asks for, and returns what that was.
pub fn act(work: &Work<'_>, rules: Rules<'_>, reading: &Reading, now: Instant) -> Result<Deed> {
    let original = &reading.original;
    match &reading.kind {
        Kind::Report(recipients) => report(work, rules, original, recipients, now),
        Kind::Complaint { feedback_type, .. } if !consequence::is_complaint(feedback_type) => Ok(Deed::Notice),
        Kind::Complaint { recipients, feedback_type } => {
            let named: Vec<&str> = recipients.iter().map(String::as_str).collect();
            let sent = match tied(work, rules, original, &named)? {
                Some(sent) => Some(sent),
                // Feedback loops return the mail without its `Return-Path`.
                None => by_proof(work, rules, original)?,
            };
            let Some(sent) = sent else {
                let Some(address) = lost_of_person(work, rules, original)? else { return Ok(Deed::Unproven) };
                narrow_lost(work, &address, Consent::Complained, &consequence::complaint(feedback_type), now)?;
                return Ok(Deed::Complaint);
            };
            consequence::complained(work, &sent, feedback_type, now, now)
        }
        Kind::Unsubscribe => leave(work, rules, original, now),
        Kind::AutoReply => answered(work, rules, original, "auto_replied", now).map(|_| Deed::AutoReply),
        Kind::Reply => answered(work, rules, original, "replied", now).map(|_| Deed::Reply),
        Kind::Ours => Ok(Deed::Loop),
        Kind::Unreadable(_) | Kind::Other => Ok(Deed::Other),
    }
}

fn report(
    work: &Work<'_>,
    rules: Rules<'_>,
    original: &Original,
    recipients: &[Recipient],
    now: Instant,
) -> Result<Deed> {
    let named = recipients.iter().flat_map(|one| [one.sent_to(), one.address.as_str()]);
    // Whoever signs with their own address is there.
    let named: Vec<&str> =
        named.filter(|name| !original.from.as_deref().is_some_and(|from| is_same(from, name))).collect();
    let sent = tied(work, rules, original, &named)?;
    if let Some(sent) = &sent {
        work.prove_sent(sent)?;
    }
    let lost = if sent.is_some() { None } else { lost(work, rules, original)? };
    let went_to = sent.as_ref().map(|sent| sent.email.as_str()).or(lost.as_ref().map(Address::as_str));
    let Some(went_to) = went_to else { return Ok(Deed::Unproven) };
    let Some(failure) = failure(recipients, went_to) else { return Ok(Deed::Notice) };
    match (sent, lost) {
        (Some(sent), _) => consequence::failed(work, &sent, &failure, rules.soft_bounces, now, now),
        (None, Some(address)) if failure.permanence == Permanence::Hard => {
            narrow_lost(work, &address, Consent::Bounced, &failure.words(), now)?;
            Ok(Deed::HardBounce)
        }
        // Of a mail that no row is left of nobody can say whether it was one in a row.
        (None, Some(_)) => Ok(Deed::SoftBounce),
        (None, None) => Ok(Deed::Unproven),
    }
}

/// Returns what failed of a mail, by what a report says of each recipient. A mail of drip's has one; behind an alias there may
/// be several, and the alias is not dead because one of them is.
fn failure(recipients: &[Recipient], went_to: &str) -> Option<Failure> {
    if recipients.iter().any(|one| matches!(one.action, Action::Delivered | Action::Relayed | Action::Expanded)) {
        return None;
    }
    let is_hard = |one: &Recipient| {
        let is_meant = recipients.len() == 1 || [one.sent_to(), &one.address].iter().any(|name| is_same(went_to, name));
        is_meant && one.permanence == Permanence::Hard
    };
    let failed = recipients.iter().filter(|one| one.action == Action::Failed);
    let worst = failed.max_by_key(|one| is_hard(one))?;
    Some(Failure {
        permanence: if is_hard(worst) { Permanence::Hard } else { Permanence::Soft },
        reason: worst.reason,
        status: worst.status,
        diagnostic: worst.diagnostic.clone(),
    })
}

/// Somebody leaves: by the mail that they answer, or by who they are.
fn leave(work: &Work<'_>, rules: Rules<'_>, original: &Original, now: Instant) -> Result<Deed> {
    let by_subject = original.subject.split_whitespace().last().unwrap_or_default();
    let mut sent = work.sent_as(by_subject)?;
    if sent.is_none() {
        sent = by_address(work, rules, original)?;
    }
    if sent.is_none() {
        // Whoever has several addresses answers from another.
        sent = by_proof(work, rules, original)?;
    }
    if let Some(sent) = sent {
        work.note_reaction(sent.send, Reaction::Unsubscribed)?;
        work.narrow_consent(sent.contact, Consent::Unsubscribed, "unsubscribed by mail", now)?;
        return Ok(Deed::Unsubscribed);
    }
    let of_subject =
        verp::send_of_message(rules.secret, by_subject).map_or(Ok(None), |send| work.lost_recipient(send))?;
    if let Some(address) =
        of_subject.map_or_else(|| lost_of_person(work, rules, original), |address| Ok(Some(address)))?
    {
        narrow_lost(work, &address, Consent::Unsubscribed, "unsubscribed by mail", now)?;
        return Ok(Deed::Unsubscribed);
    }
    let Some(contact) = sender(work, original)? else { return Ok(Deed::Unproven) };
    work.narrow_consent(contact.id, Consent::Unsubscribed, "unsubscribed by mail", now)?;
    Ok(Deed::Unsubscribed)
}

/// Notes an answer of a person or of a machine.
fn answered(work: &Work<'_>, rules: Rules<'_>, original: &Original, name: &str, now: Instant) -> Result<bool> {
    let sent = match by_address(work, rules, original)? {
        Some(sent) => Some(sent),
        None => by_message_id(work, original)?,
    };
    if let Some(sent) = sent {
        work.prove_sent(&sent)?;
        work.tell_of(&sent, name, Map::new(), now)?;
        return Ok(true);
    }
    let Some(contact) = sender(work, original)? else { return Ok(false) };
    work.add_event(&NewEvent { contact: contact.id, name, at: now, properties: &Map::new() }, None)?;
    Ok(true)
}

/// Returns the mail that a report is proved to speak of.
fn tied(work: &Work<'_>, rules: Rules<'_>, original: &Original, named: &[&str]) -> Result<Option<Sent>> {
    if let Some(sent) = by_address(work, rules, original)? {
        return Ok(Some(sent));
    }
    if rules.has_bounce_address {
        return Ok(None);
    }
    let sent = by_message_id(work, original)?;
    Ok(sent.filter(|sent| named.iter().any(|name| is_same(&sent.email, name))))
}

fn is_same(one: &str, other: &str) -> bool {
    matches!((Address::parse(one), Address::parse(other)), (Ok(one), Ok(other)) if one.key() == other.key())
}

fn by_address(work: &Work<'_>, rules: Rules<'_>, original: &Original) -> Result<Option<Sent>> {
    proved(rules, original).map_or(Ok(None), |send| work.sent(send))
}

/// Returns to whom a mail went that a copy which was put back does not know.
fn lost(work: &Work<'_>, rules: Rules<'_>, original: &Original) -> Result<Option<Address>> {
    proved(rules, original).map_or(Ok(None), |send| work.lost_recipient(send))
}

/// Returns the same for what a person asks for, who proves by a Message-ID, too, that the mail was theirs.
fn lost_of_person(work: &Work<'_>, rules: Rules<'_>, original: &Original) -> Result<Option<Address>> {
    if let Some(address) = lost(work, rules, original)? {
        return Ok(Some(address));
    }
    let proved = original.message_ids.iter().find_map(|id| verp::send_of_message(rules.secret, id));
    proved.map_or(Ok(None), |send| work.lost_recipient(send))
}

/// Returns the mail whose own address for bounces a message came to.
fn proved(rules: Rules<'_>, original: &Original) -> Option<SendId> {
    // A complaint goes to where its provider sends them all; the address of the mail stands in what it returns.
    original.to.iter().chain(&original.returns_to).find_map(|address| verp::send_of(rules.secret, address))
}

/// Returns the mail of a Message-ID that carries its proof: whoever has that had the mail.
fn by_proof(work: &Work<'_>, rules: Rules<'_>, original: &Original) -> Result<Option<Sent>> {
    let mut proved = original.message_ids.iter().filter_map(|id| verp::send_of_message(rules.secret, id));
    proved.next().map_or(Ok(None), |send| work.sent(send))
}

fn by_message_id(work: &Work<'_>, original: &Original) -> Result<Option<Sent>> {
    for id in &original.message_ids {
        if let Some(sent) = work.sent_as(id)? {
            return Ok(Some(sent));
        }
    }
    Ok(None)
}

fn sender(work: &Work<'_>, original: &Original) -> Result<Option<Contact>> {
    let address = original.from.as_deref().and_then(|from| Address::parse(from).ok());
    address.map_or(Ok(None), |address| work.contact(&address))
}

/// Takes away the consent of an address that a mail went to; one that is no contact comes in without it by no import.
fn narrow_lost(work: &Work<'_>, address: &Address, to: Consent, reason: &str, now: Instant) -> Result<()> {
    match work.contact(address)? {
        Some(contact) => work.narrow_consent(contact.id, to, reason, now).map(drop),
        None if matches!(to, Consent::Complained | Consent::Unsubscribed) => work.opt_out(address, reason, now),
        None => work.suppress(address, reason, now),
    }
}
