//! The funnel for people: a page of a terminal a campaign.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use chrono_tz::Tz;
use comfy_table::{CellAlignment, Table, presets};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::notes::{counted, notes};
use super::percent::percent;
use super::{Funnel, StepRow};
use crate::model::plain::{grouped, plain};
use crate::model::reaction::Reaction;

/// How a table looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub colour: bool,
    /// In whose wall time instants are shown.
    pub zone: Tz,
}

/// The widths of a bar and of a step's name, in columns of the terminal.
const BAR: std::ops::RangeInclusive<usize> = 8..=32;
const NAME: std::ops::RangeInclusive<usize> = 12..=32;

pub(super) const BOLD: Ansi = Ansi::new().bold();
pub(super) const FAINT: Ansi = Ansi::new().dimmed();
pub(super) const FULL: Ansi = AnsiColor::Cyan.on_default();
const ALERT: Ansi = AnsiColor::Yellow.on_default();

/// Returns the funnels as text for a terminal of `width` columns, with a line break at the end.
pub fn table(funnels: &[Funnel], width: usize, style: Style) -> String {
    if funnels.is_empty() {
        return "No campaigns yet. Each file `campaigns/NAME.yaml` is one.\n".to_owned();
    }
    let pages: Vec<_> = funnels.iter().map(|funnel| page(funnel, width, style)).collect();
    pages.join("\n")
}

fn page(funnel: &Funnel, width: usize, style: Style) -> String {
    let paint = |ansi: Ansi, text: &str| painted(style.colour, ansi, text);
    let mut page = String::new();
    line(&mut page, &paint(BOLD, &cut(&heading(funnel), width)));
    if let Some(period) = counted(funnel, style.zone) {
        line(&mut page, &paint(FAINT, &cut(&period, width)));
    }
    if funnel.enrolled == 0 {
        line(&mut page, "Nobody has entered yet.");
        let ids: Vec<_> = funnel.steps.iter().filter(|step| !step.gone).map(|step| plain(&step.id)).collect();
        if !ids.is_empty() {
            wrapped(&mut page, "Steps:", ids.iter().map(ToString::to_string), width);
        }
        return page;
    }
    wrapped(&mut page, &format!("{} entered:", grouped(funnel.enrolled)), totals(funnel), width);
    if !funnel.steps.is_empty() {
        page.push('\n');
        steps(&mut page, funnel, width, style.colour);
    }
    let mut below = String::new();
    details(&mut below, funnel, width, style.zone, &paint);
    if !below.is_empty() {
        page.push('\n');
        page.push_str(&below);
    }
    page
}

/// Returns a text in a style, where colour is wanted.
pub(super) fn painted(colour: bool, ansi: Ansi, text: &str) -> String {
    if colour { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
}

/// Returns a campaign's name and id.
pub fn heading(funnel: &Funnel) -> String {
    let id = funnel.campaign.as_str();
    let name = plain(&funnel.name);
    if name.is_empty() || name == id { id.to_owned() } else { format!("{name} ({id})") }
}

/// Returns what became of those who entered.
pub(super) fn totals(funnel: &Funnel) -> impl Iterator<Item = String> {
    let goal = match percent(funnel.goal_rate()) {
        Some(rate) if funnel.goal > 0 => format!("{} reached the goal ({rate})", grouped(funnel.goal)),
        _ => String::new(),
    };
    let part = |count: u64, word: &str| if count > 0 { format!("{} {word}", grouped(count)) } else { String::new() };
    let parts =
        [part(funnel.active, "under way"), part(funnel.finished, "finished"), goal, part(funnel.exited, "left")];
    parts.into_iter().filter(|part| !part.is_empty())
}

/// One of the counts of a step.
type Count = fn(&StepRow) -> u64;

/// A column behind the bar: its heading, and its cell in the row of a step.
type Column<'a> = (&'static str, Box<dyn Fn(usize, &StepRow) -> String + 'a>);

fn steps(page: &mut String, funnel: &Funnel, width: usize, colour: bool) {
    let columns = columns(funnel, width);
    let names: Vec<_> = funnel.steps.iter().map(step_name).collect();
    let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0).max(4);
    let room = width.saturating_sub(numbers_width(funnel, &columns) + 2);
    // Names give way before the bar does, and the bar before the numbers.
    let name_width = name_width.min(*NAME.end()).min(room.saturating_sub(*BAR.start()).max(*NAME.start()));
    let bar_width = room.saturating_sub(name_width).min(*BAR.end());
    let anyone = funnel.steps.iter().any(|step| step.through() > 0);
    let bar_width = if bar_width < *BAR.start() || !anyone { 0 } else { bar_width };

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut heading = vec!["step".to_owned()];
    if bar_width > 0 {
        heading.push(String::new());
    }
    heading.extend(columns.iter().map(|(heading, _)| (*heading).to_owned()));
    table.set_header(heading);
    for (index, (step, name)) in funnel.steps.iter().zip(&names).enumerate() {
        let mut row = vec![cut(name, name_width)];
        if bar_width > 0 {
            row.push(bar(step.through(), funnel.enrolled, bar_width));
        }
        row.extend(columns.iter().map(|(_, cell)| cell(index, step)));
        table.add_row(row);
    }
    let first_number = if bar_width > 0 { 2 } else { 1 };
    for (index, column) in table.column_iter_mut().enumerate() {
        let left = if index == 0 { 0 } else { 2 };
        column.set_padding((left, 0));
        column.set_cell_alignment(if index < first_number { CellAlignment::Left } else { CellAlignment::Right });
    }
    for (index, text) in table.lines().enumerate() {
        let text = text.trim_end();
        line(page, &if index == 0 { painted(colour, FAINT, text) } else { painted_bar(text, colour) });
    }
    if funnel.steps.iter().any(|step| step.gone) {
        line(page, &painted(colour, FAINT, "† no longer in the file"));
    }
}

