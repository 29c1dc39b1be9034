//! The header: which column means what, and the name of the attribute it becomes.

use std::collections::HashMap;

use csv::ByteRecord;
use unicode_normalization::UnicodeNormalization;

use super::Kind;
use super::dates::DateOrder;
use super::known::{Form, Known, Names, Role, speaks_of_money, speaks_of_orders};
use super::naming;
use super::options::Mapping;
use super::sample::Sample;
use crate::error::Diagnostic;
use crate::model::nearest;
use crate::model::plain::quoted;

/// As many columns as the widest spreadsheet has; each is held against the others.
const MOST: usize = 16_384;

/// One column of a file, or one key of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// As the file names it.
    pub(super) written: String,
    pub(super) role: Role,
    /// The attribute, or the word for the role.
    pub(super) target: String,
    /// Whether the file's own name of the column, or the user, said what it is.
    pub(super) known: bool,
}

/// The columns of a file, in its order.
#[derive(Debug)]
pub(super) struct Columns {
    all: Vec<Column>,
    kind: Kind,
    /// How many columns follow that drip itself once added.
    own: usize,
    /// The mappings that met a column, by their index.
    pub(super) used: Vec<bool>,
}

impl Columns {
    /// Checks the header, which stands on line `line` of `source`.
    pub(super) fn parse(
        record: &ByteRecord,
        (line, source): (u64, &str),
        (names, mappings): (&Names, &[Mapping]),
        sample: &Sample,
    ) -> Result<Self, Diagnostic> {
        let refuse = |what: String| Diagnostic::error(format!("{source}:{line}: {what}"));
        if record.len() > MOST {
            let hint = "the first row names the columns, and each row after it is a person";
            return Err(refuse(format!("the row has {} columns, and drip reads {MOST}", record.len())).hint(hint));
        }
        let has_email = |record: &ByteRecord| {
            record.iter().any(|cell| {
                let name = String::from_utf8_lossy(cell);
                names.is_email(&name) || mappings.iter().any(|mapping| mapping.is_of(name.trim()))
            })
        };
        // A title spreads over fewer cells than the table below it.
        let is_title = record.len() == 1 || record.iter().any(|cell| cell.trim_ascii().is_empty());
        if let Some(row) = sample.header().filter(|_| is_title && !has_email(record)) {
            return Err(refuse("no column is called `email`".to_owned())
                .hint(format!("line {} looks like the header: delete the lines above it", line + row)));
        }
        let header = header(record, sample, &refuse)?;
        // A file of rejected rows that was mended: what drip added is no attribute.
        let mended = source.ends_with(".rejected.csv") && header.ends_with(&["line".to_owned(), "reason".to_owned()]);
        let own = if mended { 2 } else { 0 };
        let header = &header[..header.len() - own];
        let mut resolved = resolve(header, names, mappings, None);
        let has = |columns: &[Column]| columns.iter().any(|column| column.role == Role::Email);
        // Without a header the first person would be lost to it.
        let has_names = !header.iter().any(|name| name.contains('@'));
        if has_names
            && !has(&resolved.columns)
            && let Some(column) = sample.of_addresses().and_then(|index| resolved.columns.get_mut(index))
            && !column.known
            && !column.written.is_empty()
        {
            // `Email người nhận (bắt buộc)`: whatever it is called, nothing else holds addresses.
            *column =
                Column { written: column.written.clone(), role: Role::Email, target: "email".to_owned(), known: true };
        }
        if !resolved.columns.iter().any(|column| column.role == Role::Email) {
            return Err(no_email(header, (names, mappings), &refuse));
        }
        if let Some((first, second)) = collision(&resolved.columns) {
            return Err(clash(&resolved.columns, first, second, &refuse));
        }
        let mut columns = resolved.columns;
        let of_orders = header.iter().any(|name| speaks_of_money(name) || speaks_of_orders(name));
        // Its exports write birthdays as `02/28`, whatever the country.
        let of_mailchimp = header.iter().any(|name| name == "EUID" || name == "LEID");
        for (index, column) in columns.iter_mut().enumerate() {
            if column.target.is_empty() && matches!(column.role, Role::Attribute(_)) {
                return Err(refuse(format!(
                    "no template can write the name of column {}, {}",
                    index + 1,
                    quoted(&column.written)
                ))
                .hint(format!("name it for drip: --map '{}=some_name'", column.written)));
            }
            let typed = matches!(column.role, Role::Attribute(Form::Any | Form::Money));
            if typed && sample.is_of_dates(index) {
                column.role = Role::Attribute(Form::Date);
            }
            if let Role::Attribute(Form::Birthday(order)) = &mut column.role {
                *order = sample.order(index).or(of_mailchimp.then_some(DateOrder::Mdy));
            }
            if column.role == Role::Status && !of_orders && sample.is_of_statuses(index) {
                column.role = Role::SubscriptionStatus;
            }
        }
        Ok(Self { all: columns, kind: resolved.kind, own, used: resolved.used })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns how many cells a row has.
    pub(super) fn len(&self) -> usize {
        self.all.len() + self.own
    }

    /// Returns a row's cells as text, with any surplus, but without what drip added.
    pub(super) fn cells(&self, record: &ByteRecord) -> Vec<String> {
        let own = self.all.len()..self.len();
        let kept = record.iter().enumerate().filter(|(index, _)| !own.contains(index));
        kept.map(|(_, cell)| String::from_utf8_lossy(cell).into_owned()).collect()
    }

    pub(super) fn all(&self) -> &[Column] {
        &self.all
    }
}

/// What the names of a file come to.
pub(super) struct Resolved {
    pub(super) columns: Vec<Column>,
    pub(super) kind: Kind,
    pub(super) used: Vec<bool>,
}

/// Finds out what each name means, together: a weak name steps back where another one means the same.
///
/// `kind` is what the file is known to hold already.
pub(super) fn resolve(header: &[String], names: &Names, mappings: &[Mapping], kind: Option<Kind>) -> Resolved {
    let mut used = vec![false; mappings.len()];
    let mut found: Vec<Option<Column>> = Vec::with_capacity(header.len());
    for name in header {
        let index = mappings.iter().position(|mapping| mapping.is_of(name));
        found.push(index.map(|index| {
            used[index] = true;
            mapped(name, mappings[index].target.as_deref())
        }));
    }
    let known: Vec<Option<Known>> = header.iter().map(|name| names.find(name)).collect();
    let has = |role: Role| {
        let mapped = found.iter().flatten().any(|column| column.role == role);
        mapped
            || found
                .iter()
                .zip(&known)
                .any(|(found, known)| found.is_none() && known.is_some_and(|known| known.role == role))
    };
    let is_event = has(Role::EventName) && has(Role::EventTime);
    let kind = kind.unwrap_or(if is_event { Kind::Events } else { Kind::Contacts });
    for column in found.iter_mut().flatten() {
        if !counts(column.role, kind) && !matches!(column.role, Role::Attribute(_) | Role::Dropped) {
            column.role = Role::Attribute(Form::Any);
        }
    }
    let meant: Vec<Option<Known>> = known.iter().map(|known| known.filter(|known| counts(known.role, kind))).collect();
    for (index, name) in header.iter().enumerate() {
        if let (None, Some(known)) = (&found[index], meant[index].filter(|known| !known.weak)) {
            found[index] = Some(column(name, known));
        }
    }
    for (index, name) in header.iter().enumerate() {
        if found[index].is_some() {
            continue;
        }
        let taken =
            |target: &str| found.iter().flatten().any(|column| column.target == target && column.role != Role::Dropped);
        found[index] = Some(match meant[index] {
            // Where nothing tells the parts of a name apart, `Tên` is the whole of it.
            Some(known) if known.target == "first_name" && !taken("name") && !taken("last_name") => {
                column(name, Known { target: "name", ..known })
            }
            Some(known) if !taken(known.target) => column(name, known),
            Some(Known { role: Role::Attribute(form), .. }) => own(name, form),
            _ => own(name, if speaks_of_money(name) { Form::Money } else { Form::Any }),
        });
    }
    Resolved { columns: found.into_iter().flatten().collect(), kind, used }
}

/// Says whether a role means something in a file of this kind; other columns are properties of the event.
fn counts(role: Role, kind: Kind) -> bool {
    match kind {
        Kind::Events => matches!(role, Role::Email | Role::EventName | Role::EventTime | Role::Properties),
        Kind::Contacts => !matches!(role, Role::EventName | Role::EventTime | Role::Properties),
    }
}

fn column(name: &str, known: Known) -> Column {
    Column { written: name.to_owned(), role: known.role, target: known.target.to_owned(), known: true }
}

fn own(name: &str, form: Form) -> Column {
    if name.is_empty() {
        return Column { written: String::new(), role: Role::Nameless, target: String::new(), known: false };
    }
    let target = naming::attribute(name).unwrap_or_default();
    Column { written: name.to_owned(), role: Role::Attribute(form), target, known: false }
}

fn mapped(name: &str, target: Option<&str>) -> Column {
    let Some(target) = target else {
        return Column { written: name.to_owned(), role: Role::Dropped, target: String::new(), known: true };
    };
    let money = if speaks_of_money(name) || speaks_of_money(target) { Form::Money } else { Form::Any };
    let role = Names::target(target).unwrap_or(Role::Attribute(money));
    Column { written: name.to_owned(), role, target: target.to_owned(), known: true }
}

/// Returns the first two columns that would be the same.
pub(super) fn collision(columns: &[Column]) -> Option<(usize, usize)> {
    let mut seen = HashMap::with_capacity(columns.len());
    columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !column.target.is_empty() && !column.role.narrows())
        .find_map(|(index, column)| seen.insert(column.target.to_lowercase(), index).map(|first| (first, index)))
}

