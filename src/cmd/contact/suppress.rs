//! `drip contact unsubscribe` and `suppress`: who gets nothing more.

use serde_json::json;

use super::{Context, address, inside_a_project};
use crate::cmd::Failure;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::Consent;
use crate::store::Work;
use crate::ui::sanitise;

pub(super) fn unsubscribe(context: &Context, emails: &[String], reason: &str) -> Result<Exit, Failure> {
    let addresses = emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    inside_a_project(context)?;
    let mut store = context.open()?;
    let now = context.now();
    let work = store.begin()?;
    let mut results = Vec::new();
    for address in &addresses {
        // A request by mail names the mail it answers, and may come from another address than it went to.
        let known = match work.contact(address)? {
            Some(contact) => Some(contact),
            None => work.contact_of_mail(address.as_str())?,
        };
        let address = known.as_ref().map_or(address, |contact| &contact.address).clone();
        let address = &address;
        let (result, text) = match known {
            Some(contact) if !contact.consent.yields_to(Consent::Unsubscribed) => {
                ("unchanged", format!("{address} was {} already.", contact.consent.as_str()))
            }
            Some(contact) => {
                work.set_consent(contact.id, Consent::Unsubscribed, reason, now)?;
                ("unsubscribed", format!("{address} is unsubscribed and gets nothing more."))
            }
            None if work.is_forgotten(address)? => {
                ("forgotten", format!("{address} was forgotten; no import can mail it."))
            }
            None => {
                work.opt_out(address, reason, now)?;
                let note = "is no contact; it is on the suppression list now, so that no import can mail it";
                ("suppressed", format!("{address} {note}."))
            }
        };
        results.push((address.to_string(), result, text));
    }
    work.commit()?;
    tell(context, &results);
    Ok(Exit::Success)
}

/// What stands on the suppression list.
enum Entry {
    Address(Address),
    Domain(String),
}

pub(super) fn suppress(context: &Context, entries: &[String], reason: &str, remove: bool) -> Result<Exit, Failure> {
    let entries = entries.iter().map(|text| entry(text)).collect::<Result<Vec<_>, _>>()?;
    inside_a_project(context)?;
    let mut store = context.open()?;
    let now = context.now();
    let work = store.begin()?;
    let mut results = Vec::new();
    for entry in &entries {
        let (result, text) = if remove { lift(&work, entry, reason, now)? } else { add(&work, entry, reason, now)? };
        let shown = match entry {
            Entry::Address(address) => address.to_string(),
            Entry::Domain(domain) => format!("@{domain}"),
        };
        results.push((shown.clone(), result, format!("{shown} {text}.")));
    }
    work.commit()?;
    tell(context, &results);
    Ok(Exit::Success)
}

/// Shows the suppression list.
pub(super) fn show(context: &Context) -> Result<Exit, Failure> {
    let mut store = context.open_to_read()?;
    let list = store.as_mut().map(|store| store.read()?.suppression_list()).transpose()?.unwrap_or_default();
    if context.output.options().json {
        let list: Vec<_> = list
            .iter()
            .map(|one| json!({ "entry": one.entry, "reason": one.reason, "at": one.at.format("%Y-%m-%dT%H:%M:%SZ").to_string() }))
            .collect();
        context.output.result(&format!("{:#}\n", json!({ "suppressed": list })));
        return Ok(Exit::Success);
    }
    for one in &list {
        let day = one.at.format("%Y-%m-%d");
        context.output.result(&format!("{}  {day}  {}\n", sanitise::line(&one.entry), sanitise::line(&one.reason)));
    }
    let words = if list.len() == 1 { "entry" } else { "entries" };
    context.output.status(&format!("{} {words}.", list.len()));
    Ok(Exit::Success)
}

fn add(work: &Work<'_>, entry: &Entry, reason: &str, now: Instant) -> Result<(&'static str, &'static str), Failure> {
    let new = match entry {
        Entry::Address(address) if work.is_forgotten(address)? => {
            return Ok(("forgotten", "was forgotten; no import can mail it"));
        }
        Entry::Address(address) => {
            let new = work.suppression(address)?.is_none();
            work.suppress(address, reason, now)?;
            if let Some(id) = work.contact_id(address)?.filter(|_| new) {
                work.note_consent(id, &format!("suppressed: {reason}"), now)?;
            }
            new
        }
        Entry::Domain(domain) => work.suppress_domain(domain, reason, now)?,
    };
    Ok(if new {
        ("suppressed", "is on the suppression list and gets nothing more")
    } else {
        ("unchanged", "is on the suppression list already")
    })
}

fn lift(work: &Work<'_>, entry: &Entry, reason: &str, now: Instant) -> Result<(&'static str, &'static str), Failure> {
    let lifted = match entry {
        Entry::Address(address) if work.is_forgotten(address)? => {
            let kept = Diagnostic::error(format!("`{address}` was forgotten and stays on the suppression list"));
            return Err(kept.hint("what was erased at a person's wish does not come back").into());
        }
        Entry::Address(address) if work.has_opted_out(address)? => {
            let kept = Diagnostic::error(format!("`{address}` opted out and stays on the suppression list"));
            return Err(kept.hint("who wants no mail gets none, whatever is imported").into());
        }
        Entry::Address(address) => {
            let lifted = work.lift_suppression(address, reason, now)?;
            if let Some(id) = work.contact_id(address)?.filter(|_| lifted) {
                work.note_consent(id, &format!("no longer suppressed: {reason}"), now)?;
            }
            lifted
        }
        Entry::Domain(domain) => work.lift_domain(domain, reason, now)?,
    };
    Ok(if lifted { ("lifted", "is off the suppression list") } else { ("unchanged", "is not on the suppression list") })
}

/// Reads an address, or a domain as `@example.com`.
fn entry(text: &str) -> Result<Entry, Failure> {
    let Some(domain) = text.trim().strip_prefix('@') else { return address(text).map(Entry::Address) };
    // The domain of an address and a domain alone are checked and folded by the same rules.
    match Address::parse(&format!("x@{domain}")) {
        Ok(address) => Ok(Entry::Domain(address.domain().to_owned())),
        Err(_) => Err(Diagnostic::error(format!("`{}` is no domain", text.trim().escape_debug()))
            .hint("write it as `@example.com`")
            .into()),
    }
}

fn tell(context: &Context, results: &[(String, &str, String)]) {
    if context.output.options().json {
        let results: Vec<_> =
            results.iter().map(|(entry, result, _)| json!({ "entry": entry, "result": result })).collect();
        context.output.result(&format!("{:#}\n", json!({ "results": results })));
        return;
    }
    for (.., text) in results {
        context.output.status(text);
    }
}
