//! Throws that look like chance, and are the same in each run.

#![allow(clippy::unwrap_used, reason = "a test")]

pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns a number below that of the sides; 0 where there are none.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }
}
