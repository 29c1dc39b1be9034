//! What counts say, and how sure one may be: intervals, the chance of being the best, sizes of samples, how
//! often people come back and what they spend. Knows no word of drip.

mod best;
mod buying;
mod hyper;
mod lead;
mod mean;
mod newton;
mod proportion;
mod size;
mod spending;
mod survival;
#[cfg(test)]
mod tests;

pub use best::best;
pub use buying::{Buying, Crowd, Rhythm, Unfit};
pub use lead::{Lead, lead};
pub use mean::{Sample, mean_difference};
pub use proportion::{Count, difference};
pub use size::{detectable, per_group};
pub use spending::{Spending, Spent};
pub use survival::{Stays, median_stay};

use statrs::distribution::{ContinuousCDF, Normal};

/// Returns the point below which so much of the standard normal distribution lies.
fn quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Returns how sure each pair of so many things that are compared has to be, so that all together are as sure as this
/// (Bonferroni): whoever looks at many pairs finds a difference by chance in one of them.
pub fn of_pairs(confidence: f64, things: usize) -> f64 {
    of_comparisons(confidence, things * things.saturating_sub(1) / 2)
}

/// Returns the same for each of so many statements, whatever they compare.
#[expect(clippy::cast_precision_loss, reason = "a handful")]
pub fn of_comparisons(confidence: f64, comparisons: usize) -> f64 {
    1.0 - (1.0 - confidence) / comparisons.max(1) as f64
}
