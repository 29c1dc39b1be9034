//! What is said of an import: for people a few lines a file, for machines JSON.

use std::io::Read;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Context;
use super::preview;
use super::repeats::Repeat;
use crate::import::{ContactRow, Doubt, EventRow, Import, Kind, Note, Rejected, Why};
use crate::model::plain::quoted;
use crate::ui::words::{count, list};

/// Rejected rows that are named; the others stand in the file of rejected rows.
const NAMED: usize = 3;

/// Rows that a dry run shows.
const SHOWN: usize = 3;

/// What became of one file.
pub(super) struct Summary {
    pub(super) file: String,
    kind: Kind,
    notes: Vec<Note>,
    /// Each column, and what it was taken for.
    pub(super) columns: Vec<(String, Option<String>)>,
    pub(super) added: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    /// Rows of people who were forgotten.
    pub(super) forgotten: u64,
    /// Rows whose person stood on an earlier line.
    pub(super) repeated: u64,
    pub(super) repeats: Vec<Repeat>,
    /// Contacts of the file who are not mailed.
    pub(super) silenced: u64,
    pub(super) rejected: u64,
    reasons: Vec<(u64, String)>,
    pub(super) rejected_file: Option<PathBuf>,
    pub(super) cut_short: Option<String>,
    pub(super) doubts: Vec<Doubt>,
    /// Events that look like opt-outs of people who are mailed all the same: how many, and the first one's line and name.
    opt_outs: Option<(u64, u64, String)>,
    shown: Vec<preview::Shown>,
}

impl Summary {
    pub(super) fn new<R: Read>(file: &str, rows: &Import<R>) -> Self {
        let columns = rows.columns().into_iter();
        Self {
            file: file.to_owned(),
            kind: rows.kind(),
            notes: rows.notes(),
            columns: columns.map(|(column, target)| (column.to_owned(), target.map(str::to_owned))).collect(),
            added: 0,
            updated: 0,
            unchanged: 0,
            forgotten: 0,
            repeated: 0,
            repeats: Vec::new(),
            silenced: 0,
            rejected: 0,
            reasons: Vec::new(),
            rejected_file: None,
            cut_short: None,
            doubts: Vec::new(),
            opt_outs: None,
            shown: Vec::new(),
        }
    }

    pub(super) fn reject(&mut self, row: &Rejected) {
        self.rejected += 1;
        if self.reasons.len() < NAMED {
            self.reasons.push((row.line, row.reason.clone()));
        }
    }

    pub(super) fn note_opt_out(&mut self, row: &EventRow) {
        self.opt_outs.get_or_insert_with(|| (0, row.line, row.name.clone())).0 += 1;
    }

    /// Keeps the first contacts for a dry run.
    pub(super) fn show_contact(&mut self, row: &ContactRow) {
        if self.shown.len() < SHOWN {
            self.shown.push(preview::contact(row, &self.columns));
        }
    }

    /// Keeps the first events for a dry run.
    pub(super) fn show_event(&mut self, row: &EventRow) {
        if self.shown.len() < SHOWN {
            self.shown.push(preview::event(row, &self.columns));
        }
    }

    /// Returns the columns that became something of another name: `Họ tên → name`.
    fn renamed(&self) -> Vec<String> {
        let renamed = self.columns.iter().filter(|(column, target)| target.as_ref() != Some(column));
        renamed
            .map(|(column, target)| match target {
                Some(target) => format!("{} → {target}", quoted(column)),
                None => format!("{} left out", quoted(column)),
            })
            .collect()
    }

    /// Says that an event opts nobody out.
    fn opt_outs(&self) -> Option<String> {
        let (rows, line, name) = self.opt_outs.as_ref()?;
        let opt = if *rows == 1 { "opts" } else { "opt" };
        Some(format!(
            "{} like `{name}`, first on line {line}, {opt} nobody out, and who did so may be mailed; if they left: import them as contacts, \
             with a column `consent` that says `unsubscribed`",
            count(*rows, "event")
        ))
    }

    fn json(&self) -> Value {
        let encoding = self.notes.iter().find_map(|note| match note {
            Note::Encoding { name, .. } => Some(*name),
            Note::Consent(_) => None,
        });
        let columns: serde_json::Map<String, Value> =
            self.columns.iter().map(|(column, target)| (column.clone(), json!(target))).collect();
        let reasons: Vec<_> =
            self.reasons.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
        json!({
            "file": self.file, "kind": word(self.kind), "encoding": encoding.unwrap_or("UTF-8"), "columns": columns,
            "added": self.added, "updated": self.updated, "unchanged": self.unchanged, "forgotten": self.forgotten, "repeated": self.repeated,
            "not_mailed": self.silenced, "rejected": self.rejected, "first_rejected": reasons,
            "rejected_file": self.rejected_file, "cut_short": self.cut_short,
            "doubts": self.doubts.iter().map(doubtful).chain(self.opt_outs()).collect::<Vec<_>>(),
        })
    }
}

