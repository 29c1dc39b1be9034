//! A part of a report as plain data: a title, what it says in words, a picture and the table behind it. Every view draws it in its
//! own way, and whoever has something else to report on hands in one more.

pub mod cohorts;
pub mod contents;
pub mod holdout;
pub mod losses;
pub mod mails;
pub mod revenue;
pub mod standing;
mod terminal;
pub mod times;

use serde_json::Value;

use super::language::Language;
use super::markdown::escaped;
use crate::model::spreadsheet::defused;

pub use terminal::terminal;

/// A part of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    pub title: String,
    /// What it says, in sentences; foreign text among it is as it came.
    pub lead: Vec<String>,
    pub picture: Option<Picture>,
    /// What the picture shows.
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
    /// Columns that go first where the line is narrow.
    pub spare: Vec<usize>,
    /// What a reader should know of the numbers.
    pub notes: Vec<String>,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub heading: String,
    /// Numbers stand under each other.
    pub is_number: bool,
}

/// A picture of the table's numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// A bar a row, one under the other, with its name before it and its number behind.
    Bars(Vec<Bar>),
    /// A column a stretch of time, side by side.
    Columns { bars: Vec<Bar>, name: String, number: String },
    /// A field for each cell behind the first columns, the darker the more; by row.
    Fields { first: usize, shares: Vec<Vec<Option<f64>>> },
}

/// A bar: its length is a share of the longest possible.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub name: String,
    pub share: f64,
    /// Between what the truth lies, where that is in doubt.
    pub between: Option<(f64, f64)>,
    pub number: String,
    /// What stands below it.
    pub note: String,
    /// Asks for a person.
    pub alert: bool,
}

impl Sheet {
    pub(super) fn new(title: &str, headings: &[(&str, bool)]) -> Self {
        Self { title: title.to_owned(), columns: columns(headings).collect(), ..Self::default() }
    }
}

fn columns(headings: &[(&str, bool)]) -> impl Iterator<Item = Column> {
    headings.iter().map(|(heading, is_number)| Column { heading: (*heading).to_owned(), is_number: *is_number })
}

/// Says what the thin line on a bar is, where there is one.
fn uncertain(language: Language) -> &'static str {
    language.either("; the thin line is where the true share lies", "; nét mảnh là khoảng chứa tỷ lệ thật")
}

/// Returns a part as Markdown, below a heading of the third rank.
pub fn markdown(sheet: &Sheet) -> String {
    let mut text = format!("### {}\n", escaped(&sheet.title));
    for sentence in &sheet.lead {
        text += &format!("\n{}\n", escaped(sentence));
    }
    if !sheet.rows.is_empty() {
        let head: Vec<_> = sheet.columns.iter().map(|column| escaped(&column.heading)).collect();
        let lines: Vec<_> = sheet.columns.iter().map(|column| if column.is_number { "---:" } else { "---" }).collect();
        text += &format!("\n| {} |\n| {} |\n", head.join(" | "), lines.join(" | "));
        for row in &sheet.rows {
            text += &format!("| {} |\n", row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
        }
    }
    for note in &sheet.notes {
        text += &format!("\n{}\n", escaped(note));
    }
    text.replace('\u{a0}', " ")
}

/// Returns rows for programs as CSV: the campaign if they are of one, then what the first row names; `null` is empty.
pub fn csv<'a>(rows: impl IntoIterator<Item = (Option<&'a str>, Vec<Value>)>) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut is_begun = false;
    for (campaign, rows) in rows {
        for row in rows {
            let Value::Object(row) = row else { continue };
            if !is_begun {
                let head = campaign.map(|_| "campaign").into_iter().chain(row.keys().map(String::as_str));
                writer.write_record(head).expect("a vector takes every write");
                is_begun = true;
            }
            let cells = row.values().map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => defused(text).into_owned(),
                other => other.to_string(),
            });
            let record = campaign.map(|campaign| defused(campaign).into_owned()).into_iter().chain(cells);
            writer.write_record(record.collect::<Vec<_>>()).expect("a vector takes every write");
        }
    }
    let bytes = writer.into_inner().expect("a vector takes every write");
    String::from_utf8(bytes).expect("made of text")
}
