//! One record or object: its cells as a contact or an event, or the first reason why not.

use std::borrow::Cow;

use csv::ByteRecord;
use serde_json::{Map, Value};

use super::columns::{Column, Columns};
use super::dates::{self, Reading};
use super::doubts::{Doubts, Why};
use super::known::{Form, Role};
use super::options::Options;
use super::zone::Zones;
use super::{ContactRow, EventRow, Kind, Row, birthday, cell, money, naming, person, phone, words};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::Consent;
use crate::model::date::Day;
use crate::model::id::is_name;
use crate::model::plain::quoted;

/// Turns records into rows.
pub(super) struct RowReader {
    options: Options,
    zones: Zones,
    /// What the whole file says of its people.
    pub(super) consent: Option<Consent>,
    pub(super) doubts: Doubts,
    /// Where the row at hand begins.
    line: u64,
}

/// What the cells of one record say.
#[derive(Default)]
pub(super) struct Cells {
    address: Option<Address>,
    consent: Option<Consent>,
    tags: Vec<String>,
    timezone: Option<chrono_tz::Tz>,
    language: Option<String>,
    name: Option<String>,
    at: Option<Instant>,
    others: Map<String, Value>,
}

impl Cells {
    /// Notes a consent; of two the one that lets less mail through stays.
    fn narrow(&mut self, consent: Consent) {
        self.consent = Some(self.consent.map_or(consent, |known| known.max(consent)));
    }

    /// Takes an attribute or property that may stand there already.
    fn put(&mut self, written: &str, target: String, value: Value) -> Result<(), String> {
        match self.others.insert(target, value) {
            Some(_) => Err(format!("{} stands there twice", quoted(written))),
            None => Ok(()),
        }
    }

    /// Takes the object of further properties of an event.
    fn properties(&mut self, properties: Map<String, Value>) -> Result<(), String> {
        for (key, value) in properties {
            let Some(target) = naming::attribute(&key) else {
                return Err(format!("no template can write the name {}", quoted(&key)));
            };
            let value = nested(value).map_err(|what| format!("{} {what}", quoted(&key)))?;
            if !matches!(&value, Value::Null) && value != "" {
                self.put(&key, target, value)?;
            }
        }
        Ok(())
    }
}

impl RowReader {
    pub(super) fn new(options: Options) -> Self {
        Self { options, zones: Zones::default(), consent: None, doubts: Doubts::default(), line: 0 }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Reads one record, which begins on line `line`.
    pub(super) fn read(&mut self, columns: &Columns, record: &ByteRecord, line: u64) -> Result<Row, String> {
        if record.len() != columns.len() {
            let expected = columns.len();
            let noun = if expected == 1 { "field" } else { "fields" };
            return Err(format!("{expected} {noun} expected, {} found", record.len()));
        }
        self.line = line;
        let mut cells = Cells::default();
        for (column, bytes) in columns.all().iter().zip(record) {
            if column.role == Role::Dropped {
                continue;
            }
            let text = cell::text(bytes).map_err(|what| format!("column {} {what}", quoted(&column.written)))?;
            // A second line would be taken for white space around the address.
            if column.role == Role::Email && bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) && !text.is_empty()
            {
                return Err(format!("column {} holds a line break", quoted(&column.written)));
            }
            if !text.is_empty() {
                self.take(&mut cells, column, text)?;
            }
        }
        self.row(cells, columns.all(), columns.kind(), line)
    }

