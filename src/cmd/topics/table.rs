//! Tables of the documents, drawn so that no word of them breaks.

use unicode_width::UnicodeWidthStr;

const GAP: &str = "  ";
/// Wide enough that no cell is broken.
const UNBROKEN: usize = usize::MAX >> 1;

/// Draws the lines of a Markdown table, whose cells `set` sets in lines of a width.
pub(super) fn draw(table: &str, width: usize, set: impl Fn(&str, usize) -> String) -> String {
    let written: Vec<Vec<String>> = table.lines().map(cells).collect();
    // The second line is the rule below the header.
    let written = written.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, row)| row);
    let set = |cell: &String, width| -> Vec<String> { set(cell, width).lines().map(str::to_owned).collect() };
    let whole = |row: &Vec<String>| row.iter().map(|cell| set(cell, UNBROKEN).concat()).collect();
    let rows: Vec<Vec<String>> = written.clone().map(whole).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths = widths(&rows, count, width);
    let mut text = String::new();
    for (at, row) in written.enumerate() {
        if row.iter().all(String::is_empty) {
            continue;
        }
        let wrapped: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| set(cell, *width)).collect();
        for line in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
            let mut drawn = String::new();
            for (cell, width) in wrapped.iter().zip(&widths) {
                let part = cell.get(line).map_or("", String::as_str);
                drawn += part;
                drawn += &" ".repeat(width.saturating_sub(part.width()));
                drawn += GAP;
            }
            text += drawn.trim_end();
            text.push('\n');
        }
        if at == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            text += &(rules.join(GAP) + "\n");
        }
    }
    text
}

/// Splits a line at its bars; one behind a backslash is text.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in inner.chars() {
        match (c, cells.last_mut()) {
            ('|', Some(cell)) if escaped => {
                cell.pop();
                cell.push('|');
            }
            ('|', _) => cells.push(String::new()),
            (_, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
        escaped = c == '\\' && !escaped;
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Gives each column what it needs, or its share of what is left, but never less than its longest word.
fn widths(rows: &[Vec<String>], count: usize, width: usize) -> Vec<usize> {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let whole: Vec<usize> =
        (0..count).map(|column| cells(column).map(|cell| cell.width()).max().unwrap_or(0)).collect();
    let word = |cell: &String| cell.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
    let longest: Vec<usize> = (0..count).map(|column| cells(column).map(word).max().unwrap_or(0)).collect();
    let mut left = width.saturating_sub(GAP.len() * count.saturating_sub(1));
    let mut widths = vec![0; count];
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&column| whole[column]);
    for (done, &column) in order.iter().enumerate() {
        let share = left / (count - done);
        widths[column] = whole[column].min(share).max(longest[column]);
        left = left.saturating_sub(widths[column]);
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_and_columns_share_what_there_is() {
        let table = "| | |\n| --- | --- |\n| `--dates dmy\\|mdy` | the order of dates, the day first if it is left out |\n\
                     | `--dry-run` | show |\n";
        let drawn = draw(table, 36, super::super::paragraphs);
        insta::assert_snapshot!(drawn, @r"
        --dates dmy|mdy  the order of dates,
                         the day first if it
                         is left out
        --dry-run        show
        ");
        let table = "| a | b |\n| --- | --- |\n| 1 | trà |\n";
        insta::assert_snapshot!(draw(table, 36, super::super::paragraphs), @r"
        a  b
        ─  ───
        1  trà
        ");
    }
}
