//! `drip track`: records one event.

use chrono_tz::Tz;
use serde_json::{Map, json};

use super::Failure;
use super::context::{Context, address};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::import::{is_viet_nam, moment, typed};
use crate::model::campaign::Campaign;
use crate::model::event::refusal;
use crate::model::id::is_name;
use crate::model::nearest;
use crate::model::wall;
use crate::project::Project;
use crate::store::{EventChange, NewEvent};

pub(super) fn track(
    context: &Context,
    email: &str,
    event: &str,
    properties: &[(String, String)],
    at: Option<&str>,
) -> Result<Exit, Failure> {
    let address = address(email)?;
    if !is_name(event) {
        let wrong = Diagnostic::error(format!("`{event}` is not an event name"));
        return Err(wrong.hint("use letters, digits, `-`, `_` and `.`, as `page_viewed`").into());
    }
    if let Some((why, hint)) = refusal(event) {
        return Err(Diagnostic::error(format!("`{event}` as an event {why}")).hint(hint).into());
    }
    // What a customer did is recorded whatever is wrong with the files: it will not be told a second time.
    let project = match context.project() {
        Ok(project) => Some(project),
        Err(Failure::Project(_)) if context.database().is_file() => None,
        Err(other) => return Err(other),
    };
    let mut store = match &project {
        Some(project) => context.store(project)?,
        None => context.open()?,
    };
    let settings = project.as_ref().map(|project| &project.settings);
    let zone = settings.map_or(Tz::UTC, |settings| settings.timezone);
    let viet_nam = settings.is_some_and(|settings| is_viet_nam(zone, &settings.language));
    let mut values = Map::new();
    for (key, text) in properties {
        let value = typed(key, text, viet_nam)
            .map_err(|(what, todo)| Diagnostic::error(format!("`{key}` {what}")).hint(todo))?;
        if let Some(value) = value {
            values.insert(key.clone(), value);
        }
    }
    let properties = values;
    let at = match at {
        Some(text) => moment(text, settings.map(|settings| settings.timezone))
            .map_err(|what| Diagnostic::error(format!("--at: {what}")))?,
        None => context.now(),
    };
    let work = store.begin()?;
    let Some(contact) = work.contact(&address)? else {
        let missing = Diagnostic::error(format!("there is no contact `{address}`"));
        if work.is_forgotten(&address)? {
            return Err(missing.cause("it was forgotten, and is not recorded any more").into());
        }
        return Err(missing.hint("import the contact first: an event alone is no consent to be mailed").into());
    };
    let change = work.add_event(&NewEvent { contact: contact.id, name: event, at, properties: &properties }, None)?;
    work.commit()?;
    if project.is_none() {
        context.output.warn("the project has errors, which `drip check` tells; the event is recorded all the same");
    }
    if context.output.options().json {
        let json = json!({
            "email": address.as_str(), "event": event, "at": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "properties": properties, "recorded": change == EventChange::Added,
        });
        context.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    let at = format!("{} ({zone})", wall::shown(at, zone));
    context.output.status(&match change {
        EventChange::Added => format!("Recorded `{event}` of {address} at {at}."),
        EventChange::Known => format!("`{event}` of {address} at {at} was recorded before; nothing changed."),
    });
    if let Some(project) = &project {
        doubt(context, project, event);
    }
    Ok(Exit::Success)
}

/// Says so when nothing asks for the event: it is recorded, and perhaps misspelt.
fn doubt(context: &Context, project: &Project, event: &str) {
    let campaigns = project.campaigns.iter().flat_map(Campaign::events);
    let names: Vec<&str> = campaigns.chain(project.settings.terms.events()).collect();
    if names.contains(&event) {
        return;
    }
    let near = nearest(event, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    context.output.status(&format!("No campaign asks for `{event}`{}", near.unwrap_or_else(|| ".".to_owned())));
}
