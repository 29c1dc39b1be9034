//! `drip segment`: who is in the named conditions of drip.yaml.

use serde_json::json;

use super::Failure;
use super::contact::{How, export, list};
use super::context::Context;
use super::selection::{Chosen, no_segment};
use super::standings::{self, Counts};
use crate::cli::segment::SegmentCommand;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::settings::Settings;
use crate::report;
use crate::stats::Count;
use crate::ui::columns::columns;
use crate::ui::words::number;

pub(super) fn segment(context: &Context, command: &SegmentCommand) -> Result<Exit, Failure> {
    let settings = context.project()?.settings;
    match command {
        SegmentCommand::List => all(context, &settings),
        SegmentCommand::Show { name, limit, format } => {
            let chosen = chosen(context, &settings, name)?;
            list::found(context, chosen.as_ref(), *limit, *format)
        }
        SegmentCommand::Export { name, file, format, force, raw } => {
            let chosen = chosen(context, &settings, name)?;
            let how = How { raw: *raw, force: *force };
            export::many(context, chosen.as_ref(), file.as_deref(), *format, how)
        }
    }
}

/// Returns the contacts of a segment, once it is known who they are; `None` where there is no database yet.
fn chosen<'a>(context: &Context, settings: &'a Settings, name: &str) -> Result<Option<Chosen<'a>>, Failure> {
    let Some(condition) = settings.terms.segments.get(name) else {
        let (message, hint) = no_segment(name, settings);
        return Err(Diagnostic::error(message).hint(hint).into());
    };
    if context.is_played() {
        return Ok(context.open_to_read()?.map(|_| Chosen::in_segment(condition.clone(), settings, context.now())));
    }
    let Some(mut found) = standings::refreshed(context, &settings.terms)? else { return Ok(None) };
    let numbers = found.store.read()?.segment_numbers()?;
    let number = numbers.into_iter().find(|(known, _)| known == name).map(|(_, number)| number);
    Ok(number.map(|number| Chosen::members(number, settings, context.now())))
}

fn all(context: &Context, settings: &Settings) -> Result<Exit, Failure> {
    let counts = match standings::refreshed(context, &settings.terms)? {
        Some(mut found) => standings::count(&mut found.store)?,
        None => Counts::default(),
    };
    let share = |people: u64| report::percent(Count { hits: people, of: counts.people }.share());
    let mut rows = vec![["segment", "contacts", "share", "may be mailed", "condition"].map(str::to_owned)];
    let mut segments = Vec::new();
    for (name, condition) in &settings.terms.segments {
        let (people, subscribed) = counts.segments.get(name).copied().unwrap_or_default();
        segments.push(json!({
            "segment": name, "contacts": people, "subscribed": subscribed, "condition": condition.source().trim(),
        }));
        rows.push([
            name.clone(),
            number(people),
            share(people).unwrap_or_default(),
            number(subscribed),
            condition.source().trim().to_owned(),
        ]);
    }
    if context.output.options().json {
        let all = json!({ "contacts": counts.people, "segments": segments });
        context.output.result(&format!("{all:#}\n"));
    } else if segments.is_empty() {
        context.output.result("No segments yet. Each name under `segments` in drip.yaml is one.\n");
    } else {
        context.output.result(&columns(&rows));
    }
    Ok(Exit::Success)
}