    /// Takes one cell that holds something.
    fn take(&mut self, cells: &mut Cells, column: &Column, text: Cow<'_, str>) -> Result<(), String> {
        let about = |why: String| format!("column {}: {why}", quoted(&column.written));
        match column.role {
            Role::Email => cells.address = Some(Address::parse(&text).map_err(|error| error.to_string())?),
            Role::Consent => cells.narrow(words::consent(&text)?),
            Role::Tags => cells.tags = words::tags(&text),
            Role::Timezone => cells.timezone = Some(self.zones.parse(&text)?),
            Role::Language => cells.language = Some(words::language(&text)?),
            Role::EventName if is_name(&text) => cells.name = Some(text.into_owned()),
            Role::EventName => {
                return Err(format!("{} is no event name; use letters, digits, `-`, `_` and `.`", quoted(&text)));
            }
            Role::EventTime => cells.at = Some(words::time(&text, self.options.zone, self.options.dates)?),
            Role::OptIn => {
                if !words::yes(&text).map_err(about)? {
                    cells.narrow(Consent::Unsubscribed);
                }
            }
            Role::SaysYes => match words::yes(&text) {
                Ok(true) => {}
                Ok(false) => cells.narrow(Consent::Unsubscribed),
                Err(_) => {
                    if let Some(consent) = words::status(&text, true) {
                        cells.narrow(consent);
                    }
                    let target = naming::attribute(&column.written).unwrap_or_else(|| column.target.clone());
                    let value = self.value(Form::Any, text).map_err(about)?;
                    cells.others.insert(target, value);
                }
            },
            Role::OptOut => {
                let is_day = dates::read(&text, self.options.dates.unwrap_or_default()) != Reading::NoDate;
                if is_day || words::yes(&text).map_err(about)? {
                    cells.narrow(Consent::Unsubscribed);
                }
            }
            Role::LeftAt => cells.narrow(Consent::Unsubscribed),
            Role::CleanedAt => cells.narrow(Consent::Bounced),
            Role::Status | Role::SubscriptionStatus => {
                if let Some(consent) = words::status(&text, column.role == Role::SubscriptionStatus) {
                    cells.narrow(consent);
                } else if words::status(&text, true).is_some() {
                    self.doubts.note(&column.written, Why::Status, self.line, &text);
                }
                cells.others.insert(column.target.clone(), Value::String(text.into_owned()));
            }
            Role::Attribute(form) => {
                if form == Form::Any && money::is_grouped(&text) {
                    self.doubts.note(&column.written, Why::Grouped, self.line, &text);
                }
                if form == Form::Text && cell::is_damaged(&text) {
                    self.doubts.note(&column.written, Why::Damaged, self.line, &text);
                }
                let value = self.value(form, Cow::Borrowed(&text)).map_err(about)?;
                let is_dated = matches!(form, Form::Date | Form::Birthday(_));
                if is_dated && Day::read(&value, self.options.zone).is_none() {
                    self.doubts.note(&column.written, Why::NoDate, self.line, &text);
                }
                cells.others.insert(column.target.clone(), value);
            }
            Role::Nameless => return Err(format!("a column without a name holds {}", quoted(&text))),
            Role::Properties => match serde_json::from_str(&text) {
                Ok(Value::Object(properties)) => cells.properties(properties)?,
                _ => return Err(about("it is no object of JSON".to_owned())),
            },
            Role::Dropped => {}
        }
        Ok(())
    }

    /// Returns the value of a cell of an attribute.
    pub(super) fn value(&self, form: Form, text: Cow<'_, str>) -> Result<Value, String> {
        Ok(match form {
            Form::Any => cell::value(&text),
            Form::Money => match money::number(&text, true) {
                Some(number) => Value::Number(number),
                None => cell::value(&text),
            },
            Form::Text => Value::String(text.into_owned()),
            Form::Phone => {
                Value::String(phone::e164(&text, self.options.viet_nam).unwrap_or_else(|| text.into_owned()))
            }
            Form::Date => day(&text, dates::read(&text, self.options.dates.unwrap_or_default()))?,
            Form::Birthday(shown) => {
                day(&text, birthday::read(&text, self.options.dates.or(shown).unwrap_or_default()))?
            }
        })
    }

    /// Reads one object of JSON lines, whose keys are the columns, in their order.
    pub(super) fn read_object(
        &mut self,
        (columns, kind): (&[Column], Kind),
        object: Map<String, Value>,
        line: u64,
    ) -> Result<Row, String> {
        self.line = line;
        let mut cells = Cells::default();
        for (column, (_, value)) in columns.iter().zip(object) {
            self.take_value(&mut cells, column, value)?;
        }
        self.row(cells, columns, kind, line)
    }

