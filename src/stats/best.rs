//! Which of several shares is the highest in truth, as a chance for each.

use statrs::function::beta::{beta_reg, ln_beta};

use super::Count;

/// Points at which each density is looked at; the error is below what a report shows, of shares of one order below a millionth.
const POINTS: u32 = 1_200;
/// So many standard deviations on each side hold all of a density that a number can show, also of rare hits, whose tail is long.
const WIDE: f64 = 30.0;
const NOTHING: f64 = 1e-18;

/// Returns for each count the chance that its true share is the highest, where nothing was known before (each has a uniform
/// prior, so that its share is Beta-distributed). The chances add up to 1.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
pub fn best(counts: &[Count]) -> Vec<f64> {
    let shapes: Vec<(f64, f64)> = counts
        .iter()
        .map(|count| (count.hits as f64 + 1.0, count.of.saturating_sub(count.hits) as f64 + 1.0))
        .collect();
    let chances: Vec<f64> = (0..shapes.len()).map(|at| above_others(&shapes, at)).collect();
    let all: f64 = chances.iter().sum();
    chances.into_iter().map(|chance| chance / all).collect()
}

/// Integrates the density of one share times the chance that all others are below it (Simpson's rule).
fn above_others(shapes: &[(f64, f64)], at: usize) -> f64 {
    let (a, b) = shapes[at];
    let (mean, whole) = (a / (a + b), a + b);
    let deviation = (mean * (1.0 - mean) / (whole + 1.0)).sqrt();
    let (from, to) = ((mean - WIDE * deviation).max(0.0), (mean + WIDE * deviation).min(1.0));
    let scale = ln_beta(a, b);
    let height = |x: f64| {
        let density = (ln_power(x, a - 1.0) + ln_power(1.0 - x, b - 1.0) - scale).exp();
        // Most of the tail, where all that lies beyond is far below what a number of the result shows.
        if density < NOTHING {
            return 0.0;
        }
        let others = shapes.iter().enumerate().filter(|(other, _)| *other != at);
        others.fold(density, |height, (_, (a, b))| height * beta_reg(*a, *b, x))
    };
    let step = (to - from) / f64::from(POINTS);
    let sum: f64 = (0..=POINTS)
        .map(|point| {
            let weight = match point {
                0 | POINTS => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * height((from + step * f64::from(point)).clamp(0.0, 1.0))
        })
        .sum();
    sum * step / 3.0
}

/// Returns the logarithm of a power; of the zeroth also where there is nothing to raise.
fn ln_power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.0 { 0.0 } else { exponent * base.ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chances(counts: &[(u64, u64)]) -> Vec<f64> {
        best(&counts.iter().map(|(hits, of)| Count { hits: *hits, of: *of }).collect::<Vec<_>>())
    }

    /// The chance that the first of two is above the second, as a sum (Evan Miller, 2015).
    fn exactly(one: (u64, u64), other: (u64, u64)) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let shape = |(hits, of): (u64, u64)| (hits as f64 + 1.0, (of - hits) as f64 + 1.0);
        let ((_, b), (c, d)) = (shape(one), shape(other));
        let term = |at: u64| {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let at = at as f64;
            (ln_beta(c + at, b + d) - (b + at).ln() - ln_beta(1.0 + at, b) - ln_beta(c, d)).exp()
        };
        (0..=one.0).map(term).sum()
    }

    #[test]
    fn of_two_it_is_the_sum_that_is_known() {
        for (one, other) in [
            ((0, 0), (0, 0)),
            ((3, 10), (1, 10)),
            ((120, 1000), (100, 1000)),
            ((5, 5), (0, 3)),
            ((0, 40), (2, 45)),
            ((800, 20_000), (900, 20_100)),
            ((1, 1_000_000), (4, 1_000_000)),
        ] {
            let found = chances(&[one, other]);
            assert!((found[0] - exactly(one, other)).abs() < 1e-7, "{one:?} {other:?}: {found:?}");
        }
    }

    #[test]
    fn equals_share_alike_and_all_add_up() {
        for number in 1..6 {
            let found = chances(&vec![(7, 90); number]);
            assert!(found.iter().all(|chance| (chance * f64::from(u32::try_from(number).unwrap()) - 1.0).abs() < 1e-9));
        }
        let found = chances(&[(10, 100), (20, 100), (30, 100)]);
        assert!(found[2] > 0.9 && found[0] < 0.01 && (found.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{found:?}");
        assert_eq!(chances(&[]), Vec::<f64>::new());
    }
}
