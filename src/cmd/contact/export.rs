//! `drip contact export`: one person's whole record, or many contacts as CSV.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::rows::{Rows, object};
use super::{Chosen, Context, address, need};
use crate::cli::contact::{ExportFormat, Selection};
use crate::cmd::Failure;
use crate::cmd::written::{self, Written};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::id::ContactId;
use crate::store::Store;
use crate::ui::words::count;

/// How cells and files are written.
#[derive(Debug, Clone, Copy)]
pub(in crate::cmd) struct How {
    /// Formulas as they are.
    pub(in crate::cmd) raw: bool,
    /// Over a file that is there.
    pub(in crate::cmd) force: bool,
}

pub(super) fn export(
    run: &Context,
    target: Option<&str>,
    all: bool,
    selection: &Selection,
    format: Option<ExportFormat>,
    How { raw, force }: How,
) -> Result<Exit, Failure> {
    let several = all || !selection.is_empty();
    match (several, target, format) {
        (true, file, format) => {
            let project = run.project()?;
            let chosen = Chosen::new(selection, &project.settings, run.now())?;
            many(run, Some(&chosen), file, format, How { raw, force })
        }
        (false, Some(_), Some(ExportFormat::Csv)) => Err(Diagnostic::error("one person's record is exported as JSON")
            .hint("for one row of CSV use --where 'contact.email == \"…\"'")
            .into()),
        (false, Some(email), _) => person(run, email),
        (false, None, _) => Err(Diagnostic::error("whom to export is missing")
            .hint("name an address, or the contacts with --all, --where, --tag or --consent")
            .into()),
    }
}

fn person(run: &Context, email: &str) -> Result<Exit, Failure> {
    let address = address(email)?;
    let Some(mut store) = run.open_to_read()? else {
        return Err(Diagnostic::error("there are no contacts yet").into());
    };
    let work = store.read()?;
    let contact = need(&work, &address)?;
    let mut record = Map::new();
    record.insert("contact".to_owned(), super::show::json(&contact));
    record.extend(work.dossier(contact.id, &address)?);
    run.output.result(&format!("{:#}\n", Value::Object(record)));
    Ok(Exit::Success)
}

/// Writes the contacts that are chosen; `None` is nobody.
pub(in crate::cmd) fn many(
    run: &Context,
    chosen: Option<&Chosen<'_>>,
    file: Option<&str>,
    format: Option<ExportFormat>,
    How { raw, force }: How,
) -> Result<Exit, Failure> {
    let file = file.filter(|file| *file != "-");
    let format = written::format(file, format);
    if let Some(file) = file {
        written::refuse_existing(run, Path::new(file), force)?;
    }
    let mut store = run.open_to_read()?;
    let work = store.as_mut().map(Store::read).transpose()?;
    let mut ids: Vec<ContactId> = Vec::new();
    let mut names = BTreeSet::new();
    if let (Some(chosen), Some(work)) = (chosen, &work) {
        chosen.each(work, |contact| {
            ids.push(contact.id);
            for name in contact.attributes.keys().filter(|name| !names.contains(*name)).collect::<Vec<_>>() {
                names.insert(name.clone());
            }
            Ok(true)
        })?;
    }
    let rows = Rows::new(names, raw);
    let is_csv = format == ExportFormat::Csv;
    let mut lines = is_csv.then(|| rows.header().map_err(Failure::from)).into_iter().chain(
        ids.iter().zip(std::iter::repeat(work.as_ref())).filter_map(|(id, work)| Some((id, work?))).map(
            |(id, work)| {
                let contact = work.contact_of(*id)?;
                Ok(if is_csv { rows.row(&contact)? } else { object(&contact) })
            },
        ),
    );
    match file {
        // Without the mark Excel takes it for another encoding than UTF-8.
        Some(name) if is_csv => write(Path::new(name), &mut std::iter::once(Ok("\u{feff}".to_owned())).chain(lines))?,
        Some(name) => write(Path::new(name), &mut lines)?,
        None => lines.try_for_each(|line| line.map(|line| run.output.result(&line)))?,
    }
    let to = file.map(|file| format!(" to {file}")).unwrap_or_default();
    run.output.status(&format!("Exported {}{to}.", count(ids.len() as u64, "contact")));
    Ok(Exit::Success)
}

/// Writes all lines to a file.
fn write(path: &Path, lines: &mut dyn Iterator<Item = Result<String, Failure>>) -> Result<(), Failure> {
    let mut file = Written::begin(path)?;
    for line in lines {
        file.add(&line?)?;
    }
    Ok(file.end()?)
}
