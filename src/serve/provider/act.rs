//! What follows from what a provider tells: consent, events, and mails of unknown fate that it proves to have left.
//!
//! A report is tied to a mail by the signed token that the mail gave the provider, by its envelope sender or by its
//! Message-ID, each of which holds a proof; and the address that it speaks of must be the one that the mail went to.

use std::collections::BTreeMap;

use serde_json::Map;
use sha2::{Digest, Sha256};

use super::{Letter, Tie, Told, What};
use crate::inbound;
use crate::mail::token::{Keys, Purpose};
use crate::mail::verp;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::Consent;
use crate::model::octets::hexadecimal;
use crate::model::reaction::Reaction;
use crate::serve::Site;
use crate::store::{Result, Sent, Work};

/// The longest address of a link that is kept, in characters.
const LONGEST_LINK: usize = 2000;

/// What became of a letter.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How many of a kind came to what end: `recorded`, `known`, `untied`, `ignored`.
    pub(super) counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Done {
    pub(super) fn number(&self, end: &str) -> u64 {
        self.counts.iter().filter(|((_, known), _)| *known == end).map(|(_, number)| number).sum()
    }
}

/// Does what each part of a letter asks for; `None` where its signature served another before.
pub(super) fn act(
    work: &Work<'_>,
    site: &Site,
    provider: &'static str,
    letter: &Letter,
    now: Instant,
) -> Result<Option<Done>> {
    if let Some(once) = &letter.once
        && !work.hear(&hash(&[provider, "once", once]), now)?
    {
        return Ok(None);
    }
    let proofs = Proofs { keys: Keys::new(work.link_keys()?), secret: work.secret()? };
    let mut done = Done::default();
    for told in &letter.told {
        let end = match tied(work, &proofs, told)? {
            Some(sent) => follow(work, site, provider, told, &sent, now)?,
            None => "untied",
        };
        *done.counts.entry((told.what.word(), end)).or_default() += 1;
    }
    Ok(Some(done))
}

struct Proofs {
    keys: Keys,
    secret: String,
}

/// Returns the mail that a provider speaks of.
fn tied(work: &Work<'_>, proofs: &Proofs, told: &Told) -> Result<Option<Sent>> {
    let Ok(recipient) = Address::parse(&told.recipient) else { return Ok(None) };
    for tie in &told.ties {
        let sent = match tie {
            Tie::Token(token) => match proofs.keys.read(token) {
                Some(Purpose::Report(send)) => work.sent(send)?,
                _ => None,
            },
            Tie::ReturnPath(address) => {
                verp::send_of(&proofs.secret, address).map_or(Ok(None), |send| work.sent(send))?
            }
            Tie::MessageId(id) => work.sent_as(id)?,
        };
        let went_there = |sent: &Sent| Address::parse(&sent.email).is_ok_and(|to| to.key() == recipient.key());
        if let Some(sent) = sent.filter(went_there) {
            return Ok(Some(sent));
        }
    }
    Ok(None)
}

fn follow(
    work: &Work<'_>,
    site: &Site,
    provider: &str,
    told: &Told,
    sent: &Sent,
    now: Instant,
) -> Result<&'static str> {
    work.prove_sent(sent)?;
    let is_known = match &told.what {
        What::Noted => return Ok("ignored"),
        What::Opened(_) | What::Clicked(..) if !is_asked_after(work, site, told, sent)? => return Ok("ignored"),
        // There are as many of these as mails, and of a mail one.
        What::Delivered => work.is_told_of(sent, "delivered")?,
        _ => !work.hear(&hash(&[provider, &told.id]), now)?,
    };
    if is_known {
        return Ok("known");
    }
    // A clock that is ahead must not hide it from the next run, nor one that is behind put it before the mail.
    let at = told.at.unwrap_or(now).max(sent.at).min(now);
    match &told.what {
        What::Delivered => work.tell_of(sent, "delivered", Map::new(), at)?,
        What::Failed(failure) => drop(inbound::failed(work, sent, failure, site.soft_bounces, at, now)?),
        What::Complained(kind) => drop(inbound::complained(work, sent, kind, at, now)?),
        What::Left => {
            let reason = format!("unsubscribed, says {provider}");
            work.narrow_consent(sent.contact, Consent::Unsubscribed, &reason, now)?;
            work.note_reaction(sent.send, Reaction::Unsubscribed)?;
        }
        What::Opened(by) => drop(work.opened(sent, *by, at)?),
        What::Clicked(by, url) => {
            let url: String = url.chars().take(LONGEST_LINK).collect();
            drop(work.clicked(sent, &url, *by, at)?);
        }
        What::Noted => {}
    }
    Ok("recorded")
}

/// Says whether an opening or a click is to be recorded: not of whoever said no, and not what drip sees by itself.
fn is_asked_after(work: &Work<'_>, site: &Site, told: &Told, sent: &Sent) -> Result<bool> {
    let is_ours = match &told.what {
        What::Opened(_) => site.web.opens,
        What::Clicked(_, url) => url.starts_with(&format!("{}/", site.web.public_url)),
        _ => false,
    };
    Ok(!is_ours && work.contact_of(sent.contact)?.may_be_tracked())
}

/// Returns the name under which something is noted as heard.
fn hash(parts: &[&str]) -> String {
    hexadecimal(Sha256::digest(parts.join("\0")))
}
