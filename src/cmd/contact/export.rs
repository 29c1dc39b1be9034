//! `drip contact export`: one person's whole record, or many contacts as CSV.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::rows::{Rows, object};
use super::{Chosen, Context, address, need};
use crate::cli::contact::{ExportFormat, Selection};
use crate::cmd::Failure;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::id::ContactId;
use crate::store::Store;
use crate::ui::words::count;

pub(super) fn export(
    run: &Context,
    target: Option<&str>,
    all: bool,
    selection: &Selection,
    format: Option<ExportFormat>,
    raw: bool,
) -> Result<Exit, Failure> {
    let many = all || !selection.is_empty();
    match (many, target, format) {
        (true, file, format) => {
            let file = file.filter(|file| *file != "-");
            let ending = file.and_then(|file| Path::new(file).extension()).and_then(std::ffi::OsStr::to_str);
            let is_json = ending.is_some_and(|ending| ["jsonl", "ndjson"].contains(&ending));
            let format = format.unwrap_or(if is_json { ExportFormat::Json } else { ExportFormat::Csv });
            contacts(run, selection, file, (format, raw))
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
    let Some(mut store) = Store::open_to_read(&run.database())? else {
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

fn contacts(
    run: &Context,
    selection: &Selection,
    file: Option<&str>,
    (format, raw): (ExportFormat, bool),
) -> Result<Exit, Failure> {
    let loaded = run.load()?;
    let chosen = Chosen::new(selection, &loaded.project.settings, run.now())?;
    let mut store = Store::open_to_read(&run.database())?;
    let work = store.as_mut().map(Store::read).transpose()?;
    let mut ids: Vec<ContactId> = Vec::new();
    let mut names = BTreeSet::new();
    if let Some(work) = &work {
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
        Some(name) => write(&run.root.join(name), &mut lines)?,
        None => lines.try_for_each(|line| line.map(|line| run.output.result(&line)))?,
    }
    let to = file.map(|file| format!(" to {file}")).unwrap_or_default();
    run.output.status(&format!("Exported {}{to}.", count(ids.len() as u64, "contact")));
    Ok(Exit::Success)
}

/// Writes a file that only its owner can read, and that is there whole or not at all.
fn write(path: &Path, lines: &mut dyn Iterator<Item = Result<String, Failure>>) -> Result<(), Failure> {
    let failed = || format!("`{}` cannot be written", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = std::io::BufWriter::new(tempfile::NamedTempFile::new_in(folder).with_context(failed)?);
    for line in lines {
        file.write_all(line?.as_bytes()).with_context(failed)?;
    }
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