fn clash(columns: &[Column], first: usize, second: usize, refuse: &dyn Fn(String) -> Diagnostic) -> Diagnostic {
    let (one, other) = (&columns[first], &columns[second]);
    let (first, second) = (first + 1, second + 1);
    if one.written.to_lowercase() == other.written.to_lowercase() {
        return refuse(format!("columns {first} and {second} are both {}", quoted(&other.written)))
            .hint("rename one of them, or delete it");
    }
    let names = format!("{} and {}", quoted(&one.written), quoted(&other.written));
    refuse(format!("columns {first} and {second}, {names}, would both be `{}`", other.target))
        .hint(format!("leave one out: --map '{}='", other.written))
}

/// Reads the names; a column without one may stand where its cells are empty.
fn header(
    record: &ByteRecord,
    sample: &Sample,
    refuse: &dyn Fn(String) -> Diagnostic,
) -> Result<Vec<String>, Diagnostic> {
    let mut header: Vec<String> = Vec::with_capacity(record.len());
    for (index, cell) in record.iter().enumerate() {
        let number = index + 1;
        let name: String = std::str::from_utf8(cell)
            .map_err(|_| {
                refuse(format!("the name of column {number} is not in the encoding of the file"))
                    .hint("save the file as `CSV UTF-8`, or name its encoding: --encoding windows-1258")
            })?
            .trim()
            .nfc()
            .collect();
        if name.is_empty() && !sample.is_empty(index) {
            return Err(
                refuse(format!("column {number} has no name")).hint("name it in the first line, or delete the column")
            );
        }
        if name.contains(char::is_control) {
            return Err(refuse(format!(
                "the name of column {number}, {}, holds a line break or control character",
                quoted(&name)
            ))
            .hint("write the name on one line, in the first line of the file"));
        }
        header.push(name);
    }
    Ok(header)
}

