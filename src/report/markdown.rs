//! The funnel for a page that people read elsewhere: a chat, a wiki, a pull request.

use std::fmt::Write as _;

use chrono_tz::Tz;

use super::notes::{counted, notes};
use super::percent::percent;
use super::table::{heading, totals};
use super::{Funnel, StepRow};
use crate::model::plain::{grouped, plain};
use crate::model::reaction::Reaction;

/// Returns the funnels as Markdown, a section a campaign; instants are shown in `zone`.
pub fn markdown(funnels: &[Funnel], zone: Tz) -> String {
    if funnels.is_empty() {
        return "No campaigns yet.\n".to_owned();
    }
    funnels.iter().map(|funnel| section(funnel, zone)).collect::<Vec<_>>().join("\n")
}

/// Returns a campaign's name as a heading, and which passages are counted where that is not all of them.
pub fn title(funnel: &Funnel, zone: Tz) -> String {
    let period = counted(funnel, zone).map(|period| format!("{period}.\n\n")).unwrap_or_default();
    format!("## {}\n\n{period}", escaped(&heading(funnel)))
}

fn section(funnel: &Funnel, zone: Tz) -> String {
    let mut text = title(funnel, zone);
    if funnel.enrolled == 0 {
        return text + "Nobody has entered yet.\n";
    }
    let parts: Vec<_> = totals(funnel).collect();
    text += &format!("{} entered: {}.\n", grouped(funnel.enrolled), parts.join(", "));
    if !funnel.steps.is_empty() {
        let seen = Seen::in_steps(&funnel.steps);
        let mut head = vec!["entered", "done", "rate", "of all"];
        head.extend(seen.0.iter().map(|(heading, _)| *heading));
        head.extend(["skipped", "goal", "waiting"]);
        text += &format!("\n| step | {} |\n| --- |{}\n", head.join(" | "), " ---: |".repeat(head.len()));
        for step in &funnel.steps {
            row(&mut text, funnel, step, &seen);
        }
    }
    let notes = notes(funnel, zone);
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        let parts: Vec<_> = note.parts.iter().map(|part| escaped(part)).collect();
        let label = if note.alert { format!("**{}**", note.label) } else { note.label.to_owned() };
        text += &format!("- {label}: {}\n", parts.join(if note.label == "Waiting" { "; " } else { ", " }));
    }
    text
}

/// One of the counts of a step.
type Count = fn(&StepRow) -> u64;

/// What came of mails at all, a column each.
struct Seen(Vec<(&'static str, Count)>);

impl Seen {
    fn in_steps(steps: &[StepRow]) -> Self {
        let counts: [(&'static str, Count); 4] = [
            ("opened", |step| step.reactions.of(Reaction::Opened)),
            ("clicked", |step| step.reactions.of(Reaction::Clicked)),
            ("replied", |step| step.reactions.of(Reaction::Replied)),
            ("bounced", StepRow::bounced),
        ];
        Self(counts.into_iter().filter(|(_, count)| steps.iter().any(|step| count(step) > 0)).collect())
    }
}

fn row(text: &mut String, funnel: &Funnel, step: &StepRow, seen: &Seen) {
    let kind = if step.kind == "send" { String::new() } else { format!(" ({})", step.kind) };
    let gone = if step.gone { ", no longer in the file" } else { "" };
    let share = |share: Option<f64>| percent(share).unwrap_or_default();
    let mut cells =
        vec![grouped(step.entered), grouped(step.through()), share(step.rate()), share(funnel.cumulative(step))];
    cells.extend(seen.0.iter().map(|(_, count)| grouped(count(step))));
    cells.extend([step.skipped, step.goal, step.waiting].map(grouped));
    let _ = writeln!(text, "| {}{kind}{gone} | {} |", escaped(&step.id), cells.join(" | "));
}

/// Returns data that stays text: in a table, and where HTML or a link would begin.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}
