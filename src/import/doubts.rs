//! What was taken in, but perhaps not as its owner means it.

/// Why a cell may mean something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A word that takes consent away where it is about mail, in a column that may be about orders.
    Status,
    /// A column of dates holds something else.
    NoDate,
    /// `1.250.000`, which could be an amount.
    Grouped,
    /// Letters were lost before drip saw it: `Nguy?n`.
    Damaged,
    /// Most cells of the column are dates, so many of so many.
    AlmostDates { dates: u64, filled: u64 },
}

/// Cells of one column that may mean something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub column: String,
    pub why: Why,
    /// How many rows have such a cell.
    pub rows: u64,
    /// The first of them.
    pub line: u64,
    /// What stands there.
    pub example: String,
}

/// All of a file.
#[derive(Debug, Default)]
pub(super) struct Doubts(pub(super) Vec<Doubt>);

impl Doubts {
    pub(super) fn note(&mut self, column: &str, why: Why, line: u64, example: &str) {
        if let Some(known) = self.0.iter_mut().find(|known| known.why == why && known.column == column) {
            known.rows += 1;
        } else {
            let (column, example) = (column.to_owned(), example.to_owned());
            self.0.push(Doubt { column, why, rows: 1, line, example });
        }
    }
}
