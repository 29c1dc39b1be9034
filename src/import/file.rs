//! An open file: its head understood, its rows one by one.

use std::io::Read;
use std::path::Path;

use csv::ByteRecord;
use serde_json::{Map, Value};

use super::columns::{self, Columns};
use super::doubts::{Doubt, Why};
use super::encoding::Found;
use super::json_lines::{self, JsonLines, Line};
use super::known::{Names, Role};
use super::lines::{self, Lines};
use super::opening::{self, Format, Opening};
use super::options::{Mapping, Options};
use super::rejected::{Form, OWN_KEYS};
use super::row::RowReader;
use super::sample::Sample;
use super::{Kind, Rejected, RejectedWriter, Row};
use crate::error::Diagnostic;
use crate::model::contact::Consent;

const STRAY_QUOTE: &str = "a field goes on behind its closing quote; write a `\"` inside quotes twice";

/// Something about a whole file that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The file is not in UTF-8; with a word outside ASCII as it was read, where the encoding is a guess.
    Encoding { name: &'static str, example: Option<String> },
    /// Every person of the file gets this consent, because it is such a list.
    Consent(Consent),
}

/// Reads the head of a file and says what the file holds.
///
/// `source_name` begins every message.
///
/// # Errors
/// Returns why no row of the file could be understood: its encoding, its line ends, its header.
pub fn open<R: Read>(reader: R, source_name: &str, options: &Options) -> Result<Import<R>, Diagnostic> {
    let opening = Opening::read(reader, source_name, options)?;
    let found = opening.found.clone();
    let mut rows = RowReader::new(options.clone());
    let Format::Csv { delimiter } = opening.format else {
        let mended = source_name.ends_with(".rejected.jsonl");
        let mappings = with_own_keys(options, mended);
        let kind = json_lines::kind(&opening.head, source_name, &mappings)?;
        let (head, rest) = opening.into_parts();
        let lines = JsonLines::new(head, rest, &mappings);
        let inner = Inner::Json { lines: Box::new(lines), kind, mappings };
        return Ok(Import { inner, rows, found, cut_short: None });
    };
    let sample = Sample::read(&opening.head, delimiter, opening.whole);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(1 << 16)
        .from_reader(opening.into_lines(delimiter));
    let mut record = ByteRecord::new();
    csv.read_byte_record(&mut record).map_err(|error| opening::unreadable(source_name, &error))?;
    if let Some(open) = lines::unclosed(csv.get_ref(), &record) {
        return Err(Diagnostic::error(format!("{source_name}:{}: {}", open.line, open.reason))
            .hint("close the quote in the header, or write the `\"` twice"));
    }
    let line = lines::first_line(csv.get_ref(), &record);
    let names = Names::new();
    let columns = Columns::parse(&record, (line, source_name), (&names, &options.mappings), &sample)?;
    for (index, column) in columns.all().iter().enumerate() {
        if column.role == Role::Attribute(super::known::Form::Any)
            && let Some(almost) = sample.almost_dates(index)
        {
            let why = Why::AlmostDates { dates: almost.dates, filled: almost.filled };
            rows.doubts.note(&column.written, why, line + almost.row, &almost.example);
        }
    }
    if columns.kind() == Kind::Contacts {
        rows.consent = consent_of_list(source_name, &columns);
    }
    let inner = Inner::Csv { csv: Box::new(csv), columns, record, delimiter };
    Ok(Import { inner, rows, found, cut_short: None })
}

/// An open file: an iterator over its rows.
///
/// After the last row [`Import::cut_short`] says whether the file was read to its end.
pub struct Import<R> {
    inner: Inner<R>,
    rows: RowReader,
    found: Found,
    cut_short: Option<String>,
}

enum Inner<R> {
    Csv { csv: Box<csv::Reader<Lines<R>>>, columns: Columns, record: ByteRecord, delimiter: u8 },
    Json { lines: Box<JsonLines<R>>, kind: Kind, mappings: Vec<Mapping> },
}

impl<R: Read> Import<R> {
    /// Returns what the rows are.
    pub fn kind(&self) -> Kind {
        match &self.inner {
            Inner::Csv { columns, .. } => columns.kind(),
            Inner::Json { kind, .. } => *kind,
        }
    }

    /// Returns each column and the attribute or word that it was taken for; `None`: it is left out.
    pub fn columns(&self) -> Vec<(&str, Option<&str>)> {
        let Inner::Csv { columns, .. } = &self.inner else { return Vec::new() };
        let named = columns.all().iter().filter(|column| column.role != Role::Nameless);
        let target = |column: &columns::Column| column.role != Role::Dropped;
        named.map(|column| (column.written.as_str(), target(column).then_some(column.target.as_str()))).collect()
    }

    /// Returns what the file's owner should know of it.
    pub fn notes(&self) -> Vec<Note> {
        let foreign = self.found.encoding != encoding_rs::UTF_8;
        let encoding = || Note::Encoding { name: self.found.encoding.name(), example: self.found.example.clone() };
        foreign.then(encoding).into_iter().chain(self.rows.consent.map(Note::Consent)).collect()
    }

    /// Returns what was taken in so far, but perhaps not as it is meant.
    pub fn doubts(&self) -> &[Doubt] {
        &self.rows.doubts.0
    }

    /// Returns the mappings that met a column so far.
    pub fn met(&self) -> impl Iterator<Item = &Mapping> {
        let used = match &self.inner {
            Inner::Csv { columns, .. } => &columns.used,
            Inner::Json { lines, .. } => &lines.used,
        };
        self.rows.options().mappings.iter().zip(used).filter(|(_, used)| **used).map(|(mapping, _)| mapping)
    }

