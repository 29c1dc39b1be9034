//! Averages of what people spend and their differences, with what they may be in truth.

use super::proportion::beta_point;

/// Values that are known by how many they are, their mean, and how far they lie from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    of: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
}

impl Sample {
    /// Adds a value (Welford, 1962: nothing is lost where values lie far from nought and close together).
    pub fn add(&mut self, value: f64) {
        *self = self.with(Self { of: 1, mean: value, squares: 0.0 });
    }

    /// Adds so many values of nought.
    pub fn add_nothings(&mut self, number: u64) {
        *self = self.with(Self { of: number, ..Self::default() });
    }

    /// Returns how many values there are.
    pub fn of(self) -> u64 {
        self.of
    }

    /// Returns the mean; `None` of nothing.
    pub fn mean(self) -> Option<f64> {
        (self.of > 0).then_some(self.mean)
    }

    /// Both together (Chan, Golub and `LeVeque`, 1979).
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    fn with(self, other: Self) -> Self {
        if other.of == 0 {
            return self;
        }
        let (own, others) = (self.of as f64, other.of as f64);
        let (apart, share) = (other.mean - self.mean, others / (own + others));
        Self {
            of: self.of + other.of,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * own * share,
        }
    }

    /// Returns the square of the standard error of the mean; `None` of fewer than two values.
    #[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
    fn error(self) -> Option<f64> {
        (self.of > 1).then(|| self.squares / (self.of - 1) as f64 / self.of as f64)
    }
}

/// Returns by how much the mean of one is above that of the other, and between what that lies with this confidence (0 to 1),
/// whatever the spread of each (Welch, 1947); `None` where either has fewer than two values, or nothing differs.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
pub fn mean_difference(one: Sample, other: Sample, confidence: f64) -> Option<(f64, (f64, f64))> {
    let (first, second) = (one.error()?, other.error()?);
    let error = first + second;
    if error <= 0.0 {
        return None;
    }
    let freedom = error * error / (first * first / (one.of - 1) as f64 + second * second / (other.of - 1) as f64);
    let (by, half) = (one.mean - other.mean, student(freedom, 1.0 - confidence) * error.sqrt());
    Some((by, (by - half, by + half)))
}

/// Returns the distance from nought beyond which so much of Student's distribution lies, on both sides together.
fn student(freedom: f64, beyond: f64) -> f64 {
    // P(|T| > t) is the regularised beta function of freedom / (freedom + t²).
    let point = beta_point(freedom / 2.0, 0.5, beyond);
    (freedom * (1.0 - point) / point).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_each_group_counts_for_itself() {
        let sample = |values: &[f64]| {
            let mut sample = Sample::default();
            for value in values {
                sample.add(*value);
            }
            sample
        };
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9 * other.abs().max(1.0);
        // As statsmodels' CompareMeans.tconfint_diff(usevar="unequal") and scipy.stats.t.ppf have it.
        let (by, (low, high)) =
            mean_difference(sample(&[0.0, 0.0, 10.0, 30.0]), sample(&[0.0, 0.0, 0.0, 0.0, 5.0]), 0.95).unwrap();
        assert!(
            close(by, 9.0) && close(low, -13.239_604_150_746_8) && close(high, 31.239_604_150_746_8),
            "{low} {high}"
        );
        for (freedom, beyond, point) in
            [(1.0, 0.05, 12.706_204_736_432_095), (9.5, 0.05, 2.244_137_461_458), (1e6, 0.05, 1.959_966_356_814_107)]
        {
            assert!((student(freedom, beyond) - point).abs() < 1e-8, "{freedom}: {}", student(freedom, beyond));
        }
        let (mut once, mut each) = (sample(&[7.0]), sample(&[7.0]));
        once.add_nothings(3);
        for _ in 0..3 {
            each.add(0.0);
        }
        assert!(close(once.mean().unwrap(), 1.75) && close(once.error().unwrap(), each.error().unwrap()));
        for (one, other) in [(&[][..], &[1.0, 2.0][..]), (&[1.0], &[1.0, 2.0]), (&[0.0, 0.0], &[0.0, 0.0])] {
            assert_eq!(mean_difference(sample(one), sample(other), 0.95), None);
        }
    }
}
