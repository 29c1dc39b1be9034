//! One record: its cells as a contact or an event, or the first reason why not.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use csv::ByteRecord;
use serde_json::{Map, Value};

use super::columns::{Columns, Role};
use super::zone::Zones;
use super::{ContactRow, EventRow, Kind, Rejected, Row, cell};
use crate::model::address::Address;
use crate::model::contact::Consent;
use crate::model::id::is_name;
use crate::model::plain::quoted;
use crate::model::{Instant, wall};

/// Turns records into rows.
pub(super) struct RowReader {
    columns: Columns,
    /// Where times without an offset are meant.
    zone: Tz,
    zones: Zones,
}

/// What the cells of one record say.
#[derive(Default)]
struct Cells {
    address: Option<Address>,
    consent: Option<Consent>,
    tags: Vec<String>,
    timezone: Option<Tz>,
    language: Option<String>,
    name: Option<String>,
    at: Option<Instant>,
    others: Map<String, Value>,
}

impl RowReader {
    pub(super) fn new(columns: Columns, zone: Tz) -> Self {
        Self { columns, zone, zones: Zones::default() }
    }

    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Reads one record, which begins on line `line`.
    pub(super) fn read(&mut self, record: &ByteRecord, line: u64) -> Result<Row, Rejected> {
        self.cells(record).and_then(|cells| self.row(cells, line)).map_err(|reason| Rejected {
            line,
            reason,
            record: self.columns.cells(record),
        })
    }

    fn cells(&mut self, record: &ByteRecord) -> Result<Cells, String> {
        if record.len() != self.columns.len() {
            let expected = self.columns.len();
            let noun = if expected == 1 { "field" } else { "fields" };
            return Err(format!("{expected} {noun} expected, {} found", record.len()));
        }
        let mut cells = Cells::default();
        for ((role, column), bytes) in self.columns.iter().zip(record) {
            let text = cell::text(bytes).map_err(|what| format!("column {} {what}", quoted(column)))?;
            if text.is_empty() {
                continue;
            }
            match role {
                Role::Email => cells.address = Some(Address::parse(&text).map_err(|error| error.to_string())?),
                Role::Consent => cells.consent = Some(consent(&text)?),
                Role::Tags => cells.tags = tags(&text),
                Role::Timezone => cells.timezone = Some(self.zones.parse(&text)?),
                Role::Language => cells.language = Some(language(&text)?),
                Role::EventName if is_name(&text) => cells.name = Some(text.into_owned()),
                Role::EventName => {
                    return Err(format!("{} is no event name; use letters, digits, `-`, `_` and `.`", quoted(&text)));
                }
                Role::EventTime => cells.at = Some(time(&text, self.zone)?),
                Role::Other => {
                    cells.others.insert(column.to_owned(), cell::value(&text));
                }
            }
        }
        Ok(cells)
    }

    fn row(&self, cells: Cells, line: u64) -> Result<Row, String> {
        let address = cells.address.ok_or("the address is empty")?;
        Ok(match self.columns.kind() {
            Kind::Contacts => Row::Contact(ContactRow {
                address,
                consent: cells.consent,
                tags: cells.tags,
                timezone: cells.timezone,
                language: cells.language,
                attributes: cells.others,
                line,
            }),
            Kind::Events => Row::Event(EventRow {
                address,
                name: cells.name.ok_or("the event has no name")?,
                at: cells.at.ok_or("the event has no time")?,
                properties: cells.others,
                line,
            }),
        })
    }
}

fn consent(text: &str) -> Result<Consent, String> {
    Consent::from_word(text).ok_or_else(|| {
        let words: Vec<_> = Consent::ALL.iter().map(|consent| format!("`{}`", consent.as_str())).collect();
        format!("{} is no consent; it is one of {}", quoted(text), words.join(", "))
    })
}

fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// Checks the shape of a language tag (RFC 5646) and writes it in its usual case.
pub(super) fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let mut right = matches!(first.len(), 2..=3) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut tag = first.to_ascii_lowercase();
    for part in parts {
        right &= matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        tag.push('-');
        tag.push_str(&if part.len() == 2 { part.to_ascii_uppercase() } else { part.to_owned() });
    }
    if right { Ok(tag) } else { Err(format!("{} is no language; write one as `vi` or `en-US`", quoted(text))) }
}

/// Reads RFC 3339, a day, or a day and a time of day in `zone`.
fn time(text: &str, zone: Tz) -> Result<Instant, String> {
    let shaped = text.as_bytes().get(4) == Some(&b'-');
    let local = || {
        if text.len() == 10 {
            return NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
        }
        ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    };
    let read = || match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Some(time.with_timezone(&Utc)),
        Err(_) => local().map(|time| wall::instant(time, zone)),
    };
    shaped.then(read).flatten().ok_or_else(|| {
        format!("{} is no time; write it as `2026-03-01 09:30` or `2026-03-01T09:30:00+07:00`", quoted(text))
    })
}
