//! How much customers spend at a purchase: the gamma-gamma model (Fader and Hardie, The gamma-gamma model of monetary
//! value, 2013).
//!
//! What somebody spends varies around an average of their own; the averages vary over the people. How much and how often must
//! have nothing to do with each other.

use statrs::function::gamma::{digamma, ln_gamma};

use super::buying::Unfit;
use super::newton::{Surface, lowest};

/// Fewer who bought again say nothing about how people differ.
const RETURNED: u64 = 20;

/// What somebody spent: at how many purchases, and how much in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    pub purchases: u32,
    /// Above 0.
    pub total: f64,
}

/// The shape of what one person spends (`p`), and that of the averages over the people (`q`, and `v` in money).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    pub p: f64,
    pub q: f64,
    pub v: f64,
}

impl Spending {
    /// Returns the model under which what people spent is the likeliest.
    pub fn fit(mut people: Vec<Spent>) -> Result<Self, Unfit> {
        people.retain(|one| one.purchases > 0 && one.total > 0.0 && one.total.is_finite());
        let returned = people.len() as u64;
        if returned < RETURNED {
            return Err(Unfit::FewReturned(returned, RETURNED));
        }
        people.sort_by(|one, other| one.purchases.cmp(&other.purchases).then(one.total.total_cmp(&other.total)));
        let purchases: f64 = people.iter().map(|one| f64::from(one.purchases)).sum();
        let scale = people.iter().map(|one| one.total).sum::<f64>() / purchases;
        let likelihood = Likelihood::new(&people, scale);
        let [p, q, v] = lowest(&likelihood, [1.5, 1.3, 0.0])?.map(f64::exp);
        if q <= 1.0 {
            return Err(Unfit::NoAverage);
        }
        Ok(Self { p, q, v: v * scale })
    }

    /// Returns what somebody spends at a purchase on average.
    pub fn expected(&self, one: Spent) -> f64 {
        let Self { p, q, v } = *self;
        if one.purchases == 0 {
            return self.average();
        }
        p * (v + one.total) / (p * f64::from(one.purchases) + q - 1.0)
    }

    /// Returns what people spend at a purchase on average.
    pub fn average(&self) -> f64 {
        self.p * self.v / (self.q - 1.0)
    }
}

/// The likelihood of what people spent, per person and with the sign turned, over the logarithms of the three numbers.
struct Likelihood {
    /// Purchases, the total in the unit that is computed in, its logarithm, and how many people.
    groups: Vec<(u32, f64, f64, f64)>,
    people: f64,
}

impl Likelihood {
    /// The people come sorted.
    fn new(people: &[Spent], scale: f64) -> Self {
        let mut groups: Vec<(u32, f64, f64, f64)> = Vec::new();
        for one in people {
            let total = one.total / scale;
            match groups.last_mut() {
                Some((purchases, same, _, number)) if *purchases == one.purchases && same.total_cmp(&total).is_eq() => {
                    *number += 1.0;
                }
                _ => groups.push((one.purchases, total, total.ln(), 1.0)),
            }
        }
        let people = groups.iter().map(|(.., number)| number).sum();
        Self { groups, people }
    }
}

impl Surface<3> for Likelihood {
    fn at(&self, point: &[f64; 3]) -> (f64, [f64; 3]) {
        let numbers @ [p, q, v] = point.map(f64::exp);
        let (mut value, mut slope) = (0.0, [0.0; 3]);
        let of_q = digamma(q);
        let (mut known, mut shared) = (0, [0.0; 3]);
        for (purchases, total, logarithm, number) in &self.groups {
            let px = p * f64::from(*purchases);
            if known != *purchases {
                known = *purchases;
                shared = [ln_gamma(px + q) - ln_gamma(px) - ln_gamma(q) + q * v.ln(), digamma(px + q), digamma(px)];
            }
            let both = (v + total).ln();
            // Without what does not depend on the three: the average's own measure.
            value += number * (shared[0] + px * logarithm - (px + q) * both);
            slope[0] += number * f64::from(*purchases) * (shared[1] - shared[2] + logarithm - both);
            slope[1] += number * (shared[1] - of_q + v.ln() - both);
            slope[2] += number * (q / v - (px + q) / (v + total));
        }
        let towards = std::array::from_fn(|at| -slope[at] * numbers[at] / self.people);
        (-value / self.people, towards)
    }
}
