//! `drip contact show`: one person's whole story.

use chrono_tz::Tz;
use serde_json::json;

use super::standing::Standing;
use super::{Context, address, need};
use crate::cmd::Failure;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::Instant;
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::model::terms::Terms;
use crate::model::value::Customer;
use crate::model::wall;
use crate::report::value::{self, Worth};
use crate::ui::sanitise;
use crate::ui::words::count;

pub(super) fn show(run: &Context, email: &str) -> Result<Exit, Failure> {
    let address = address(email)?;
    let Some(mut store) = run.open_to_read()? else {
        return Err(Diagnostic::error("there are no contacts yet")
            .hint("import some: drip import contacts.csv")
            .into());
    };
    let work = store.read()?;
    let contact = need(&work, &address)?;
    let summary = work.contact_summary(contact.id)?;
    let story = work.story(contact.id)?;
    let time = |at: Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    // A project that cannot be read at the moment is no reason to keep somebody's story back.
    let settings = run.settings().ok();
    let standing = match &settings {
        Some(settings) => Standing::of(&work, &contact, &settings.terms, run.now())?,
        None => Standing::default(),
    };
    let worth = match &settings {
        Some(settings) => worth(&work.events_of(contact.id, run.now())?, &settings.terms, run.now()),
        None => None,
    };
    if run.output.options().json {
        let lines: Vec<_> =
            story.iter().map(|line| json!({ "at": time(line.at), "kind": line.kind, "what": line.what, "retry_at": line.retry_at.map(time) })).collect();
        let mut json = json(&contact);
        json["suppressed"] = summary.suppressed.into();
        json["created_at"] = time(summary.created_at).into();
        standing.add_to(&mut json);
        json["story"] = lines.into();
        json["value"] = worth.as_ref().map(value::of_one).into();
        run.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    let zone = settings.as_ref().map_or(Tz::UTC, |settings| settings.timezone);
    let paused = contact.pause(run.now()).map(|until| wall::shown(until, zone));
    let mut text = format!("{}\n", contact.address);
    let mut row = |name: &str, value: &str| {
        text += &format!("  {:<12} {}\n", sanitise::line(name), sanitise::line(value));
    };
    row("consent", contact.consent.as_str());
    if let Some(reason) = &summary.suppressed {
        row("suppressed", reason);
    }
    if !contact.refused.is_empty() {
        row("refused", &contact.refused.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    if let Some(until) = paused {
        row("no mail until", &until);
    }
    row("timezone", contact.timezone.map_or("(default)", chrono_tz::Tz::name));
    row("language", contact.language.as_deref().unwrap_or("(default)"));
    row("tags", &contact.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    row("added", &wall::shown(summary.created_at, zone));
    for (name, value) in standing.rows(zone) {
        row(name, &value);
    }
    for (name, value) in &contact.attributes {
        row(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    if let (Some(worth), Some(settings)) = (&worth, &settings) {
        bought(worth, &settings.terms, &mut row);
    }
    text += &format!("\n  (times of {zone})\n");
    for line in &story {
        let at = wall::shown(line.at, zone);
        let again = line.retry_at.map_or_else(String::new, |at| format!(", again after {}", wall::shown(at, zone)));
        text += &format!("  {at}  {:<9} {}{again}\n", line.kind, sanitise::line(&line.what));
    }
    run.output.result(&text);
    Ok(Exit::Success)
}

/// Returns what somebody is worth who bought anything.
fn worth(history: &[Event], terms: &Terms, now: Instant) -> Option<Worth> {
    let zone = terms.value.zone;
    let customer = Customer::of(history, &terms.purchases, zone, now)?;
    Some(Worth::of(customer, terms, wall::wall(now, zone).date()))
}

fn bought(worth: &Worth, terms: &Terms, row: &mut impl FnMut(&str, &str)) {
    let money = |amount: f64| value::amount(amount, terms.purchases.currency.as_deref());
    let (days, ago) = (count(u64::from(worth.customer.days), "day"), count(u64::from(worth.recency), "day"));
    let paid =
        if worth.customer.total > 0.0 { format!(", for {}", money(worth.customer.total)) } else { String::new() };
    row("bought", &format!("on {days}, the last {ago} ago{paid}"));
    if let Some(cell) = worth.cell {
        row("rfm", &cell.to_string());
    }
    if let Some(alive) = worth.alive {
        row("alive", &format!("{:.0} %", 100.0 * alive));
    }
    if let Some(purchases) = worth.purchases {
        let value = worth.value.map(|value| format!(", {}", money(value))).unwrap_or_default();
        row(
            "expected",
            &format!("{purchases:.2} purchases{value} within {}", count(u64::from(terms.value.ahead), "day")),
        );
    }
}

/// Returns what stands in a contact itself.
pub(super) fn json(contact: &Contact) -> serde_json::Value {
    json!({
        "email": contact.address.as_str(), "consent": contact.consent.as_str(), "suppressed": contact.suppressed,
        "timezone": contact.timezone.map(chrono_tz::Tz::name), "language": contact.language, "tags": contact.tags,
        "attributes": contact.attributes, "refused": contact.refused,
        "paused_until": contact.paused_until.map(|until| until.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
    })
}
