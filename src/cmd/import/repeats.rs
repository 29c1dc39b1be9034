//! People who stand in one file more than once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::import::ContactRow;

/// How many people are remembered, so that a file of any length takes the same memory: as many as a table of 2^20
/// places takes before it doubles.
const PEOPLE: usize = 7 << 17;

/// How many repeats are named.
const NAMED: usize = 3;

/// Who was read, and on which line first.
#[derive(Default)]
pub(super) struct Repeats {
    /// By a hash of the address: two addresses in a million times a million share one, and then a count is wrong by one.
    lines: HashMap<u64, u32>,
    hasher: RandomState,
    rows: u64,
    first: Vec<Repeat>,
}

/// A row whose person stands on an earlier line.
#[derive(Debug, Clone)]
pub(super) struct Repeat {
    pub(super) address: String,
    pub(super) line: u64,
    pub(super) first_line: u64,
}

impl Repeats {
    /// Notes a row; says whether its person was there before.
    pub(super) fn note(&mut self, row: &ContactRow) -> bool {
        let key = self.hasher.hash_one(row.address.key());
        if let Some(first_line) = self.lines.get(&key) {
            self.rows += 1;
            if self.first.len() < NAMED {
                let first_line = u64::from(*first_line);
                self.first.push(Repeat { address: row.address.to_string(), line: row.line, first_line });
            }
            return true;
        }
        if self.lines.len() < PEOPLE {
            self.lines.insert(key, u32::try_from(row.line).unwrap_or(u32::MAX));
        }
        false
    }

    /// Returns how many rows repeated a person.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn first(&self) -> &[Repeat] {
        &self.first
    }
}
