//! `drip contact list`: who there is.

use std::collections::BTreeSet;

use serde_json::json;

use super::rows::Rows;
use super::{Chosen, Context};
use crate::cli::contact::{ListFormat, Selection};
use crate::cmd::Failure;
use crate::exit::Exit;
use crate::model::contact::Contact;
use crate::ui::columns::columns;
use crate::ui::words::count;

pub(super) fn list(
    run: &Context,
    selection: &Selection,
    limit: Option<u64>,
    format: ListFormat,
) -> Result<Exit, Failure> {
    let project = run.project()?;
    found(run, Some(&Chosen::new(selection, &project.settings, run.now())?), limit, format)
}

/// Shows who is chosen; `None` is nobody.
pub(in crate::cmd) fn found(
    run: &Context,
    chosen: Option<&Chosen<'_>>,
    limit: Option<u64>,
    format: ListFormat,
) -> Result<Exit, Failure> {
    let mut found: Vec<Contact> = Vec::new();
    let mut more = false;
    if let (Some(chosen), Some(mut store)) = (chosen, run.open_to_read()?) {
        chosen.each(&store.read()?, |contact| {
            more = limit.is_some_and(|limit| found.len() as u64 >= limit);
            if !more {
                found.push(contact);
            }
            Ok(!more)
        })?;
    }
    match if run.output.options().json { ListFormat::Json } else { format } {
        ListFormat::Table => run.output.result(&table(&found)),
        ListFormat::Json => {
            let contacts: Vec<_> = found.iter().map(super::show::json).collect();
            run.output.result(&format!("{:#}\n", json!({ "contacts": contacts })));
        }
        ListFormat::Csv => {
            let names: BTreeSet<String> = found.iter().flat_map(|contact| contact.attributes.keys().cloned()).collect();
            let rows = Rows::new(names, false);
            run.output.result(&rows.header()?);
            for contact in &found {
                run.output.result(&rows.row(contact)?);
            }
        }
    }
    let end = if more { ", and more" } else { "" };
    run.output.status(&format!("{}{end}.", count(found.len() as u64, "contact")));
    Ok(Exit::Success)
}

fn table(contacts: &[Contact]) -> String {
    let cells = |contact: &Contact| -> [String; 5] {
        let consent = contact.consent.as_str();
        let tags: Vec<_> = contact.tags.iter().map(String::as_str).collect();
        [
            contact.address.to_string(),
            if contact.suppressed { format!("{consent}, suppressed") } else { consent.to_owned() },
            contact.language.clone().unwrap_or_default(),
            contact.timezone.map_or("", chrono_tz::Tz::name).to_owned(),
            tags.join(", "),
        ]
    };
    let head = ["email", "consent", "language", "timezone", "tags"].map(str::to_owned);
    if contacts.is_empty() {
        return String::new();
    }
    columns(&std::iter::once(head).chain(contacts.iter().map(cells)).collect::<Vec<_>>())
}
