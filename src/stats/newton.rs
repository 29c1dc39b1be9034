//! The lowest point of a function of a few numbers, by Newton's method.
//!
//! A crate for this is either large, or knows no more than the method of Nelder and Mead, which asks hundreds of times where
//! this one asks twenty, and ends with half the digits. The functions here are smooth and tell their slope.

use std::array;

/// A function of so many numbers that tells its value and its slope.
pub(super) trait Surface<const N: usize> {
    fn at(&self, point: &[f64; N]) -> (f64, [f64; N]);
}

/// Why there is no lowest point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// It goes down and down, as far as anybody looked.
    Endless,
    /// A value is no number.
    NoNumber,
}

/// So far out the search is given up.
const FAR: f64 = 11.0;
/// No step is longer than this.
const STRIDE: f64 = 2.0;
const STEPS: u32 = 500;
/// A slope below this is none: the point is then right to some ten digits.
const FLAT: f64 = 1e-11;
/// Over this distance the slope's own slope is measured.
const APART: f64 = 1e-4;

/// Returns the lowest point that is found from a start on. Its numbers are logarithms, so that -11 and 11 are far.
pub(super) fn lowest<const N: usize>(surface: &impl Surface<N>, start: [f64; N]) -> Result<[f64; N], Lost> {
    let mut point = start;
    let (mut value, mut slope) = surface.at(&point);
    // How much of the steepest descent is mixed in: much where the surface is no bowl.
    let mut caution = 1e-3;
    for _ in 0..STEPS {
        if !value.is_finite() || slope.iter().any(|one| !one.is_finite()) {
            return Err(Lost::NoNumber);
        }
        if slope.iter().all(|one| one.abs() < FLAT) {
            break;
        }
        let bend = bend(surface, &point);
        let mut is_lower = false;
        while caution < 1e12 {
            let step = solve(&bend, caution, &slope).map(|step| {
                let longest = step.iter().fold(0.0_f64, |longest, one| longest.max(one.abs()));
                step.map(|one| if longest > STRIDE { one * STRIDE / longest } else { one })
            });
            let next = step.map(|step| array::from_fn(|at| point[at] - step[at]));
            if let Some(next) = next {
                let (there, slope_there) = surface.at(&next);
                if there < value {
                    (point, value, slope) = (next, there, slope_there);
                    caution = (caution * 0.1_f64).max(1e-15);
                    is_lower = true;
                    break;
                }
            }
            caution = (caution * 10.0).max(1e-12);
        }
        if point.iter().any(|one| one.abs() > FAR) {
            return Err(Lost::Endless);
        }
        if !is_lower {
            // The last digit of the value hides what the slope still says.
            break;
        }
    }
    if slope.iter().all(|one| one.abs() < 1e-6) { Ok(point) } else { Err(Lost::Endless) }
}

/// Returns how the slope changes with each number: a symmetric table.
fn bend<const N: usize>(surface: &impl Surface<N>, point: &[f64; N]) -> [[f64; N]; N] {
    let columns: [[f64; N]; N] = array::from_fn(|at| {
        let moved = |by: f64| {
            let mut moved = *point;
            moved[at] += by;
            surface.at(&moved).1
        };
        let (before, after) = (moved(-APART), moved(APART));
        array::from_fn(|row| (after[row] - before[row]) / (2.0 * APART))
    });
    array::from_fn(|row| array::from_fn(|column| f64::midpoint(columns[column][row], columns[row][column])))
}

/// Solves `(table + caution × its size) × step = slope` (Cholesky); `None` where the table is no bowl's.
fn solve<const N: usize>(table: &[[f64; N]; N], caution: f64, slope: &[f64; N]) -> Option<[f64; N]> {
    let size = (0..N).map(|at| table[at][at].abs()).fold(1e-9, f64::max);
    let mut root = [[0.0; N]; N];
    for row in 0..N {
        for column in 0..=row {
            let known: f64 = (0..column).map(|at| root[row][at] * root[column][at]).sum();
            let whole = table[row][column] + if row == column { caution * size } else { 0.0 };
            root[row][column] = if row == column {
                let square = whole - known;
                if square.is_nan() || square <= 1e-14 * size {
                    return None;
                }
                square.sqrt()
            } else {
                (whole - known) / root[column][column]
            };
        }
    }
    let mut step = *slope;
    for row in 0..N {
        let known: f64 = (0..row).map(|at| root[row][at] * step[at]).sum();
        step[row] = (step[row] - known) / root[row][row];
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|at| root[at][row] * step[at]).sum();
        step[row] = (step[row] - known) / root[row][row];
    }
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The valley of Rosenbrock, which is bent.
    struct Valley;

    impl Surface<2> for Valley {
        fn at(&self, [x, y]: &[f64; 2]) -> (f64, [f64; 2]) {
            let off = y - x * x;
            ((1.0 - x).powi(2) + 100.0 * off * off, [-2.0 * (1.0 - x) - 400.0 * x * off, 200.0 * off])
        }
    }

    struct Slide;

    impl Surface<1> for Slide {
        fn at(&self, [x]: &[f64; 1]) -> (f64, [f64; 1]) {
            ((-x).exp(), [-(-x).exp()])
        }
    }

    struct Hole;

    impl Surface<1> for Hole {
        fn at(&self, [x]: &[f64; 1]) -> (f64, [f64; 1]) {
            (x.ln(), [1.0 / x])
        }
    }

    #[test]
    fn the_lowest_point_of_a_bent_valley_is_found() {
        let [x, y] = lowest(&Valley, [-1.2, 1.0]).unwrap();
        assert!((x - 1.0).abs() < 1e-9 && (y - 1.0).abs() < 1e-9, "{x} {y}");
    }

    #[test]
    fn where_there_is_none_that_is_said() {
        assert_eq!(lowest(&Slide, [0.0]), Err(Lost::Endless));
        assert_eq!(lowest(&Hole, [-1.0]), Err(Lost::NoNumber));
    }
}
