//! When a test with a `winner` is looked at, and who has won by it.
//!
//! Whoever looks often and stops at the first difference finds one by chance far more often than said. So how many looks there
//! are at the most follows from the file before the first of them, when they are taken depends on how many mails there are and
//! never on what came of them, and each has only its part of the error (Bonferroni): where all contents are alike, a winner is
//! named in one test of twenty at the most, over all of its looks and pairs of contents.

use crate::model::variant::Winner;
use crate::stats::{self, Count};

/// How sure it is that there is no winner where contents are alike.
pub const CONFIDENCE: f64 = 0.95;

/// A look at a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Which of the planned looks it is, counted from 0.
    pub number: usize,
    /// How sure it is, over all pairs of contents.
    pub confidence: f64,
    /// The place of the content that won; `None`: none is clear of the others.
    pub winner: Option<usize>,
}

/// Takes the look that is due by the number of mails that count, if one is; `taken` is the last one so far. A look that nobody
/// took when it was due is spent, and the latest of those that are due is taken.
pub fn look(rule: &Winner, taken: Option<usize>, counts: &[Count]) -> Option<Look> {
    let looks = rule.looks();
    let fewest = counts.iter().map(|count| count.of).min()?;
    let number = looks.iter().rposition(|size| fewest >= *size)?;
    if taken.is_some_and(|taken| taken >= number) {
        return None;
    }
    let confidence = stats::of_comparisons(CONFIDENCE, looks.len());
    let lead = stats::lead(counts, stats::of_pairs(confidence, counts.len()));
    Some(Look { number, confidence, winner: lead.filter(|lead| lead.is_clear).map(|lead| lead.leader) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delay::Span;
    use crate::model::variant::Metric;

    #[test]
    fn a_look_is_taken_once_when_each_content_has_enough() {
        let rule = |at_most| Winner { by: Metric::Goal, after: Span { days: 7, seconds: 0 }, at_least: 100, at_most };
        let count = |hits, of| Count { hits, of };
        let once = rule(None);
        assert_eq!(look(&once, None, &[count(50, 100), count(1, 99)]), None);
        let taken = look(&once, None, &[count(5, 100), count(50, 120)]).unwrap();
        assert_eq!((taken.number, taken.winner), (0, Some(1)));
        assert!((taken.confidence - 0.95).abs() < 1e-12);
        assert_eq!(look(&once, None, &[count(48, 100), count(50, 100)]).unwrap().winner, None);
        assert_eq!(look(&once, Some(0), &[count(5, 900), count(500, 900)]), None, "there is no second one");
        let thrice = rule(Some(400));
        let taken = look(&thrice, Some(0), &[count(5, 250), count(50, 250)]).unwrap();
        assert_eq!((taken.number, taken.winner), (1, Some(1)));
        assert!((taken.confidence - (1.0 - 0.05 / 3.0)).abs() < 1e-12);
        assert_eq!(look(&thrice, None, &[count(5, 400), count(5, 400)]).unwrap().number, 2, "two went by");
    }
}
