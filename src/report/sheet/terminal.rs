//! A part of a report for a terminal: its words, its table, and its picture in blocks.

use anstyle::Style as Ansi;
use comfy_table::{CellAlignment, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::{Bar, Picture, Sheet};
use crate::report::table::{BOLD, FAINT, FULL, bar, cut, painted};

/// The width of a bar, in columns of the terminal.
const BAR: usize = 24;
const NARROWEST: usize = 6;
/// How much of a name stays at least.
const NAME: usize = 10;

/// Returns a part as text for a terminal of `width` columns, with a line break at the end.
pub fn terminal(sheet: &Sheet, width: usize, colour: bool) -> String {
    let mut text = painted(colour, BOLD, &cut(&sheet.title, width)) + "\n";
    for sentence in &sheet.lead {
        text += &folded(sentence, width);
    }
    if let Some(Picture::Columns { bars: columns, .. }) = &sheet.picture {
        text.push('\n');
        text += &upright(columns, width, colour);
    }
    if !sheet.rows.is_empty() {
        text.push('\n');
        text += &table(sheet, width, colour);
    }
    if !sheet.notes.is_empty() {
        text.push('\n');
    }
    for note in &sheet.notes {
        for line in folded(note, width).lines() {
            text += &painted(colour, FAINT, line);
            text.push('\n');
        }
    }
    // What keeps a number and its unit on one line of a page is in the way of whoever searches or copies here.
    text.replace('\u{a0}', " ")
}

/// Breaks a sentence between its words.
fn folded(sentence: &str, width: usize) -> String {
    let (mut text, mut room) = (String::new(), width);
    for word in sentence.split(' ') {
        let word = cut(word, width);
        if word.width() + 1 > room && room < width {
            text.push('\n');
            room = width;
        } else if room < width {
            text.push(' ');
            room -= 1;
        }
        room = room.saturating_sub(word.width());
        text += &word;
    }
    text.push('\n');
    text
}

/// Draws columns as lines: a terminal is higher than wide.
fn upright(columns: &[Bar], width: usize, colour: bool) -> String {
    let widest = |text: fn(&Bar) -> &str| columns.iter().map(|column| text(column).width()).max().unwrap_or_default();
    let (names, numbers) = (widest(|column| &column.name), widest(|column| &column.number));
    let room = width.saturating_sub(names + numbers + 4).clamp(NARROWEST, 2 * BAR);
    let mut text = String::new();
    for column in columns {
        let blocks = drawn(column.share, room);
        let blocks = painted(colour, FULL, blocks.trim_end_matches('\u{a0}'))
            + &" ".repeat(room - blocks.trim_end_matches('\u{a0}').width());
        let (before, behind) = (names - column.name.width(), numbers - column.number.width());
        text += &format!("{}{}  {blocks}  {}{}\n", " ".repeat(before), column.name, " ".repeat(behind), column.number);
    }
    text
}

fn table(sheet: &Sheet, width: usize, colour: bool) -> String {
    let bars = match &sheet.picture {
        Some(Picture::Bars(bars)) if bars.len() == sheet.rows.len() => Some(bars),
        _ => None,
    };
    let mut kept: Vec<usize> = (0..sheet.columns.len()).collect();
    let widest = |at: usize| {
        let cells = sheet.rows.iter().map(|row| row[at].width()).max().unwrap_or_default();
        cells.max(sheet.columns[at].heading.width())
    };
    let numbers = |kept: &[usize]| kept.iter().skip(1).map(|at| widest(*at) + 2).sum::<usize>();
    for spare in &sheet.spare {
        if numbers(&kept) + NAME.max(widest(0).min(2 * NAME)) > width {
            kept.retain(|at| at != spare);
        }
    }
    while kept.len() > 2 && numbers(&kept) + NAME > width {
        kept.pop();
    }
    let name = widest(0).min(width.saturating_sub(numbers(&kept)).max(NAME));
    let room = width.saturating_sub(numbers(&kept) + name + 2).min(BAR);
    let bars = bars.filter(|_| room >= NARROWEST);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut head: Vec<String> = kept.iter().map(|at| sheet.columns[*at].heading.clone()).collect();
    head[0] = cut(&head[0], name);
    if bars.is_some() {
        head.insert(1, String::new());
    }
    table.set_header(head);
    for (place, row) in sheet.rows.iter().enumerate() {
        let mut cells: Vec<String> = kept.iter().map(|at| row[*at].clone()).collect();
        cells[0] = cut(&cells[0], name);
        if let Some(bars) = bars {
            cells.insert(1, drawn(bars[place].share, room));
        }
        table.add_row(cells);
    }
    let is_number = |at: usize| sheet.columns[at].is_number;
    let mut alignments: Vec<bool> = kept.iter().map(|at| is_number(*at)).collect();
    if bars.is_some() {
        alignments.insert(1, false);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if at == 0 { 0 } else { 2 }, 0));
        column.set_cell_alignment(if alignments[at] { CellAlignment::Right } else { CellAlignment::Left });
    }
    let lines = table.lines().enumerate().map(|(at, line)| {
        let line = line.trim_end();
        let faint: Option<Ansi> = (at == 0).then_some(FAINT);
        faint.map_or_else(|| crate::report::table::painted_bar(line, colour), |ansi| painted(colour, ansi, line)) + "\n"
    });
    lines.collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few columns")]
fn drawn(share: f64, width: usize) -> String {
    const WHOLE: u32 = 1_000_000;
    // Whatever is not zero shows.
    let part = (share.clamp(0.0, 1.0) * f64::from(WHOLE)).ceil() as u64;
    bar(part, WHOLE.into(), width)
}
