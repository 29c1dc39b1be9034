//! The first rows of a CSV file, read once before the others: what a whole column looks like.

use csv::ByteRecord;

use super::dates;

/// How many rows are looked at.
const ROWS: usize = 1000;

/// What the first rows show.
#[derive(Debug, Default)]
pub(super) struct Sample {
    columns: Vec<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    filled: bool,
    only_dates: bool,
}

impl Sample {
    /// Reads the rows behind the header; `whole` says whether the text is all of the file.
    pub(super) fn read(text: &[u8], delimiter: u8, whole: bool) -> Self {
        let end = if whole { text.len() } else { text.iter().rposition(|&byte| byte == b'\n').unwrap_or(0) };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(true)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(&text[..end]);
        let mut columns: Vec<Seen> = Vec::new();
        let mut record = ByteRecord::new();
        for _ in 0..ROWS {
            if !reader.read_byte_record(&mut record).unwrap_or(false) {
                break;
            }
            columns.resize(columns.len().max(record.len()), Seen { filled: false, only_dates: true });
            for (seen, cell) in columns.iter_mut().zip(&record) {
                let cell = cell.trim_ascii();
                if !cell.is_empty() {
                    seen.filled = true;
                    seen.only_dates &= seen.only_dates && std::str::from_utf8(cell).is_ok_and(dates::shows_date);
                }
            }
        }
        Self { columns }
    }

    pub(super) fn is_empty(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(|seen| !seen.filled)
    }

    /// Says whether every cell that holds something holds a date.
    pub(super) fn is_of_dates(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|seen| seen.filled && seen.only_dates)
    }
}
