//! A CSV file or JSON lines as contacts or events: one checked row at a time, or the reason why not.
//!
//! Reads a stream in constant memory, whatever its length. It knows neither the store nor what an
//! import does to a contact who is there already; a column that is absent or a cell that is empty
//! says nothing about the contact, so that importing it again changes nothing.
//!
//! The file decides what it holds: with the columns `event` and `time` it is a file of events,
//! otherwise of contacts.

mod birthday;
mod cell;
mod columns;
mod dates;
mod doubts;
mod encoding;
mod file;
mod fonts;
mod json_lines;
mod known;
mod lines;
mod money;
mod naming;
mod opening;
mod options;
mod person;
mod phone;
mod rejected;
mod row;
mod sample;
mod vietnamese;
mod words;
mod zone;

#[cfg(test)]
mod tests;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::Consent;

pub use dates::DateOrder;
pub use doubts::{Doubt, Why};
pub use file::{Import, Note, open};
pub use options::{Charset, Mapping, Options, is_viet_nam};
pub use person::given_name;
pub use rejected::RejectedWriter;

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Contacts,
    Events,
}

/// Returns the value that a text typed by hand for an attribute or property stands for, by the rules for a cell of a column
/// of that name; `None`: nothing. A text that is a date, the day first, is one whatever its name.
///
/// # Errors
/// Returns what is wrong with it, to be put behind its name, and what to do.
pub fn typed(name: &str, text: &str, viet_nam: bool) -> Result<Option<Value>, (&'static str, &'static str)> {
    let text = cell::plain(text).map_err(|what| (what, "write its value on one line"))?;
    if text.is_empty() {
        return Ok(None);
    }
    let form = match known::Names::new().find(name).map(|known| known.role) {
        Some(known::Role::Attribute(form)) => form,
        _ if known::speaks_of_money(name) => known::Form::Money,
        _ => known::Form::Any,
    };
    let form = match dates::read(&text, DateOrder::Dmy) {
        dates::Reading::Date(_) if form == known::Form::Any => known::Form::Date,
        _ => form,
    };
    let mut options = Options::new(Tz::UTC, "en");
    options.viet_nam = viet_nam;
    // Nothing but a day can be wrong in a form that it has.
    let no_day = ("is no day of the calendar with the day first", "write it as 1990-12-31, or as 12-31 without a year");
    row::RowReader::new(options).value(form, text).map(Some).map_err(|_| no_day)
}

/// Says whether an attribute of that name is read as a birthday.
pub fn is_birthday(name: &str) -> bool {
    let role = known::Names::new().find(name).map(|known| known.role);
    matches!(role, Some(known::Role::Attribute(known::Form::Birthday(_))))
}

/// Reads a moment typed by hand: with an offset, or else the wall time of `zone`, if that is known.
///
/// # Errors
/// Returns what to write instead.
pub fn moment(text: &str, zone: Option<Tz>) -> Result<Instant, String> {
    if let Some(zone) = zone {
        return words::time(text.trim(), zone, Some(DateOrder::Dmy));
    }
    // Two zones that agree: it has an offset of its own.
    let read = |zone| words::time(text.trim(), zone, Some(DateOrder::Dmy));
    match (read(Tz::UTC), read(Tz::Asia__Ho_Chi_Minh)) {
        (Ok(one), Ok(other)) if one == other => Ok(one),
        (Ok(_), _) => Err("write it with its zone, as 2026-03-01T09:00+07:00".to_owned()),
        (Err(what), _) => Err(what),
    }
}

/// Returns a language tag in its usual case.
///
/// # Errors
/// Returns what is wrong with it, in the form of a diagnostic's message.
pub fn language(text: &str) -> Result<String, String> {
    words::language(text)
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
    /// The first name that the full name gives, where the file has no column for it.
    pub greeting: Option<String>,
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
    /// The cells as they stand in the file, or the one line of an object; what is not in its encoding is replaced by `�`.
    pub record: Vec<String>,
}
