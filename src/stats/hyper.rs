//! The hypergeometric function of Gauss, which statrs has not got.

/// No series here needs more terms.
const TERMS: u32 = 5_000_000;
/// Up to here the power series is short.
const NEAR: f64 = 0.9;
/// Of a `c` above this the differential equation has another solution that falls so steeply that it drowns this one in the
/// errors of its Taylor series; the power series is then short up to 1, or nearly.
const STEEP: f64 = 30.0;

/// Returns `2F1(a, b; c; z)` for `c` above 0 and `z` from 0 to below 1, as a power of `1 - z` and what it is to be
/// multiplied with: the whole may be beyond what a number can hold.
///
/// Far from 1 it is the power series. Nearer, the function is carried on from point to point by the Taylor series of
/// its differential equation (Abramowitz & Stegun, 15.5.1), each step half as long as the way that is left to 1. Before,
/// what grows towards 1 is taken out as the power (15.3.3): what is left stays small, and so does the error.
pub(super) fn hyp2f1(a: f64, b: f64, c: f64, z: f64) -> (f64, f64) {
    let power = (c - a - b).min(0.0);
    match (z > 0.0, power < 0.0) {
        (false, _) => (0.0, 1.0),
        (true, false) => (0.0, carried(a, b, c, z)),
        (true, true) => (power, carried(c - a, c - b, c, z)),
    }
}

fn carried(a: f64, b: f64, c: f64, z: f64) -> f64 {
    if z <= NEAR || c > STEEP {
        return series(a, b, c, z);
    }
    let mut at = NEAR;
    let (mut value, mut slope) = (series(a, b, c, at), a * b / c * series(a + 1.0, b + 1.0, c + 1.0, at));
    while at < z {
        let step = (0.5 * (1.0 - at)).min(z - at);
        (value, slope) = taylor(a, b, c, at, step, (value, slope));
        // What is left may be less than the last digit of where this stands.
        at = if z - at <= step { z } else { at + step };
    }
    value
}

fn series(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum, mut nth) = (1.0_f64, 1.0_f64, 0.0);
    for _ in 0..TERMS {
        term *= (a + nth) * (b + nth) / ((c + nth) * (nth + 1.0)) * z;
        sum += term;
        nth += 1.0;
        if term.abs() <= 1e-17 * sum.abs() {
            break;
        }
    }
    sum
}

/// Returns value and slope one step further.
fn taylor(a: f64, b: f64, c: f64, at: f64, step: f64, (value, slope): (f64, f64)) -> (f64, f64) {
    let (square, first, second) = (at * (1.0 - at), 1.0 - 2.0 * at, c - (a + b + 1.0) * at);
    // The terms of the series, with the step's power in each.
    let (mut older, mut newer) = (value, slope * step);
    let (mut sum, mut rise) = (older + newer, newer);
    let mut n = 0.0;
    let mut small = 0;
    for _ in 0..TERMS {
        let next = ((n + a) * (n + b) * older * step - (n + 1.0) * (first * n + second) * newer) * step
            / (square * (n + 1.0) * (n + 2.0));
        (older, newer) = (newer, next);
        sum += next;
        rise += (n + 2.0) * next;
        n += 1.0;
        // One alone may be nothing by chance.
        small = if ((n + 2.0) * next).abs() <= 1e-17 * (rise.abs() + sum.abs()) { small + 1 } else { 0 };
        if small == 2 {
            break;
        }
    }
    (sum, rise / step)
}