/// Returns the columns that say something and have room, in their order.
fn columns(funnel: &Funnel, width: usize) -> Vec<Column<'_>> {
    let mut columns: Vec<Column<'_>> = vec![
        ("entered", Box::new(|_, step| some(step.entered))),
        ("sent", Box::new(|_, step| if step.is_mail() { some(step.sent) } else { String::new() })),
        ("rate", Box::new(|_, step| percent(step.rate()).unwrap_or_default())),
        ("of all", Box::new(|_, step| percent(funnel.cumulative(step)).unwrap_or_default())),
    ];
    let counts: [(&'static str, Count); 9] = [
        ("opened", |step| step.reactions.of(Reaction::Opened)),
        ("clicked", |step| step.reactions.of(Reaction::Clicked)),
        ("replied", |step| step.reactions.of(Reaction::Replied)),
        ("bounced", StepRow::bounced),
        ("skipped", |step| step.skipped),
        ("held", |step| step.held),
        ("rejected", |step| step.rejected),
        ("goal", |step| step.goal),
        ("waiting", |step| step.waiting),
    ];
    for (heading, count) in counts {
        if funnel.steps.iter().any(|step| count(step) > 0) {
            columns.push((heading, Box::new(move |_, step| some(count(step)))));
        }
    }
    // Where the line is narrow, what says least, or is said below the table as well, goes first; the bar stays.
    for heading in
        ["opened", "rejected", "held", "bounced", "rate", "skipped", "replied", "clicked", "entered", "goal", "waiting"]
    {
        if numbers_width(funnel, &columns) + NAME.start() + 2 + BAR.start() > width {
            columns.retain(|(name, _)| *name != heading);
        }
    }
    columns
}

/// Returns how much of a line the columns behind the bar take, with the space before each.
fn numbers_width(funnel: &Funnel, columns: &[Column<'_>]) -> usize {
    let widths = columns.iter().map(|(heading, cell)| {
        let cells = funnel.steps.iter().enumerate().map(|(index, step)| cell(index, step).width());
        2 + cells.max().unwrap_or(0).max(heading.width())
    });
    widths.sum()
}

/// Returns a count that stands back where it is zero.
fn some(count: u64) -> String {
    if count == 0 { "·".to_owned() } else { grouped(count) }
}

/// Writes who left, who waits where, what is due and what asks for a person.
fn details(page: &mut String, funnel: &Funnel, width: usize, zone: Tz, paint: &dyn Fn(Ansi, &str) -> String) {
    for note in notes(funnel, zone) {
        let label = format!("{:<8}", note.label);
        let mut text = String::new();
        if note.label == "Waiting" {
            for (index, wait) in note.parts.iter().enumerate() {
                let label = if index == 0 { &label } else { "        " };
                line(&mut text, &format!("{label} {}", cut(wait, width.saturating_sub(9))));
            }
        } else {
            wrapped(&mut text, &label, note.parts.into_iter(), width);
        }
        for text in text.lines() {
            line(page, &if note.alert { paint(ALERT, text) } else { text.to_owned() });
        }
    }
}

fn step_name(step: &StepRow) -> String {
    let kind = if step.kind == "send" { String::new() } else { format!(" ({})", step.kind) };
    format!("{}{kind}{}", plain(&step.id), if step.gone { " †" } else { "" })
}

/// Returns a bar of eighths of a block, `width` columns long for the whole; whatever is not zero shows.
pub(super) fn bar(part: u64, whole: u64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (part, whole) = (u128::from(part.min(whole)), u128::from(whole.max(1)));
    let eighths = usize::try_from(part * 8 * width as u128 / whole).unwrap_or(0);
    let eighths = if part > 0 { eighths.max(1) } else { 0 };
    // Padded, so that the column keeps its width when nobody got far.
    let bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    format!("{bar}{}", "\u{a0}".repeat(width - bar.width()))
}

/// Colours the bar in a finished line; the padding of bars becomes plain spaces.
pub(super) fn painted_bar(text: &str, colour: bool) -> String {
    let text = text.replace('\u{a0}', " ");
    let is_bar = |c: char| ('▉'..='▏').contains(&c) || c == '█';
    match (text.find(is_bar), text.rfind(is_bar)) {
        (Some(start), Some(last)) => {
            let end = last + '█'.len_utf8();
            format!("{}{}{}", &text[..start], painted(colour, FULL, &text[start..end]), &text[end..])
        }
        _ => text,
    }
}

/// Cuts a text to a number of columns; one that was cut ends in `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut columns = 1;
    for c in text.chars() {
        columns += c.width().unwrap_or(0);
        if columns > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// Writes parts with commas between them behind a label, on further lines under the first part where they are too many.
fn wrapped(page: &mut String, label: &str, parts: impl Iterator<Item = String>, width: usize) {
    let indent = label.width() + 1;
    let mut parts = parts.peekable();
    let mut text = format!("{label} ");
    let mut fresh = true;
    while let Some(part) = parts.next() {
        let part = cut(&part, width.saturating_sub(indent + 1));
        if !fresh && text.width() + 1 + part.width() + 1 > width {
            line(page, &text);
            text = " ".repeat(indent);
            fresh = true;
        }
        if !fresh {
            text.push(' ');
        }
        text.push_str(&part);
        if parts.peek().is_some() {
            text.push(',');
        }
        fresh = false;
    }
    line(page, text.trim_end_matches([' ', ':']));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes every write");
}
