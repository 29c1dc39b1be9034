//! The first rows as drip understood them: column, attribute, value.

use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

use crate::import::{ContactRow, EventRow};
use crate::model::contact::Consent;
use crate::ui::sanitise;

/// A row as it was understood.
pub(super) struct Shown {
    line: u64,
    title: String,
    fields: Vec<Field>,
}

struct Field {
    /// As the file names it; empty where the value was made from another column, or for a key of JSON.
    column: String,
    name: String,
    value: Value,
}

/// What each column was taken for.
type Columns = [(String, Option<String>)];

pub(super) fn contact(row: &ContactRow, columns: &Columns) -> Shown {
    let mut fields = Fields::new(columns);
    fields.attributes(&row.attributes);
    fields.text("consent", row.consent.map(Consent::as_str));
    if !row.tags.is_empty() {
        fields.push("tags", json!(row.tags));
    }
    fields.text("timezone", row.timezone.map(chrono_tz::Tz::name));
    fields.text("language", row.language.as_deref());
    Shown { line: row.line, title: row.address.to_string(), fields: fields.found }
}

pub(super) fn event(row: &EventRow, columns: &Columns) -> Shown {
    let mut fields = Fields::new(columns);
    fields.text("time", Some(&row.at.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    fields.attributes(&row.properties);
    Shown { line: row.line, title: format!("{}, {}", row.address, row.name), fields: fields.found }
}

struct Fields<'a> {
    columns: &'a Columns,
    found: Vec<Field>,
}

impl<'a> Fields<'a> {
    fn new(columns: &'a Columns) -> Self {
        Self { columns, found: Vec::new() }
    }

    fn push(&mut self, name: &str, value: Value) {
        let column = self.columns.iter().find(|(_, target)| target.as_deref() == Some(name));
        let column = column.map(|(column, _)| column.clone()).unwrap_or_default();
        self.found.push(Field { column, name: name.to_owned(), value });
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.push(name, json!(value));
        }
    }

    fn attributes(&mut self, attributes: &Map<String, Value>) {
        for (name, value) in attributes {
            self.push(name, value.clone());
        }
    }
}

impl Shown {
    /// Returns the row as a small table.
    pub(super) fn text(&self, file: &str) -> String {
        let width =
            |of: fn(&Field) -> &str| self.fields.iter().map(|field| of(field).width()).max().unwrap_or(0).min(40);
        let (columns, names) = (width(|field| &field.column), width(|field| &field.name));
        let mut text = format!("{file}:{}: {}\n", self.line, sanitise::line(&self.title));
        for Field { column, name, value } in &self.fields {
            let value = value.as_str().map_or_else(|| value.to_string(), |text| sanitise::line(text).into_owned());
            text += &format!("  {}  {}  {value}\n", padded(column, columns), padded(name, names));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|field| json!({ "column": field.column, "name": field.name, "value": field.value }))
            .collect();
        json!({ "line": self.line, "row": self.title, "fields": fields })
    }
}

/// Fills up with spaces by the width on a screen: `Họ tên` typed with combining marks is as wide as without.
fn padded(text: &str, width: usize) -> String {
    let text = sanitise::line(text);
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}
