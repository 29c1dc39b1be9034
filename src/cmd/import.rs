//! `drip import`: contacts and events from CSV files, in one transaction.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::Failure;
use super::context::Context;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::import::{self, ContactRow, EventRow, Kind, Row};
use crate::model::Instant;
use crate::store::{ContactChange, ContactUpdate, EventChange, NewEvent, Work};
use crate::ui::progress::Progress;
use crate::ui::words::{count, list};

/// What became of one file.
struct Summary {
    file: String,
    kind: Kind,
    added: u64,
    updated: u64,
    unchanged: u64,
    forgotten: u64,
    rejected: u64,
    rejected_file: Option<PathBuf>,
    cut_short: Option<String>,
}

pub(super) fn import(context: &Context, files: &[PathBuf]) -> Result<Exit, Failure> {
    let loaded = context.load()?;
    let mut store = context.store(&loaded.project)?;
    let zone = loaded.project.settings.timezone;
    let mut summaries = Vec::new();
    let work = store.begin()?;
    for path in files {
        let name = path.display().to_string();
        let summary = if path == Path::new("-") {
            one(context, &work, io::stdin().lock(), "stdin", None, zone)?
        } else {
            let file = File::open(path).map_err(|error| {
                Failure::Usage(Diagnostic::error(format!("`{name}` cannot be opened")).cause(error.to_string()))
            })?;
            one(context, &work, file, &name, Some(path), zone)?
        };
        summaries.push(summary);
    }
    work.commit()?;
    print(context, &summaries);
    let whole = summaries.iter().all(|summary| summary.rejected == 0 && summary.cut_short.is_none());
    Ok(if whole { Exit::Success } else { Exit::Partial })
}

fn one(
    context: &Context,
    work: &Work<'_>,
    reader: impl Read,
    name: &str,
    path: Option<&Path>,
    zone: chrono_tz::Tz,
) -> Result<Summary, Failure> {
    let size = path.and_then(|path| path.metadata().ok()).map(|metadata| metadata.len());
    let mut rows = import::open(reader, name, zone)?;
    let mut rejected = rows.rejected_writer(path);
    let mut summary = Summary {
        file: name.to_owned(),
        kind: rows.kind(),
        added: 0,
        updated: 0,
        unchanged: 0,
        forgotten: 0,
        rejected: 0,
        rejected_file: None,
        cut_short: None,
    };
    let progress = Progress::of_file(&context.output, size);
    let now = context.now();
    let mut read = 0;
    while let Some(row) = rows.next() {
        read += 1;
        let refused = match row {
            Ok(Row::Contact(contact)) => {
                take_contact(work, &contact, &mut summary, now)?;
                None
            }
            Ok(Row::Event(event)) => {
                take_event(work, &event, &mut summary)?.map(|reason| rows.reject(event.line, reason))
            }
            Err(row) => Some(row),
        };
        if let Some(row) = refused {
            summary.rejected += 1;
            rejected.write(&row).with_context(|| format!("the rejected rows of `{name}` cannot be written"))?;
        }
        progress.advance(rows.bytes_read(), read);
    }
    progress.finish();
    summary.cut_short = rows.cut_short().map(str::to_owned);
    let written = rejected.finish().with_context(|| format!("the rejected rows of `{name}` cannot be written"))?;
    summary.rejected_file = written;
    Ok(summary)
}

fn take_contact(work: &Work<'_>, row: &ContactRow, summary: &mut Summary, now: Instant) -> Result<(), Failure> {
    let update = ContactUpdate {
        address: &row.address,
        consent: row.consent,
        tags: &row.tags,
        timezone: row.timezone.map(chrono_tz::Tz::name),
        language: row.language.as_deref(),
        attributes: &row.attributes,
    };
    match work.put_contact(&update, now)? {
        ContactChange::Added => summary.added += 1,
        ContactChange::Updated => summary.updated += 1,
        ContactChange::Unchanged => summary.unchanged += 1,
        ContactChange::Forgotten => summary.forgotten += 1,
    }
    Ok(())
}

/// Records an event; returns why it cannot be taken where the contact is not there.
fn take_event(work: &Work<'_>, row: &EventRow, summary: &mut Summary) -> Result<Option<String>, Failure> {
    let Some(contact) = work.contact_id(&row.address)? else {
        if work.is_forgotten(&row.address)? {
            summary.forgotten += 1;
            return Ok(None);
        }
        return Ok(Some(format!("there is no contact `{}`; import the contacts first", row.address)));
    };
    match work.add_event(&NewEvent { contact, name: &row.name, at: row.at, properties: &row.properties })? {
        EventChange::Added => summary.added += 1,
        EventChange::Known => summary.unchanged += 1,
    }
    Ok(None)
}

fn print(context: &Context, summaries: &[Summary]) {
    if context.output.options().json {
        let files: Vec<_> = summaries
            .iter()
            .map(|summary| {
                json!({
                    "file": summary.file, "kind": word(summary.kind), "added": summary.added, "updated": summary.updated,
                    "unchanged": summary.unchanged, "forgotten": summary.forgotten, "rejected": summary.rejected, "rejected_file": summary.rejected_file,
                    "cut_short": summary.cut_short,
                })
            })
            .collect();
        context.output.result(&format!("{:#}\n", json!({ "files": files })));
        return;
    }
    for summary in summaries {
        let noun = if summary.kind == Kind::Contacts { "contact" } else { "event" };
        let mut parts = vec![format!("{} added", count(summary.added, noun))];
        if summary.updated > 0 {
            parts.push(format!("{} updated", count(summary.updated, noun)));
        }
        if summary.unchanged > 0 {
            parts.push(format!("{} known already", count(summary.unchanged, noun)));
        }
        if summary.forgotten > 0 {
            parts.push(format!("{} forgotten before, left out", count(summary.forgotten, noun)));
        }
        context.output.status(&format!("{}: {}.", summary.file, list(&parts)));
        if let Some(path) = &summary.rejected_file {
            let rows = count(summary.rejected, "row");
            context.output.warn(&format!("{}: {rows} rejected; mend and import {}", summary.file, path.display()));
        }
        if let Some(reason) = &summary.cut_short {
            context.output.warn(&format!("{}: read only in part; {reason}", summary.file));
        }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "contacts",
        Kind::Events => "events",
    }
}
