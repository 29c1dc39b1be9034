//! Where a whole number that changes with time makes a difference to a condition.

/// The edges of one input of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) enum Edges {
    /// It is compared with these numbers and used for nothing else.
    At(Vec<i64>),
    /// Each whole number is another one.
    Everywhere,
}

impl Edges {
    /// Adds those of another use.
    pub(super) fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::At(known), Self::At(more)) => known.extend(more),
            _ => *self = Self::Everywhere,
        }
    }

    /// Returns what it is compared with.
    pub(super) fn numbers(&self) -> &[i64] {
        match self {
            Self::At(numbers) => numbers,
            Self::Everywhere => &[],
        }
    }

    /// Returns the first number above another at which something may change.
    pub(in crate::model) fn above(&self, number: i64) -> Option<i64> {
        match self {
            Self::Everywhere => number.checked_add(1),
            Self::At(_) => self.all().filter(|edge| *edge > number).min(),
        }
    }

    /// Returns the last number, not above another, below which something may change.
    pub(in crate::model) fn below(&self, number: i64) -> Option<i64> {
        match self {
            Self::Everywhere => Some(number),
            Self::At(_) => self.all().filter(|edge| *edge <= number).max(),
        }
    }

    /// A comparison with a number changes between the one before it and it, or between it and the one after it.
    fn all(&self) -> impl Iterator<Item = i64> {
        self.numbers().iter().flat_map(|number| [*number, number.saturating_add(1)])
    }
}