pub(super) fn no_email(
    header: &[String],
    (names, mappings): (&Names, &[Mapping]),
    refuse: &dyn Fn(String) -> Diagnostic,
) -> Diagnostic {
    let taken = |name: &&String| names.is_email(name) && mappings.iter().any(|mapping| mapping.is_of(name));
    if let Some(name) = header.iter().find(taken) {
        return refuse("no column holds the addresses".to_owned())
            .hint(format!("--map makes something else of {}; leave that out", quoted(name)));
    }
    let error = refuse("no column is called `email`".to_owned());
    if header.iter().any(|name| name.contains('@')) {
        return error.hint(
            "the first line holds an address; put a line above it that names the columns, as `email,first_name`",
        );
    }
    let meant = header.iter().find(|name| nearest(name, ["email", "e-mail", "email address"]).is_some());
    let meant = meant.or_else(|| header.iter().find(|name| name.to_lowercase().contains("mail")));
    match meant {
        Some(name) => error.hint(format!("did you mean {}? say so: --map '{name}=email'", quoted(name))),
        None => error.hint(format!(
            "the columns are {}; say which one holds the addresses: --map 'Column=email'",
            listed(header)
        )),
    }
}

fn listed(header: &[String]) -> String {
    let shown: Vec<_> = header.iter().take(8).map(|name| quoted(name)).collect();
    shown.join(", ") + if header.len() > 8 { ", …" } else { "" }
}
