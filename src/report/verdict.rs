//! What a test shows: which of its contents leads, and whether that may be chance.

use super::funnel::{StepRow, VariantRow};
use crate::stats::{self, Count};

/// How sure a difference has to be, over all pairs of contents together.
pub const CONFIDENCE: f64 = 0.95;

/// What a test shows so far. Shares are fractions of 1, of those who got a content.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The places of the content with the highest share of goals, and of the one after it.
    pub leader: usize,
    pub next: usize,
    /// By how much the leader's share is above the next one's, and between what that lies.
    pub difference: f64,
    pub low: f64,
    pub high: f64,
}

impl Verdict {
    /// Says whether the difference is more than chance gives.
    pub fn is_clear(&self) -> bool {
        self.low > 0.0
    }
}

impl VariantRow {
    /// Returns how many of those who got this mail reached the goal by it.
    pub fn goals(&self) -> Count {
        // Somebody may reach a goal by a mail that a copy which was put back does not know.
        Count { hits: self.goal.min(self.sent), of: self.sent }
    }
}

impl StepRow {
    /// Returns what a test shows; `None` where there is none, or nobody has reached the goal yet.
    pub fn verdict(&self) -> Option<Verdict> {
        let counts: Vec<Count> = self.variants.iter().map(VariantRow::goals).collect();
        let shares: Vec<(usize, f64)> =
            counts.iter().enumerate().filter_map(|(at, count)| Some((at, count.share()?))).collect();
        if shares.len() < 2 || counts.iter().all(|count| count.hits == 0) {
            return None;
        }
        let mut order = shares.clone();
        order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let (leader, next) = (order[0].0, order[1].0);
        let confidence = stats::of_pairs(CONFIDENCE, shares.len());
        let (difference, (low, high)) = stats::difference(counts[leader], counts[next], confidence)?;
        Some(Verdict { leader, next, difference, low, high })
    }

    /// Returns for each content of a test the chance that it is the best, in their order.
    pub fn chances(&self) -> Vec<f64> {
        stats::best(&self.variants.iter().map(VariantRow::goals).collect::<Vec<_>>())
    }
}
