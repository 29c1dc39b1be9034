//! Shares of a whole and their differences, with what they may be in truth.

use statrs::function::beta::beta_reg;

use super::quantile;

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub hits: u64,
    pub of: u64,
}

impl Count {
    /// Returns the share; `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// Returns between what the true share lies with this confidence (0 to 1): the score interval of Wilson (1927).
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn interval(self, confidence: f64) -> Option<(f64, f64)> {
        let (share, number) = (self.share()?, self.of as f64);
        let z = quantile(f64::midpoint(1.0, confidence));
        let middle = (share + z * z / (2.0 * number)) / (1.0 + z * z / number);
        let half =
            z / (1.0 + z * z / number) * (share * (1.0 - share) / number + z * z / (4.0 * number * number)).sqrt();
        // At the ends the formula is exact but for the last digit.
        let low = if self.hits == 0 { 0.0 } else { middle - half };
        let high = if self.hits == self.of { 1.0 } else { middle + half };
        Some((low, high))
    }
}

/// Halvings after which a bound between 0 and 1 is as good as a number can be.
const HALVINGS: u32 = 60;

impl Count {
    /// Returns the same with exact bounds (Clopper and Pearson, 1934): wider, and never too sure of a handful of hits among
    /// thousands, where the lower bound of Wilson's is.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    pub fn exact_interval(self, confidence: f64) -> Option<(f64, f64)> {
        self.share()?;
        let (hits, misses) = (self.hits as f64, self.of.saturating_sub(self.hits) as f64);
        let tail = (1.0 - confidence) / 2.0;
        let low = if self.hits == 0 { 0.0 } else { beta_point(hits, misses + 1.0, tail) };
        let high = if misses == 0.0 { 1.0 } else { beta_point(hits + 1.0, misses, 1.0 - tail) };
        Some((low, high))
    }
}

/// Returns the point below which so much of a beta distribution lies.
pub(super) fn beta_point(a: f64, b: f64, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta_reg(a, b, middle) < share { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Returns by how much the share of `one` is above that of `other`, and between what that lies in truth with this
/// confidence: the hybrid score interval of Newcombe (1998, method 10), which also holds for few and for rare hits.
pub fn difference(one: Count, other: Count, confidence: f64) -> Option<(f64, (f64, f64))> {
    let (p, q) = (one.share()?, other.share()?);
    let ((p_low, p_high), (q_low, q_high)) = (one.interval(confidence)?, other.interval(confidence)?);
    let low = ((p - p_low).powi(2) + (q_high - q).powi(2)).sqrt();
    let high = ((p_high - p).powi(2) + (q - q_low).powi(2)).sqrt();
    Some((p - q, (p - q - low, p - q + high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(hits: u64, of: u64) -> Count {
        Count { hits, of }
    }

    #[track_caller]
    fn near(found: (f64, f64), expected: (f64, f64)) {
        let close = |one: f64, other: f64| (one - other).abs() < 5e-5;
        assert!(close(found.0, expected.0) && close(found.1, expected.1), "{found:?}, not {expected:?}");
    }

    #[test]
    fn the_examples_of_the_papers_come_out() {
        // Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3, and 873-890, table II, method 10.
        near(count(81, 263).interval(0.95).unwrap(), (0.2553, 0.3662));
        near(count(15, 148).interval(0.95).unwrap(), (0.0624, 0.1605));
        near(count(0, 20).interval(0.95).unwrap(), (0.0, 0.1611));
        near(count(1, 29).interval(0.95).unwrap(), (0.0061, 0.1718));
        near(difference(count(56, 70), count(48, 80), 0.95).unwrap().1, (0.0524, 0.3339));
        near(difference(count(9, 10), count(3, 10), 0.95).unwrap().1, (0.1705, 0.8090));
        near(difference(count(10, 10), count(0, 20), 0.95).unwrap().1, (0.6791, 1.0));
        near(difference(count(0, 10), count(0, 20), 0.95).unwrap().1, (-0.1611, 0.2775));
    }

    #[test]
    fn exact_bounds_are_those_of_other_programs() {
        near(count(10, 100).exact_interval(0.95).unwrap(), (0.0490, 0.1762));
        near(count(0, 20).exact_interval(0.95).unwrap(), (0.0, 0.1684));
        near(count(20, 20).exact_interval(0.95).unwrap(), (0.8316, 1.0));
        // As the definition has it: beyond the bounds a count as far out has a chance of a fortieth.
        let (low, high) = count(2, 500).exact_interval(0.95).unwrap();
        let (none, one) = ((1.0 - low).powi(500), 500.0 * low * (1.0 - low).powi(499));
        assert!((1.0 - none - one - 0.025).abs() < 1e-6, "{low}");
        let below: f64 = [1.0, 500.0, 124_750.0].iter().enumerate().fold(0.0, |sum, (hits, ways)| {
            let hits = i32::try_from(hits).unwrap();
            sum + ways * high.powi(hits) * (1.0 - high).powi(500 - hits)
        });
        assert!((below - 0.025).abs() < 1e-6, "{high}");
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        assert_eq!(count(0, 0).exact_interval(0.95), None);
        assert_eq!(count(0, 0).share(), None);
        assert_eq!(count(0, 0).interval(0.95), None);
        assert_eq!(difference(count(1, 2), count(0, 0), 0.95), None);
    }
}