pub(super) fn print(context: &Context, summaries: &[Summary], dry: bool) {
    if context.output.options().json {
        let files: Vec<_> = summaries
            .iter()
            .map(|summary| {
                let mut json = summary.json();
                if dry {
                    json["rows"] = summary.shown.iter().map(preview::Shown::json).collect();
                }
                json
            })
            .collect();
        let json = if dry { json!({ "dry_run": true, "files": files }) } else { json!({ "files": files }) };
        context.output.result(&format!("{json:#}\n"));
        return;
    }
    for summary in summaries {
        if dry {
            let shown: Vec<_> = summary.shown.iter().map(|shown| shown.text(&summary.file)).collect();
            context.output.result(&shown.join("\n"));
        }
        one(context, summary, dry);
    }
    if dry {
        context.output.status("Nothing was changed.");
    }
}

fn one(context: &Context, summary: &Summary, dry: bool) {
    let say = |text: &str| context.output.status(text);
    let file = &summary.file;
    let noun = if summary.kind == Kind::Contacts { "contact" } else { "event" };
    let (add, update) = if dry { ("to add", "to update") } else { ("added", "updated") };
    let mut parts = vec![format!("{} {add}", count(summary.added, noun))];
    if summary.updated > 0 {
        parts.push(format!("{} {update}", count(summary.updated, noun)));
    }
    if summary.unchanged > 0 {
        parts.push(format!("{} known already", count(summary.unchanged, noun)));
    }
    if summary.forgotten > 0 {
        parts.push(format!("{} forgotten before, left out", count(summary.forgotten, noun)));
    }
    say(&format!("{file}: {}.", list(&parts)));
    for note in &summary.notes {
        match note {
            Note::Encoding { name, example: Some(word) } => {
                say(&format!("  read as {name}, as in {}; if that is wrong: --encoding NAME", quoted(word)));
            }
            Note::Encoding { name, example: None } => say(&format!("  read as {name}")),
            Note::Consent(consent) => {
                say(&format!("  by its name a list of people who left: everyone in it is {}", consent.as_str()));
            }
        }
    }
    let renamed = summary.renamed();
    if !renamed.is_empty() {
        say(&format!("  columns: {}", renamed.join(", ")));
    }
    for doubt in &summary.doubts {
        say(&format!("  {}", doubtful(doubt)));
    }
    if let Some(opt_outs) = summary.opt_outs() {
        context.output.warn(&format!("{file}: {opt_outs}"));
    }
    if summary.repeated > 0 {
        let places: Vec<_> = summary
            .repeats
            .iter()
            .map(|repeat| format!("line {} is {} of line {}", repeat.line, quoted(&repeat.address), repeat.first_line))
            .collect();
        let rest = if summary.repeated > places.len() as u64 { ", …" } else { "" };
        say(&format!("  {} merged with an earlier one: {}{rest}", count(summary.repeated, "row"), places.join(", ")));
    }
    if summary.silenced > 0 {
        let stay = if summary.silenced == 1 { "stays" } else { "stay" };
        say(&format!(
            "  {} {stay} unmailed: unsubscribed, bounced, complained or suppressed",
            count(summary.silenced, "contact")
        ));
    }
    if summary.rejected > 0 {
        let rows = count(summary.rejected, "row");
        let mend = summary.rejected_file.as_ref().map(|path| format!("; mend and import {}", path.display()));
        context.output.warn(&format!("{file}: {rows} rejected{}", mend.unwrap_or_default()));
        for (line, reason) in &summary.reasons {
            say(&format!("  {file}:{line}: {reason}"));
        }
        if summary.rejected > summary.reasons.len() as u64 {
            say("  …");
        }
    }
    if let Some(reason) = &summary.cut_short {
        context.output.warn(&format!("{file}: read only in part; {reason}; mend that line and import {file} again"));
    }
}

/// Says what may not be meant as it was taken, and what to do if so.
fn doubtful(doubt: &Doubt) -> String {
    let (column, example, line) = (quoted(&doubt.column), quoted(&doubt.example), doubt.line);
    let rows = count(doubt.rows, "row");
    match doubt.why {
        Why::Status => format!(
            "column {column}: {rows} with words like {example}, first on line {line}, are mailed; if that is about mail: \
             --map '{}=subscription_status'",
            doubt.column
        ),
        Why::NoDate => {
            format!(
                "column {column}: {rows} without a date, first {example} on line {line}; it stays text, which no date trigger sees"
            )
        }
        Why::Grouped => format!(
            "column {column}: {rows} like {example}, first on line {line}, stay text; if they are amounts: --map '{}=amount'",
            doubt.column
        ),
        Why::Damaged => format!(
            "column {column}: letters are lost in {rows}, first {example} on line {line}; export the list anew, as `CSV UTF-8`"
        ),
        Why::AlmostDates { dates, filled } => format!(
            "column {column}: {dates} of the first {filled} cells are dates, but {example} on line {line} is not; all stay text"
        ),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "contacts",
        Kind::Events => "events",
    }
}
