//! `drip track`: records one event.

use serde_json::{Map, Value, json};

use super::Failure;
use super::context::{Context, address};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::import::typed;
use crate::model::Instant;
use crate::model::id::is_name;
use crate::model::wall;
use crate::store::{EventChange, NewEvent};

pub(super) fn track(
    context: &Context,
    email: &str,
    event: &str,
    properties: &[(String, String)],
    at: Option<Instant>,
) -> Result<Exit, Failure> {
    let address = address(email)?;
    if !is_name(event) {
        let wrong = Diagnostic::error(format!("`{event}` is not an event name"));
        return Err(wrong.hint("use letters, digits, `-`, `_` and `.`, as `page_viewed`").into());
    }
    let loaded = context.load()?;
    let mut store = context.store(&loaded.project)?;
    let properties: Map<String, Value> =
        properties.iter().filter_map(|(key, value)| Some((key.clone(), typed(value)?))).collect();
    let at = at.unwrap_or_else(|| context.now());
    let work = store.begin()?;
    let Some(contact) = work.contact(&address)? else {
        let missing = Diagnostic::error(format!("there is no contact `{address}`"));
        if work.is_forgotten(&address)? {
            return Err(missing.cause("it was forgotten, and is not recorded any more").into());
        }
        return Err(missing.hint("import the contact first: an event alone is no consent to be mailed").into());
    };
    let change = work.add_event(&NewEvent { contact: contact.id, name: event, at, properties: &properties })?;
    work.commit()?;
    if context.output.options().json {
        let json = json!({
            "email": address.as_str(), "event": event, "at": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "properties": properties, "recorded": change == EventChange::Added,
        });
        context.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    let zone = loaded.project.settings.timezone;
    let at = format!("{} ({zone})", wall::shown(at, zone));
    context.output.status(&match change {
        EventChange::Added => format!("Recorded `{event}` of {address} at {at}."),
        EventChange::Known => format!("`{event}` of {address} at {at} was recorded before; nothing changed."),
    });
    Ok(Exit::Success)
}
