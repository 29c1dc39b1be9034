//! What a test shows: which of its contents leads, and whether that may be chance.

use super::funnel::{StepRow, VariantRow};
use super::tested::TestRow;
use crate::decide::look;
use crate::stats::{self, Count, Lead};

/// How sure a difference has to be, over all pairs of contents together.
pub const CONFIDENCE: f64 = look::CONFIDENCE;

impl VariantRow {
    /// Returns how many of those who got this mail reached the goal by it.
    pub fn goals(&self) -> Count {
        // Somebody may reach a goal by a mail that a copy which was put back does not know.
        Count { hits: self.goal.min(self.sent), of: self.sent }
    }
}

impl StepRow {
    /// Returns what a test shows; `None` where there is none, nobody has reached the goal yet, or more get what
    /// does better.
    pub fn verdict(&self) -> Option<Lead> {
        if self.test.as_ref().is_some_and(TestRow::has_moved) {
            return None;
        }
        let counts = self.compared();
        let tried = counts.iter().filter(|count| count.of > 0).count();
        stats::lead(&counts, stats::of_pairs(CONFIDENCE, tried))
    }

    /// Returns for each content of a test the chance that it is the best, in their order; none for one that nobody got.
    pub fn chances(&self) -> Vec<f64> {
        let counts = self.compared();
        let got: Vec<Count> = counts.iter().copied().filter(|count| count.of > 0).collect();
        let mut chances = stats::best(&got).into_iter();
        counts.iter().map(|count| if count.of > 0 { chances.next().unwrap_or_default() } else { 0.0 }).collect()
    }
}
