//! Rows and columns of plain text.

use comfy_table::{CellAlignment, Table, presets};

/// Returns rows under a heading, the first `left` columns to the left and the numbers behind them to the right.
pub(super) fn grid(head: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !head.is_empty() {
        table.set_header(head);
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        column.set_cell_alignment(if index < left { CellAlignment::Left } else { CellAlignment::Right });
    }
    // The padding of bars has kept their column wide.
    table.lines().fold(String::new(), |text, line| text + line.replace('\u{a0}', " ").trim_end() + "\n")
}