    fn take_value(&mut self, cells: &mut Cells, column: &Column, value: Value) -> Result<(), String> {
        let name = || quoted(&column.written);
        if column.role == Role::Dropped {
            return Ok(());
        }
        match (column.role, value) {
            (_, Value::Null) => Ok(()),
            (role, Value::String(text)) => {
                let plain = cell::plain(&text).map_err(|what| format!("{} {what}", name()))?;
                if role == Role::Email && text.contains(['\n', '\r']) {
                    return Err(format!("{} holds a line break", name()));
                }
                match role {
                    _ if plain.is_empty() => Ok(()),
                    // The file itself says that it is text.
                    Role::Attribute(Form::Any | Form::Money) => {
                        cells.put(&column.written, column.target.clone(), Value::String(plain.into_owned()))
                    }
                    _ => self.take(cells, column, plain),
                }
            }
            (Role::Tags, Value::Array(tags)) => {
                for tag in tags {
                    let Value::String(tag) = tag else { return Err(format!("{} is no list of texts", name())) };
                    let tag = cell::plain(&tag).map_err(|what| format!("{} {what}", name()))?;
                    if !tag.is_empty() && !cells.tags.iter().any(|known| *known == *tag) {
                        cells.tags.push(tag.into_owned());
                    }
                }
                Ok(())
            }
            (Role::Properties, Value::Object(properties)) => cells.properties(properties),
            (Role::Attribute(Form::Phone | Form::Date | Form::Birthday(_)), Value::Number(number)) => {
                self.take(cells, column, Cow::Owned(number.to_string()))
            }
            (Role::Attribute(_) | Role::Status | Role::SubscriptionStatus, value) => {
                let value = nested(value).map_err(|what| format!("{} {what}", name()))?;
                cells.put(&column.written, column.target.clone(), value)
            }
            (_, value @ (Value::Bool(_) | Value::Number(_))) => self.take(cells, column, Cow::Owned(value.to_string())),
            _ => Err(format!("{} is a list or an object; one text is expected", name())),
        }
    }

    fn row(&self, mut cells: Cells, columns: &[Column], kind: Kind, line: u64) -> Result<Row, String> {
        let address = cells.address.take().ok_or("the address is empty")?;
        if kind == Kind::Events {
            return Ok(Row::Event(EventRow {
                address,
                name: cells.name.ok_or("the event has no name")?,
                at: cells.at.ok_or("the event has no time")?,
                properties: cells.others,
                line,
            }));
        }
        if let Some(consent) = self.consent {
            cells.narrow(consent);
        }
        let greeting = match cells.others.get("name") {
            Some(Value::String(name)) if columns.iter().all(|column| column.target != "first_name") => {
                person::given_name(name)
            }
            _ => None,
        };
        Ok(Row::Contact(ContactRow {
            address,
            consent: cells.consent,
            tags: cells.tags,
            timezone: cells.timezone,
            language: cells.language,
            attributes: cells.others,
            greeting,
            line,
        }))
    }
}

fn day(text: &str, reading: Reading) -> Result<Value, String> {
    match reading {
        Reading::Date(iso) => Ok(Value::String(iso)),
        Reading::Impossible(why) => Err(why),
        Reading::NoDate => Ok(cell::value(text)),
    }
}

/// Checks a value of JSON: its texts as those of cells, its numbers for what a reader would lose.
fn nested(value: Value) -> Result<Value, &'static str> {
    Ok(match value {
        Value::String(text) => Value::String(cell::plain(&text)?.into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(nested).collect::<Result<_, _>>()?),
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = cell::plain(&key)?.into_owned();
                nested(value).map(|value| (key, value))
            });
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        // Beyond 2^53 a number with a fraction has lost digits; as a whole number it would not be one.
        Value::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|n| n.abs() > 9_007_199_254_740_992.0) =>
        {
            return Err("is a number with too many digits; write it in quotes");
        }
        other => other,
    })
}