    /// Returns how many bytes of the file were read so far.
    pub fn bytes_read(&self) -> u64 {
        match &self.inner {
            Inner::Csv { csv, .. } => csv.get_ref().bytes_read(),
            Inner::Json { lines, .. } => lines.bytes_read(),
        }
    }

    /// Returns why rows after the last one were not read, where that is so.
    ///
    /// Such a file also yields a rejected row at that place; rows before it were read rightly.
    pub fn cut_short(&self) -> Option<&str> {
        self.cut_short.as_deref()
    }

    /// Makes the writer of this file's rejected rows, in the file's own form and in UTF-8.
    ///
    /// `source` is the file itself, or `None` for the standard input.
    pub fn rejected_writer(&self, source: Option<&Path>) -> RejectedWriter {
        let form = match &self.inner {
            Inner::Csv { columns, delimiter, .. } => Form::Csv {
                header: columns.all().iter().map(|column| column.written.clone()).collect(),
                delimiter: *delimiter,
                marked: self.found.mark > 0 || self.found.encoding != encoding_rs::UTF_8,
            },
            Inner::Json { .. } => Form::JsonLines,
        };
        RejectedWriter::new(source, form)
    }

    /// Rejects the row that was read last, for a reason that only the caller can know.
    pub fn reject(&self, line: u64, reason: String) -> Rejected {
        let record = match &self.inner {
            Inner::Csv { columns, record, .. } => columns.cells(record),
            Inner::Json { lines, .. } => vec![lines.text()],
        };
        Rejected { line, reason, record }
    }

    fn break_off(&mut self, line: u64, reason: String) -> Rejected {
        self.cut_short = Some(format!("line {line}: {reason}"));
        self.reject(line, reason)
    }
}

impl<R: Read> Iterator for Import<R> {
    type Item = Result<Row, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cut_short.is_some() {
            return None;
        }
        let read = match &mut self.inner {
            Inner::Csv { csv, columns, record, .. } => next_record(csv, record).map(|line| {
                let line = line?;
                if csv.get_ref().is_stray() {
                    return Some((line, Err(STRAY_QUOTE.to_owned())));
                }
                Some((line, self.rows.read(columns, record, line)))
            }),
            Inner::Json { lines, kind, mappings } => next_object(lines, &mut self.rows, *kind, mappings),
        };
        match read {
            Ok(None) => None,
            Ok(Some((_, Ok(row)))) => Some(Ok(row)),
            Ok(Some((line, Err(reason)))) => Some(Err(self.reject(line, reason))),
            Err((line, reason)) => Some(Err(self.break_off(line, reason))),
        }
    }
}

/// A row with its line.
type Numbered = (u64, Result<Row, String>);

/// Where the file cannot be read any further, and why.
type Broken = (u64, String);

/// Reads on to the next record that holds something; returns its first line.
fn next_record<R: Read>(csv: &mut csv::Reader<Lines<R>>, record: &mut ByteRecord) -> Result<Option<u64>, Broken> {
    loop {
        csv.get_mut().begin_record();
        match csv.read_byte_record(record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                let line = csv.get_ref().line();
                record.clear();
                return Err((line, format!("the file cannot be read any further: {error}")));
            }
        }
        if let Some(open) = lines::unclosed(csv.get_ref(), record) {
            return Err((open.line, open.reason));
        }
        // A spreadsheet writes its empty rows as `,,,`.
        if !record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            return Ok(Some(lines::first_line(csv.get_ref(), record)));
        }
    }
}

/// Reads the next object.
fn next_object<R: Read>(
    lines: &mut JsonLines<R>,
    rows: &mut RowReader,
    kind: Kind,
    mappings: &[Mapping],
) -> Result<Option<Numbered>, Broken> {
    let line = lines.next().map_err(|error| (lines.line(), format!("the file cannot be read any further: {error}")))?;
    let number = lines.line();
    Ok(match line {
        Line::End => None,
        Line::Wrong(reason) => Some((number, Err(reason))),
        Line::Object(object) => Some((number, read_object(lines, rows, kind, mappings, object))),
    })
}

fn read_object<R: Read>(
    lines: &mut JsonLines<R>,
    rows: &mut RowReader,
    kind: Kind,
    mappings: &[Mapping],
    object: Map<String, Value>,
) -> Result<Row, String> {
    let number = lines.line();
    let shape = lines.shape(&object, kind, mappings);
    match shape.as_ref() {
        Ok(shape) => rows.read_object((&shape.columns, kind), object, number),
        Err(reason) => Err(reason.clone()),
    }
}

/// What the user maps, and for a mended file of rejected objects what drip added to them.
fn with_own_keys(options: &Options, mended: bool) -> Vec<Mapping> {
    let own = OWN_KEYS.iter().filter(|_| mended);
    let own = own.map(|key| Mapping { column: (*key).to_owned(), target: None });
    options.mappings.iter().cloned().chain(own).collect()
}

/// Returns the consent of everyone in one of Mailchimp's files of people who left, which says so by its name alone.
fn consent_of_list(source: &str, columns: &Columns) -> Option<Consent> {
    let name = Path::new(source).file_name()?.to_str()?.to_lowercase();
    columns.all().iter().find(|column| column.written == "EUID" || column.written == "LEID")?;
    [("unsubscribed", Consent::Unsubscribed), ("cleaned", Consent::Bounced), ("nonsubscribed", Consent::Pending)]
        .into_iter()
        .find_map(|(start, consent)| name.starts_with(start).then_some(consent))
}
