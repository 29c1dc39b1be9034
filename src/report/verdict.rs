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
    /// Whether the leader is above each of the others by more than chance gives.
    pub is_clear: bool,
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
        let mut order: Vec<(usize, f64)> =
            counts.iter().enumerate().filter_map(|(at, count)| Some((at, count.share()?))).collect();
        if order.len() < 2 || counts.iter().all(|count| count.hits == 0) {
            return None;
        }
        order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let (leader, next) = (order[0].0, order[1].0);
        let confidence = stats::of_pairs(CONFIDENCE, order.len());
        let (difference, (low, high)) = stats::difference(counts[leader], counts[next], confidence)?;
        let is_above = |other: usize| {
            stats::difference(counts[leader], counts[other], confidence).is_some_and(|(_, (low, _))| low > 0.0)
        };
        let is_clear = order[1..].iter().all(|(other, _)| is_above(*other));
        Some(Verdict { leader, next, difference, low, high, is_clear })
    }

    /// Returns for each content of a test the chance that it is the best, in their order; none for one that nobody got.
    pub fn chances(&self) -> Vec<f64> {
        let got = |row: &&VariantRow| row.sent > 0;
        let mut chances =
            stats::best(&self.variants.iter().filter(got).map(VariantRow::goals).collect::<Vec<_>>()).into_iter();
        self.variants.iter().map(|row| if row.sent > 0 { chances.next().unwrap_or_default() } else { 0.0 }).collect()
    }
}
