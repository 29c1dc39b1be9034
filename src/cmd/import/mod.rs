//! `drip import`: contacts and events from CSV files and JSON lines, in one transaction.

mod preview;
mod repeats;
mod summary;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;

use super::Failure;
use super::context::Context;
use crate::cli::import::{DatesArg, ImportArgs};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::import::{self, Charset, ContactRow, DateOrder, EventRow, Import, Kind, Mapping, Options, Row};
use crate::model::Instant;
use crate::model::contact::Consent;
use crate::model::event::is_opt_out;
use crate::model::plain::quoted;
use crate::project::Project;
use crate::store::{ContactChange, ContactUpdate, EventBatch, EventChange, NewEvent, Store, Work};
use crate::ui::progress::Progress;

use repeats::Repeats;
use summary::Summary;

pub(super) fn import(context: &Context, arguments: &ImportArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let options = options(&project, arguments)?;
    let tags = tags(&arguments.tags)?;
    let folder;
    let mut store = if arguments.dry_run {
        folder = tempfile::Builder::new().prefix("drip-").tempdir().context("no temporary folder can be made")?;
        let path = folder.path().join("drip.db");
        match context.open_to_read()? {
            Some(store) => store.copy_to(&path)?,
            None => Store::open(&path)?,
        }
    } else {
        context.store(&project)?
    };
    let work = store.begin()?;
    let (suppressions, batch) = (work.has_suppressions()?, work.event_batch()?);
    let dry = arguments.dry_run;
    let mut pass = Pass { context, work: &work, options, tags, dry, suppressions, batch, met: Vec::new() };
    let mut summaries = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        summaries.push(if path == Path::new("-") {
            pass.file(io::stdin().lock(), "stdin", None)?
        } else {
            let file = File::open(path).map_err(|error| {
                Failure::Usage(Diagnostic::error(format!("`{name}` cannot be opened")).cause(error.to_string()))
            })?;
            pass.file(file, &name, Some(path))?
        });
    }
    if let Some(lost) = pass.options.mappings.iter().find(|mapping| !pass.met.contains(mapping)) {
        return Err(no_column(lost, &summaries).into());
    }
    if !arguments.dry_run {
        work.commit()?;
    }
    summary::print(context, &summaries, arguments.dry_run);
    let whole = summaries.iter().all(|summary| summary.rejected == 0 && summary.cut_short.is_none());
    Ok(if whole { Exit::Success } else { Exit::Partial })
}

fn options(project: &Project, arguments: &ImportArgs) -> Result<Options, Failure> {
    let wrong = |flag: &str, value: &str, hint: String| {
        Failure::Usage(Diagnostic::error(format!("{flag} {} cannot be used", quoted(value))).hint(hint))
    };
    let mut options = Options::new(project.settings.timezone, &project.settings.language);
    options.dates = arguments.dates.map(|order| match order {
        DatesArg::Dmy => DateOrder::Dmy,
        DatesArg::Mdy => DateOrder::Mdy,
        DatesArg::Ymd => DateOrder::Ymd,
    });
    if let Some(name) = &arguments.encoding {
        options.charset = Some(Charset::parse(name).map_err(|hint| wrong("--encoding", name, hint))?);
    }
    for text in &arguments.mappings {
        let mapping = Mapping::parse(text).map_err(|hint| wrong("--map", text, hint))?;
        if options.mappings.iter().any(|known| known.column.to_lowercase() == mapping.column.to_lowercase()) {
            return Err(wrong("--map", text, format!("{} is mapped already", quoted(&mapping.column))));
        }
        options.mappings.push(mapping);
    }
    Ok(options)
}

/// Checks the tags of `--tag`: one a flag, as an import could bring it in.
fn tags(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut tags = Vec::new();
    for tag in given {
        let tag = tag.trim();
        if tag.is_empty() || tag.contains(|c: char| c.is_control() || matches!(c, ',' | ';' | '|')) {
            let error = Diagnostic::error(format!("--tag {} cannot be used", quoted(tag)));
            return Err(error.hint("write one tag, and --tag again for another").into());
        }
        tags.push(tag.to_owned());
    }
    Ok(tags)
}

fn no_column(mapping: &Mapping, summaries: &[Summary]) -> Diagnostic {
    let error = Diagnostic::error(format!("--map: no file has a column {}", quoted(&mapping.column)));
    let columns: Vec<&str> =
        summaries.iter().flat_map(|summary| &summary.columns).map(|(column, _)| column.as_str()).collect();
    match crate::model::nearest(&mapping.column, columns.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {}?", quoted(near))),
        None if columns.is_empty() => error,
        None => {
            let shown: Vec<_> = columns.iter().take(12).map(|column| quoted(column)).collect();
            error.hint(format!("the columns are {}", shown.join(", ")))
        }
    }
}

/// One import of some files.
struct Pass<'a> {
    context: &'a Context,
    work: &'a Work<'a>,
    options: Options,
    /// For every contact.
    tags: Vec<String>,
    dry: bool,
    /// Whether anybody is on the suppression list.
    suppressions: bool,
    batch: EventBatch,
    /// The mappings that met a column.
    met: Vec<Mapping>,
}

