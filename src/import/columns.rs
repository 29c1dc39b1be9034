//! The header: which column means what.

use std::collections::HashMap;

use csv::ByteRecord;
use unicode_normalization::UnicodeNormalization;

use super::Kind;
use crate::error::Diagnostic;
use crate::model::nearest;
use crate::model::plain::quoted;

/// What the address column may be called; the first is the name that messages use.
const EMAIL: [&str; 6] = ["email", "e-mail", "email address", "e-mail address", "địa chỉ email", "địa chỉ e-mail"];

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Email,
    Consent,
    Tags,
    Timezone,
    Language,
    EventName,
    EventTime,
    /// An attribute of the contact, or a property of the event.
    Other,
}

/// The columns of a file, in its order.
#[derive(Debug)]
pub(super) struct Columns {
    header: Vec<String>,
    roles: Vec<Role>,
    kind: Kind,
    /// How many columns follow that drip itself once added.
    own: usize,
}

impl Columns {
    /// Checks the header, which stands on line `line` of `source`.
    pub(super) fn parse(record: &ByteRecord, line: u64, source: &str) -> Result<Self, Diagnostic> {
        let refuse = |what: String| Diagnostic::error(format!("{source}:{line}: {what}"));
        let mut header: Vec<String> = Vec::with_capacity(record.len());
        let mut seen = HashMap::with_capacity(record.len());
        for (index, cell) in record.iter().enumerate() {
            let number = index + 1;
            let name: String = std::str::from_utf8(cell)
                .map_err(|_| {
                    refuse(format!("the name of column {number} is not in UTF-8")).hint("save the file as `CSV UTF-8`")
                })?
                .trim()
                .nfc()
                .collect();
            if name.is_empty() {
                return Err(refuse(format!("column {number} has no name"))
                    .hint("name it in the first line, or delete the column"));
            }
            if name.contains(char::is_control) {
                return Err(refuse(format!(
                    "the name of column {number}, {}, holds a line break or control character",
                    quoted(&name)
                ))
                .hint("write the name on one line, in the first line of the file"));
            }
            let same = if is_email(&name) { EMAIL[0].to_owned() } else { name.to_lowercase() };
            if let Some(first) = seen.insert(same, number) {
                return Err(refuse(format!("columns {first} and {number} are both {}", quoted(&name)))
                    .hint("rename one of them, or delete it"));
            }
            header.push(name);
        }
        let has = |word: &str| seen.contains_key(word);
        if !has(EMAIL[0]) {
            return Err(no_email(&header, &refuse));
        }
        let kind = if has("event") && has("time") { Kind::Events } else { Kind::Contacts };
        // A file of rejected rows that was mended: what drip added is no attribute.
        let mended = source.ends_with(".rejected.csv") && header.ends_with(&["line".to_owned(), "reason".to_owned()]);
        let own = if mended { 2 } else { 0 };
        header.truncate(header.len() - own);
        let roles = header.iter().map(|name| role(name, kind)).collect();
        Ok(Self { header, roles, kind, own })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the names that the file's author gave, without those of a file of rejected rows.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Returns how many cells a row has.
    pub(super) fn len(&self) -> usize {
        self.roles.len() + self.own
    }

    /// Returns a row's cells as text, with any surplus, but without what drip added.
    pub(super) fn cells(&self, record: &ByteRecord) -> Vec<String> {
        let own = self.roles.len()..self.len();
        let kept = record.iter().enumerate().filter(|(index, _)| !own.contains(index));
        kept.map(|(_, cell)| String::from_utf8_lossy(cell).into_owned()).collect()
    }

    /// Returns the columns that say something, with their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Role, &str)> {
        self.roles.iter().copied().zip(self.header.iter().map(String::as_str))
    }
}

/// Says whether a column of this name holds the address.
pub(super) fn is_email(name: &str) -> bool {
    let name: String = name.to_lowercase().nfc().collect();
    EMAIL.contains(&name.as_str())
}

fn role(name: &str, kind: Kind) -> Role {
    if is_email(name) {
        return Role::Email;
    }
    match (kind, name.to_lowercase().as_str()) {
        (Kind::Events, "event") => Role::EventName,
        (Kind::Events, "time") => Role::EventTime,
        (Kind::Contacts, "consent") => Role::Consent,
        (Kind::Contacts, "tags") => Role::Tags,
        (Kind::Contacts, "timezone") => Role::Timezone,
        (Kind::Contacts, "language") => Role::Language,
        _ => Role::Other,
    }
}

fn no_email(header: &[String], refuse: &dyn Fn(String) -> Diagnostic) -> Diagnostic {
    let error = refuse("no column is called `email`".to_owned());
    if header.iter().any(|name| name.contains('@')) {
        return error.hint(
            "the first line holds an address; put a line above it that names the columns, as `email,first_name`",
        );
    }
    let meant = header.iter().find(|name| nearest(name, EMAIL).is_some());
    let meant = meant.or_else(|| header.iter().find(|name| name.to_lowercase().contains("mail")));
    match meant {
        Some(name) => error.hint(format!("did you mean {}? rename that column to `email`", quoted(name))),
        None => error.hint(format!("the columns are {}; rename the one with the addresses to `email`", listed(header))),
    }
}

fn listed(header: &[String]) -> String {
    let shown: Vec<_> = header.iter().take(8).map(|name| quoted(name)).collect();
    shown.join(", ") + if header.len() > 8 { ", …" } else { "" }
}
