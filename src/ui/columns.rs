//! Aligned columns of plain text.

use unicode_width::UnicodeWidthStr;

use super::sanitise;

/// Returns rows as text, each column as wide as its widest cell; the first row is the heading.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.clone().map(|cell| sanitise::line(&cell).into_owned())).collect();
    let widths: Vec<usize> =
        (0..N).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let padded = row.iter().zip(&widths).map(|(cell, width)| cell.clone() + &" ".repeat(width - cell.width() + 2));
        text += padded.collect::<String>().trim_end();
        text.push('\n');
    }
    text
}
