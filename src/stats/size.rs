//! How many people a comparison of two shares asks for, decided before it begins.

use super::quantile;

/// Returns how many people each of two groups needs, so that a difference between these two shares (0 to 1) is found with
/// the chance `power`, and one that is none is taken for one with the chance `1 − confidence` (two-sided; Fleiss, 1981,
/// without the correction for continuity). `None`: the shares are equal, or no shares.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of a size that was rounded up, and checked"
)]
pub fn per_group(one: f64, other: f64, confidence: f64, power: f64) -> Option<u64> {
    let is_share = |share: f64| (0.0..=1.0).contains(&share);
    let is_inside = |share: f64| share > 0.0 && share < 1.0;
    if !is_share(one)
        || !is_share(other)
        || one.total_cmp(&other).is_eq()
        || !is_inside(confidence)
        || !is_inside(power)
    {
        return None;
    }
    let middle = f64::midpoint(one, other);
    let together = quantile(f64::midpoint(1.0, confidence)) * (2.0 * middle * (1.0 - middle)).sqrt();
    let apart = quantile(power) * (one * (1.0 - one) + other * (1.0 - other)).sqrt();
    let number = ((together + apart) / (one - other)).powi(2).ceil().max(1.0);
    (number < 1e15).then_some(number as u64)
}

/// Returns the smallest share above `base` whose difference from it so many people in each of two groups show; `None`
/// where none is large enough.
pub fn detectable(base: f64, people: u64, confidence: f64, power: f64) -> Option<f64> {
    let shows = |share: f64| per_group(base, share, confidence, power).is_some_and(|needed| needed <= people);
    if !shows(1.0) {
        return None;
    }
    let (mut hidden, mut shown) = (base, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(hidden, shown);
        if shows(middle) { shown = middle } else { hidden = middle }
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_the_formula_come_out() {
        // By the formula, with the quantiles of another program.
        assert_eq!(per_group(0.6, 0.7, 0.95, 0.8), Some(356));
        assert_eq!(per_group(0.05, 0.06, 0.95, 0.8), Some(8_158));
        assert_eq!(per_group(0.06, 0.05, 0.95, 0.8), Some(8_158));
        assert_eq!(per_group(0.0, 1.0, 0.95, 0.8), Some(2));
        for (one, other) in [(0.1, 0.1), (-0.1, 0.2), (0.2, 1.1), (f64::NAN, 0.2)] {
            assert_eq!(per_group(one, other, 0.95, 0.8), None);
        }
    }

    #[test]
    fn what_so_many_show_needs_no_more_than_them() {
        for (base, people) in [(0.05, 8_158), (0.2, 500), (0.5, 100)] {
            let share = detectable(base, people, 0.95, 0.8).unwrap();
            assert!(per_group(base, share, 0.95, 0.8).unwrap() <= people);
            assert!(per_group(base, share - 1e-4, 0.95, 0.8).unwrap() > people);
        }
        assert_eq!(detectable(0.9, 3, 0.95, 0.8), None);
    }
}
