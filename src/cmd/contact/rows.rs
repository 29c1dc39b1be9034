//! Contacts as CSV and as JSON lines, in the forms that `drip import` reads again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cmd::written;
use crate::model::contact::Contact;
use crate::model::spreadsheet::defused;

/// The columns before the attributes.
const FIXED: [&str; 5] = ["email", "consent", "timezone", "language", "tags"];

/// The columns of an export.
pub(super) struct Rows {
    attributes: Vec<String>,
    raw: bool,
}

impl Rows {
    /// Takes the names of the attributes; `raw` leaves cells that begin a formula as they are.
    pub(super) fn new(attributes: BTreeSet<String>, raw: bool) -> Self {
        Self { attributes: attributes.into_iter().collect(), raw }
    }

    pub(super) fn header(&self) -> anyhow::Result<String> {
        let cells = FIXED.into_iter().map(Cow::Borrowed).chain(self.attributes.iter().map(|name| self.cell(name)));
        written::row(cells.map(Cow::into_owned))
    }

    pub(super) fn row(&self, contact: &Contact) -> anyhow::Result<String> {
        let tags: Vec<_> = contact.tags.iter().map(|tag| quoted(tag)).collect();
        let fixed = [
            self.cell(contact.address.as_str()),
            contact.effective_consent().as_str().into(),
            contact.timezone.map_or("", chrono_tz::Tz::name).into(),
            self.cell(contact.language.as_deref().unwrap_or_default()).into_owned().into(),
            self.cell(&tags.join(";")).into_owned().into(),
        ];
        let attributes = self.attributes.iter().map(|name| match contact.attributes.get(name) {
            None | Some(Value::Null) => "".into(),
            Some(Value::String(text)) => self.cell(text),
            // A number with a minus is no formula.
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string().into(),
            Some(value) => self.cell(&value.to_string()).into_owned().into(),
        });
        written::row(fixed.into_iter().chain(attributes).map(Cow::into_owned))
    }

    fn cell<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.raw { Cow::Borrowed(text) } else { defused(text) }
    }
}

/// Returns a contact as a line of JSON: what is text stays text, and lists stay lists.
pub(super) fn object(contact: &Contact) -> String {
    let mut object = Map::new();
    object.insert("email".to_owned(), contact.address.as_str().into());
    object.insert("consent".to_owned(), contact.effective_consent().as_str().into());
    if let Some(timezone) = contact.timezone {
        object.insert("timezone".to_owned(), timezone.name().into());
    }
    if let Some(language) = &contact.language {
        object.insert("language".to_owned(), language.as_str().into());
    }
    if !contact.tags.is_empty() {
        object.insert("tags".to_owned(), contact.tags.iter().map(String::as_str).collect());
    }
    for (name, value) in &contact.attributes {
        object.entry(name.clone()).or_insert_with(|| value.clone());
    }
    format!("{}\n", Value::Object(object))
}

/// Puts a tag in quotes where it holds what separates tags.
fn quoted(tag: &str) -> Cow<'_, str> {
    if tag.contains([',', ';', '|', '"']) {
        Cow::Owned(format!("\"{}\"", tag.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(tag)
    }
}
