//! A CSV file as contacts or events: one checked row at a time, or the reason why a row cannot be taken.
//!
//! Reads a stream in constant memory, whatever its length. It knows neither the store nor what an
//! import does to a contact who is there already; a column that is absent or a cell that is empty
//! says nothing about the contact, so that importing it again changes nothing.
//!
//! The file decides what it holds: with the columns `event` and `time` it is a file of events,
//! otherwise of contacts.

mod cell;
mod columns;
mod lines;
mod opening;
mod rejected;
mod row;
mod zone;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;

use chrono_tz::Tz;
use csv::ByteRecord;
use serde_json::{Map, Value};

use crate::error::Diagnostic;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::Consent;

use columns::Columns;
use lines::Lines;
use opening::Opening;
pub use rejected::RejectedWriter;
use row::RowReader;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Contacts,
    Events,
}

/// Returns the value that a text typed by hand stands for, by the rules for a cell; `None`: nothing.
pub fn typed(text: &str) -> Option<Value> {
    let text = text.trim();
    (!text.is_empty()).then(|| cell::value(text))
}

/// Returns a language tag in its usual case.
///
/// # Errors
/// Returns what is wrong with it, in the form of a diagnostic's message.
pub fn language(text: &str) -> Result<String, String> {
    row::language(text)
}

/// A row that can be taken.
#[derive(Debug, Clone)]
pub enum Row {
    Contact(ContactRow),
    Event(EventRow),
}

/// What a row says about a person; what it leaves out stays as it is.
#[derive(Debug, Clone)]
pub struct ContactRow {
    pub address: Address,
    pub consent: Option<Consent>,
    /// In the order of the file, each once.
    pub tags: Vec<String>,
    pub timezone: Option<Tz>,
    pub language: Option<String>,
    /// The other columns, without the empty cells.
    pub attributes: Map<String, Value>,
    /// Where the row begins, counted from 1.
    pub line: u64,
}

/// Something that a row says a person did.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub address: Address,
    pub name: String,
    pub at: Instant,
    /// The other columns, without the empty cells.
    pub properties: Map<String, Value>,
    /// Where the row begins, counted from 1.
    pub line: u64,
}

/// A row that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where the row begins, counted from 1.
    pub line: u64,
    /// In the form of a diagnostic's message.
    pub reason: String,
    /// The cells as they stand in the file; bytes that are not UTF-8 are replaced by `�`.
    pub record: Vec<String>,
}

/// Reads the head of a file and says what the file holds.
///
/// `source_name` begins every message; `zone` is where times without an offset are meant.
///
/// # Errors
/// Returns why no row of the file could be understood: its encoding, its line ends, its header.
pub fn open<R: Read>(reader: R, source_name: &str, zone: Tz) -> Result<Import<R>, Diagnostic> {
    let opening = Opening::read(reader, source_name)?;
    let (delimiter, marked) = (opening.delimiter, opening.marked);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(1 << 16)
        .from_reader(opening.into_lines());
    let mut record = ByteRecord::new();
    csv.read_byte_record(&mut record).map_err(|error| opening::unreadable(source_name, &error))?;
    let open_quote = lines::unclosed(csv.get_ref(), &record);
    let columns = match open_quote {
        Some(open) => Err(Diagnostic::error(format!("{source_name}:{}: {}", open.line, open.reason))
            .hint("close the quote in the header, or write the `\"` twice")),
        None => Columns::parse(&record, lines::first_line(csv.get_ref(), &record), source_name),
    }?;
    Ok(Import { rows: RowReader::new(columns, zone), csv, record, delimiter, marked, cut_short: None })
}

/// An open file: an iterator over its rows.
///
/// After the last row [`Import::cut_short`] says whether the file was read to its end.
pub struct Import<R> {
    csv: csv::Reader<Lines<R>>,
    rows: RowReader,
    record: ByteRecord,
    delimiter: u8,
    marked: bool,
    cut_short: Option<String>,
}

impl<R: Read> Import<R> {
    /// Returns what the rows are.
    pub fn kind(&self) -> Kind {
        self.rows.columns().kind()
    }

    /// Returns the names of the columns as the file writes them.
    pub fn header(&self) -> &[String] {
        self.rows.columns().header()
    }

    /// Returns how many bytes of the file were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.csv.get_ref().bytes_read()
    }

    /// Returns why rows after the last one were not read, where that is so.
    ///
    /// Such a file also yields a rejected row at that place; rows before it were read rightly.
    pub fn cut_short(&self) -> Option<&str> {
        self.cut_short.as_deref()
    }

    /// Makes the writer of this file's rejected rows, in the file's own form.
    ///
    /// `source` is the file itself, or `None` for the standard input.
    pub fn rejected_writer(&self, source: Option<&Path>) -> RejectedWriter {
        RejectedWriter::new(source, self.header(), self.delimiter, self.marked)
    }

    /// Rejects the row that was read last, for a reason that only the caller can know.
    pub fn reject(&self, line: u64, reason: String) -> Rejected {
        Rejected { line, reason, record: self.rows.columns().cells(&self.record) }
    }

    fn break_off(&mut self, line: u64, reason: String) -> Rejected {
        self.cut_short = Some(format!("line {line}: {reason}"));
        self.reject(line, reason)
    }
}

impl<R: Read> Iterator for Import<R> {
    type Item = Result<Row, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.cut_short.is_some() {
                return None;
            }
            self.csv.get_mut().begin_record();
            match self.csv.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    let line = self.csv.get_ref().line();
                    self.record.clear();
                    return Some(Err(self.break_off(line, format!("the file cannot be read any further: {error}"))));
                }
            }
            if let Some(open) = lines::unclosed(self.csv.get_ref(), &self.record) {
                return Some(Err(self.break_off(open.line, open.reason)));
            }
            if self.record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue; // A spreadsheet writes its empty rows as `,,,`.
            }
            let line = lines::first_line(self.csv.get_ref(), &self.record);
            return Some(self.rows.read(&self.record, line));
        }
    }
}
