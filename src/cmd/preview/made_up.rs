//! A contact that nobody is, for looking at a mail: it has whatever the mail asks for.

use serde_json::{Map, Value, json};

use crate::import::{is_viet_nam, typed};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::{Consent, Contact};
use crate::model::event::Event;
use crate::model::id::{ContactId, EventId};
use crate::model::settings::Settings;
use crate::runner::preview::Preview;

/// Makes a contact up, and the event that let it in; `set` gives attributes, and properties as `event.item`.
pub(super) fn person(settings: &Settings, set: &[(String, String)], now: Instant) -> (Contact, Event) {
    let mut attributes = Map::new();
    for (name, value) in [("first_name", "Lan"), ("name", "Nguyễn Thị Lan")] {
        attributes.insert(name.to_owned(), value.into());
    }
    let mut contact = Contact {
        id: ContactId(0),
        address: Address::parse("lan@example.com").unwrap_or_else(|_| settings.from.address.clone()),
        consent: Consent::Subscribed,
        suppressed: false,
        refused: std::collections::BTreeSet::new(),
        paused_until: None,
        timezone: None,
        language: None,
        tags: std::collections::BTreeSet::new(),
        attributes,
    };
    let mut event = Event { id: EventId(0), name: "example".to_owned(), at: now, properties: Map::new() };
    let viet_nam = is_viet_nam(settings.timezone, &settings.language);
    for (name, value) in set {
        match (name.as_str(), Address::parse(value)) {
            ("email", Ok(address)) => contact.address = address,
            ("language", _) => contact.language = Some(value.clone()),
            _ => {
                let value = typed(name, value, viet_nam).ok().flatten().unwrap_or(Value::Null);
                match name.strip_prefix("event.") {
                    Some(property) => event.properties.insert(property.to_owned(), value),
                    None => contact.attributes.insert(name.clone(), value),
                };
            }
        }
    }
    (contact, event)
}

/// Gives a made-up contact a value that says its own name.
pub(super) fn give(wanted: &mut Preview<'_>, name: &str) -> bool {
    let value = |name: &str| Value::String(format!("[{name}]"));
    let (map, key) = match name.split_once('.') {
        Some(("contact", key)) => (&mut wanted.contact.attributes, key),
        Some(("event", key)) => match &mut wanted.event {
            Some(event) => (&mut event.properties, key),
            None => return false,
        },
        Some(_) => return false,
        None => (&mut wanted.contact.attributes, name),
    };
    match map.get(key) {
        None => map.insert(key.to_owned(), value(key)).is_none(),
        // It was given a text and is missing all the same: a loop goes through it.
        Some(known) if *known == value(key) => {
            let entry = json!({ "name": "[name]", "title": "[title]", "price": 120_000, "quantity": 1, "url": "https://example.com" });
            map.insert(key.to_owned(), json!([entry])).is_some()
        }
        Some(_) => false,
    }
}

/// Puts a date, a number or a list in place of a made-up value that a function or a loop cannot use; the message names both.
pub(super) fn fit(wanted: &mut Preview<'_>, message: &str) -> bool {
    let Some((_, rest)) = message.split_once("cannot read `[") else { return false };
    let Some((name, rest)) = rest.split_once("]`") else { return false };
    let value = match rest.trim() {
        rest if rest.starts_with("as a date") => Value::from(wanted.now.format("%Y-%m-%d").to_string()),
        rest if rest.starts_with("as a number") => json!(120_000),
        _ => return false,
    };
    let made_up = Value::String(format!("[{name}]"));
    let event = wanted.event.as_mut().map(|event| &mut event.properties);
    let maps = [Some(&mut wanted.contact.attributes), event].into_iter().flatten();
    let mut found = false;
    for known in maps.filter_map(|map| map.get_mut(name)).filter(|known| **known == made_up) {
        *known = value.clone();
        found = true;
    }
    found
}