impl Pass<'_> {
    fn file(&mut self, reader: impl Read, name: &str, path: Option<&Path>) -> Result<Summary, Failure> {
        let size = path.and_then(|path| path.metadata().ok()).map(|metadata| metadata.len());
        let mut rows = import::open(reader, name, &self.options)?;
        if rows.kind() == Kind::Events && !self.tags.is_empty() {
            let error = Diagnostic::error(format!("{name}: the file holds events, which have no tags"));
            return Err(error.hint("import it without --tag").into());
        }
        let columns: Vec<&str> = rows.columns().iter().map(|(column, _)| *column).collect();
        if rows.kind() == Kind::Contacts && super::export::is_own(&columns) {
            let error = Diagnostic::error(format!(
                "{name}: this is drip's own export of what happened, and no list of contacts"
            ));
            return Err(error.hint("`drip contact export --all` writes contacts, with their consent").into());
        }
        let mut rejected = rows.rejected_writer(path);
        let mut summary = Summary::new(name, &rows);
        let mut repeats = Repeats::default();
        let progress = Progress::of_file(&self.context.output, size);
        let now = self.context.now();
        let mut read = 0;
        while let Some(row) = rows.next() {
            read += 1;
            let refused = match row {
                Ok(Row::Contact(contact)) => {
                    let line = contact.line;
                    self.contact(contact, &mut summary, &mut repeats, now)?.map(|reason| rows.reject(line, reason))
                }
                Ok(Row::Event(event)) => {
                    self.event(&event, &mut summary)?.map(|(line, reason)| rows.reject(line, reason))
                }
                Err(row) => Some(row),
            };
            if let Some(row) = refused {
                summary.reject(&row);
                if !self.dry {
                    rejected.write(&row).with_context(|| format!("the rejected rows of `{name}` cannot be written"))?;
                }
            }
            progress.advance(rows.bytes_read(), read);
        }
        progress.finish();
        self.close(&mut summary, &rows, &repeats);
        let written = rejected.finish().with_context(|| format!("the rejected rows of `{name}` cannot be written"))?;
        summary.rejected_file = written;
        Ok(summary)
    }

    fn close<R: Read>(&mut self, summary: &mut Summary, rows: &Import<R>, repeats: &Repeats) {
        summary.cut_short = rows.cut_short().map(str::to_owned);
        summary.doubts = rows.doubts().to_vec();
        summary.repeated = repeats.rows();
        summary.repeats = repeats.first().to_vec();
        for mapping in rows.met() {
            if !self.met.contains(mapping) {
                self.met.push(mapping.clone());
            }
        }
    }

    /// Adds or updates a contact; returns why it cannot be taken.
    fn contact(
        &self,
        mut row: ContactRow,
        summary: &mut Summary,
        repeats: &mut Repeats,
        now: Instant,
    ) -> Result<Option<String>, Failure> {
        if let Some(given) = row.greeting.take() {
            self.greet(&mut row, given)?;
        }
        for tag in &self.tags {
            if !row.tags.contains(tag) {
                row.tags.push(tag.clone());
            }
        }
        summary.show_contact(&row);
        let update = ContactUpdate {
            address: &row.address,
            consent: row.consent,
            tags: &row.tags,
            timezone: row.timezone.map(chrono_tz::Tz::name),
            language: row.language.as_deref(),
            attributes: &row.attributes,
        };
        let change = self.work.put_contact(&update, now)?;
        if repeats.note(&row) {
            return Ok(None);
        }
        match change {
            ContactChange::Added => summary.added += 1,
            ContactChange::Updated => summary.updated += 1,
            ContactChange::Unchanged => summary.unchanged += 1,
            ContactChange::Forgotten => summary.forgotten += 1,
        }
        // A new contact is on no list where there is none, which saves a look for each row of a first import.
        let silenced = if change == ContactChange::Added && !self.suppressions {
            row.consent.is_some_and(Consent::is_opt_out)
        } else {
            self.work.is_silenced(&row.address)?
        };
        summary.silenced += u64::from(silenced);
        Ok(None)
    }

    /// Puts the given name that a full name shows beside it, unless somebody said otherwise before.
    fn greet(&self, row: &mut ContactRow, given: String) -> Result<(), Failure> {
        let known = self.work.contact(&row.address)?;
        let text = |name: &str| known.as_ref()?.attributes.get(name)?.as_str();
        let first_name = known.as_ref().and_then(|known| known.attributes.get("first_name"));
        let ours = first_name.is_none() || text("name").and_then(import::given_name).as_deref() == text("first_name");
        if ours {
            row.attributes.insert("first_name".to_owned(), given.into());
        }
        Ok(())
    }

    /// Records an event; returns why it cannot be taken where the contact is not there.
    fn event(&mut self, row: &EventRow, summary: &mut Summary) -> Result<Option<(u64, String)>, Failure> {
        summary.show_event(row);
        let Some(contact) = self.work.contact_id(&row.address)? else {
            if self.work.is_forgotten(&row.address)? {
                summary.forgotten += 1;
                return Ok(None);
            }
            let reason = format!("there is no contact `{}`; import the contacts first", row.address);
            return Ok(Some((row.line, reason)));
        };
        // drip's own export comes back in: whoever it names is opted out already.
        if is_opt_out(&row.name) && !self.work.is_silenced(&row.address)? {
            summary.note_opt_out(row);
        }
        let new = NewEvent { contact, name: &row.name, at: row.at, properties: &row.properties };
        match self.work.add_event(&new, Some(&mut self.batch))? {
            EventChange::Added => summary.added += 1,
            EventChange::Known => summary.unchanged += 1,
        }
        Ok(None)
    }
}
