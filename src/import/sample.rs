//! The first rows of a CSV file, read once before the others: what a whole column looks like.

use csv::ByteRecord;

use super::dates::DateOrder;
use super::known::Names;
use super::{birthday, dates, words};
use crate::model::address::Address;

/// How many rows are looked at.
const ROWS: usize = 1000;

/// What the first rows show.
#[derive(Debug, Default)]
pub(super) struct Sample {
    columns: Vec<Seen>,
    /// A row near the top that names a column of addresses, from 1 behind the header.
    header: Option<u64>,
}

#[derive(Debug, Clone)]
struct Seen {
    filled: u64,
    dates: u64,
    /// The first cell that is no date, and the row it stands in, behind the header.
    other: Option<(u64, String)>,
    /// Cells that can only have the day first, or only the month, where they tell no year.
    days_first: u64,
    months_first: u64,
    only_statuses: bool,
    only_addresses: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            filled: 0,
            dates: 0,
            other: None,
            days_first: 0,
            months_first: 0,
            only_statuses: true,
            only_addresses: true,
        }
    }
}

/// A column that is nearly one of dates.
pub(super) struct AlmostDates {
    pub(super) dates: u64,
    pub(super) filled: u64,
    /// The first cell that is none, and its row, from 1 behind the header.
    pub(super) row: u64,
    pub(super) example: String,
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
        let (names, mut header) = (Names::new(), None);
        let mut record = ByteRecord::new();
        for row in 1..=ROWS as u64 {
            if !reader.read_byte_record(&mut record).unwrap_or(false) {
                break;
            }
            let empty = Seen::default();
            columns.resize(columns.len().max(record.len()), empty);
            if header.is_none() && row <= 10 && record.iter().any(|cell| names.is_email(&String::from_utf8_lossy(cell)))
            {
                header = Some(row);
            }
            for (seen, cell) in columns.iter_mut().zip(&record) {
                let text = String::from_utf8_lossy(cell.trim_ascii());
                if !text.is_empty() {
                    seen.filled += 1;
                    seen.only_addresses &= seen.only_addresses && Address::parse(&text).is_ok();
                    seen.only_statuses &= seen.only_statuses && words::is_status(&text);
                    match birthday::order(&text) {
                        Some(DateOrder::Dmy) => seen.days_first += 1,
                        Some(_) => seen.months_first += 1,
                        None => {}
                    }
                    if dates::shows_date(&text) {
                        seen.dates += 1;
                    } else if seen.other.is_none() {
                        seen.other = Some((row, text.into_owned()));
                    }
                }
            }
        }
        Self { columns, header }
    }

    pub(super) fn is_empty(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(|seen| seen.filled == 0)
    }

    /// Returns the row behind the first that looks like the header, from 1.
    pub(super) fn header(&self) -> Option<u64> {
        self.header
    }

    /// Returns the only column whose filled cells are all addresses.
    pub(super) fn of_addresses(&self) -> Option<usize> {
        let mut all = self.columns.iter().enumerate().filter(|(_, seen)| seen.filled > 0 && seen.only_addresses);
        all.next().map(|(index, _)| index).filter(|_| all.next().is_none())
    }

    /// Says whether every cell that holds something holds a date.
    pub(super) fn is_of_dates(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|seen| seen.filled > 0 && seen.dates == seen.filled)
    }

    /// Returns the order that days without a year have in a column, where they leave no doubt.
    pub(super) fn order(&self, column: usize) -> Option<DateOrder> {
        match self.columns.get(column).map(|seen| (seen.days_first > 0, seen.months_first > 0))? {
            (true, false) => Some(DateOrder::Dmy),
            (false, true) => Some(DateOrder::Mdy),
            _ => None,
        }
    }

    /// Says whether every cell that holds something tells how somebody stands to a list of mail.
    pub(super) fn is_of_statuses(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|seen| seen.filled > 0 && seen.only_statuses)
    }

    /// Returns what keeps a column from being one of dates, where most of its cells are.
    pub(super) fn almost_dates(&self, column: usize) -> Option<AlmostDates> {
        let seen = self.columns.get(column).filter(|seen| seen.dates * 2 > seen.filled)?;
        let (row, example) = seen.other.clone()?;
        Some(AlmostDates { dates: seen.dates, filled: seen.filled, row, example })
    }
}
