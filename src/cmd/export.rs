//! `drip export`: events, the ledger, passages and customers as CSV or JSON lines, for spreadsheets, databases and the like.

use std::path::Path;

use serde_json::{Map, Value};

use super::Failure;
use super::context::Context;
use super::value;
use super::written::{self, Written};
use crate::cli::contact::ExportFormat;
use crate::cli::export::{ExportArgs, Exported};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::period::Period;
use crate::model::spreadsheet::defused;
use crate::store::Table;
use crate::ui::words::count;

/// Says whether a file with these columns is one of sends, enrolments or customers, and so no list of contacts: taken for one it would
/// let in again who has left.
pub(super) fn is_own(columns: &[&str]) -> bool {
    let holds = |own: &[&str]| own.iter().all(|column| *column == "consent" || columns.contains(column));
    [Table::Sends.columns(), Table::Enrolments.columns(), &value::COLUMNS].into_iter().any(holds)
}

pub(super) fn export(context: &Context, arguments: &ExportArgs) -> Result<Exit, Failure> {
    let mut project = context.project()?;
    let zone = project.settings.timezone;
    let period = Period::parse(arguments.since.as_deref(), arguments.until.as_deref(), context.now(), zone)
        .map_err(Diagnostic::error)?;
    let file = arguments.file.as_deref().filter(|file| *file != "-");
    let format = written::format(file, arguments.format);
    let mut target = match file {
        Some(file) => {
            written::refuse_existing(context, Path::new(file), arguments.force)?;
            Some(Written::begin(Path::new(file))?)
        }
        None => None,
    };
    let (table, word) = match arguments.what {
        Exported::Events => (Some(Table::Events), "event"),
        Exported::Sends => (Some(Table::Sends), "send"),
        Exported::Enrolments => (Some(Table::Enrolments), "enrolment"),
        Exported::Value => (None, "customer"),
    };
    let columns = table.map_or(&value::COLUMNS[..], Table::columns);
    let mut put = |text: &str| match &mut target {
        Some(file) => file.add(text).map_err(Failure::from),
        None => {
            context.output.result(text);
            Ok(())
        }
    };
    if format == ExportFormat::Csv {
        // Without the mark Excel takes it for another encoding than UTF-8.
        let mark = if file.is_some() { "\u{feff}" } else { "" };
        put(&format!("{mark}{}", written::row(columns.iter().map(|name| (*name).to_owned()))?))?;
    }
    let mut rows = 0;
    let mut row = |values: Vec<Value>| {
        rows += 1;
        put(&match format {
            ExportFormat::Csv => written::row(values.iter().map(|value| cell(value, arguments.raw)))?,
            ExportFormat::Json => object(columns, values),
        })
    };
    match table {
        None => value::rows(context, &mut project, period, row)?,
        Some(table) => {
            if let Some(mut store) = context.open_to_read()? {
                store.read()?.export(table, period, &mut row)?;
            }
        }
    }
    if let Some(file) = target {
        file.end()?;
    }
    let to = file.map(|file| format!(" to {file}")).unwrap_or_default();
    context.output.status(&format!("Exported {}{to}.", count(rows, word)));
    Ok(Exit::Success)
}

fn object(columns: &[&str], values: Vec<Value>) -> String {
    let named = columns.iter().map(|name| (*name).to_owned()).zip(values);
    format!("{}\n", Value::Object(named.collect::<Map<_, _>>()))
}

fn cell(value: &Value, raw: bool) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if raw => text.clone(),
        Value::String(text) => defused(text).into_owned(),
        other => other.to_string(),
    }
}
