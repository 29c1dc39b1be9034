//! How often customers buy, and whether they still do: the BG/NBD model (Fader, Hardie and Lee, "Counting your customers" the
//! easy way, Marketing Science 24 (2005), 275-284).
//!
//! While somebody is a customer they buy at random, at a rate of their own; after each purchase they may turn away for ever,
//! with a chance of their own. The rates are spread as a gamma distribution over the people, the chances as a beta distribution.

use std::collections::HashMap;
use std::fmt;

use statrs::function::beta::ln_beta;
use statrs::function::gamma::{digamma, ln_gamma};

use super::hyper::hyp2f1;
use super::newton::{Lost, Surface, lowest};

/// Fewer customers, and fewer of them who bought again, say nothing about how people differ.
const CUSTOMERS: u64 = 50;
const RETURNED: u64 = 20;
/// A distribution of chances this steep, or this far at its ends, is one of people who are all alike.
const ALIKE: f64 = 1_000.0;
/// So near to 1 the formula of what is expected loses its digits.
const POLE: f64 = 1e-5;

/// What is known of how often somebody bought, in whole units of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rhythm {
    /// Purchases after the first one; several in one unit of time are one.
    pub repeats: u32,
    /// From the first purchase to the last one.
    pub last: u32,
    /// From the first purchase to the present.
    pub age: u32,
}

/// The shape of the rates (`r`, and `alpha` in units of time) and that of the chances to turn away (`a`, `b`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buying {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

/// Why customers tell nothing about the people to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// So many customers, of whom so many are needed.
    Few(u64, u64),
    /// So many who bought again, of whom so many are needed.
    FewReturned(u64, u64),
    NobodyReturned,
    /// The nearer the numbers come to what was seen, the less of a difference between people they leave.
    Alike,
    /// What they spend varies so much that it has no average.
    NoAverage,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few(found, needed) => {
                write!(f, "so far {found} of the {needed} customers that it takes bought anything")
            }
            Self::FewReturned(found, needed) => {
                write!(f, "so far {found} of the {needed} customers that it takes came back on another day")
            }
            Self::NobodyReturned => f.write_str("nobody ever came back on another day"),
            Self::Alike => f.write_str("the customers are too much alike to tell one kind of them from another"),
            Self::NoAverage => f.write_str("what they spend varies so much that it has no average"),
        }
    }
}

impl From<Lost> for Unfit {
    fn from(_: Lost) -> Self {
        Self::Alike
    }
}

/// Customers by what is known of them; of many, many are the same.
#[derive(Debug, Default)]
pub struct Crowd {
    number: HashMap<Rhythm, u32>,
}

impl Crowd {
    /// Counts one more customer.
    pub fn add(&mut self, rhythm: Rhythm) {
        *self.number.entry(rhythm).or_default() += 1;
    }

    /// Returns the model under which what was seen is the likeliest.
    pub fn fit(&self) -> Result<Buying, Unfit> {
        let customers: u64 = self.number.values().map(|number| u64::from(*number)).sum();
        let returned: u64 =
            self.number.iter().filter(|(one, _)| one.repeats > 0).map(|(_, number)| u64::from(*number)).sum();
        match (customers, returned) {
            (few, _) if few < CUSTOMERS => return Err(Unfit::Few(few, CUSTOMERS)),
            (_, 0) => return Err(Unfit::NobodyReturned),
            (_, few) if few < RETURNED => return Err(Unfit::FewReturned(few, RETURNED)),
            _ => {}
        }
        let likelihood = Likelihood::new(self);
        let [r, alpha, a, b] = lowest(&likelihood, [-0.5, -0.5, -0.2, 0.7])?.map(f64::exp);
        // Of such a share hardly any, or nearly all, turn away after each purchase, and nobody differs from anybody.
        if [a, b].iter().any(|shape| !(1.0 / ALIKE..ALIKE).contains(shape)) {
            return Err(Unfit::Alike);
        }
        Ok(Buying { r, alpha: alpha * likelihood.scale, a, b })
    }

    /// Returns the logarithm of how likely what was seen is under a model.
    pub fn log_likelihood(&self, model: &Buying) -> f64 {
        let likelihood = Likelihood::new(self);
        let Buying { r, alpha, a, b } = *model;
        let (value, _) = likelihood.at(&[r, alpha / likelihood.scale, a, b].map(f64::ln));
        // Of purchases per unit of time, not of the unit that is computed in.
        -value * likelihood.customers - likelihood.repeats * likelihood.scale.ln()
    }
}

/// The likelihood of a crowd, per customer and with the sign turned, over the logarithms of the four numbers.
struct Likelihood {
    /// By repeats, then the rest.
    groups: Vec<(Rhythm, f64)>,
    customers: f64,
    /// All of them.
    repeats: f64,
    /// The average age, which is the unit of time here.
    scale: f64,
    /// The longest age.
    longest: u32,
}

impl Likelihood {
    fn new(crowd: &Crowd) -> Self {
        let mut groups: Vec<(Rhythm, f64)> =
            crowd.number.iter().map(|(one, number)| (*one, f64::from(*number))).collect();
        groups.sort_by_key(|(one, _)| *one);
        let customers: f64 = groups.iter().map(|(_, number)| number).sum();
        let ages: f64 = groups.iter().map(|(one, number)| f64::from(one.age) * number).sum();
        Self {
            customers,
            repeats: groups.iter().map(|(one, number)| f64::from(one.repeats) * number).sum(),
            scale: (ages / customers).max(1.0),
            longest: groups.iter().map(|(one, _)| one.age.max(one.last)).max().unwrap_or(0),
            groups,
        }
    }
}

/// What depends on the number of repeats alone.
struct OfRepeats {
    repeats: u32,
    value: f64,
    /// Towards r, a and b.
    slope: [f64; 3],
}

impl OfRepeats {
    fn new(repeats: u32, [r, alpha, a, b]: [f64; 4]) -> Self {
        let x = f64::from(repeats);
        if repeats == 0 {
            return Self { repeats, value: r * alpha.ln(), slope: [alpha.ln(), 0.0, 0.0] };
        }
        let both = digamma(a + b) - digamma(a + b + x);
        Self {
            repeats,
            value: ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln() + ln_beta(a, b + x) - ln_beta(a, b),
            slope: [digamma(r + x) - digamma(r) + alpha.ln(), both, both + digamma(b + x) - digamma(b)],
        }
    }
}

impl Surface<4> for Likelihood {
    fn at(&self, point: &[f64; 4]) -> (f64, [f64; 4]) {
        let numbers @ [r, alpha, a, b] = point.map(f64::exp);
        // Each length of time occurs in many groups.
        let logarithms: Vec<f64> = (0..=self.longest).map(|time| (alpha + f64::from(time) / self.scale).ln()).collect();
        let inverse = |time: u32| (alpha + f64::from(time) / self.scale).recip();
        let of = |time: u32| logarithms.get(time as usize).copied().unwrap_or(f64::NAN);
        let (mut value, mut slope) = (0.0, [0.0; 4]);
        let mut shared = OfRepeats::new(0, numbers);
        for (Rhythm { repeats, last, age }, number) in &self.groups {
            if *repeats != shared.repeats {
                shared = OfRepeats::new(*repeats, numbers);
            }
            let x = f64::from(*repeats);
            let present = of(*age);
            let stays = -(r + x) * present;
            if *repeats == 0 {
                value += number * (shared.value + stays);
                slope[0] += number * (shared.slope[0] - present);
                slope[1] += number * (r / alpha - r * inverse(*age));
                continue;
            }
            let then = of(*last);
            let left = a.ln() - (b + x - 1.0).ln() - (r + x) * then;
            // The chance, by this model, that the last purchase was the last for ever.
            let gone = ((stays - left).exp() + 1.0).recip();
            let either = stays.max(left) + (-(stays - left).abs()).exp().ln_1p();
            value += number * (shared.value + either);
            slope[0] += number * (shared.slope[0] - (1.0 - gone) * present - gone * then);
            slope[1] += number * (r / alpha - (r + x) * ((1.0 - gone) * inverse(*age) + gone * inverse(*last)));
            slope[2] += number * (shared.slope[1] + gone / a);
            slope[3] += number * (shared.slope[2] - gone / (b + x - 1.0));
        }
        let towards = std::array::from_fn(|at| -slope[at] * numbers[at] / self.customers);
        (-value / self.customers, towards)
    }
}

impl Buying {
    /// Returns the chance that somebody is still a customer. By this model nobody turns away before a second purchase.
    pub fn alive(&self, one: Rhythm) -> f64 {
        if one.repeats == 0 {
            return 1.0;
        }
        let x = f64::from(one.repeats);
        let waited = (self.alpha + f64::from(one.age)).ln() - (self.alpha + f64::from(one.last)).ln();
        let odds = (self.a / (self.b + x - 1.0)).ln() + (self.r + x) * waited;
        (odds.exp() + 1.0).recip()
    }

    /// Returns how many purchases somebody makes in so much time from now on, on average.
    pub fn expected(&self, one: Rhythm, ahead: f64) -> f64 {
        if (self.a - 1.0).abs() < POLE {
            // The function has no edge there, only its formula has.
            let beside = |a: f64| Self { a, ..*self }.expected(one, ahead);
            return f64::midpoint(beside(1.0 - 2.0 * POLE), beside(1.0 + 2.0 * POLE));
        }
        let Self { r, a, b, .. } = *self;
        let x = f64::from(one.repeats);
        let past = self.alpha + f64::from(one.age);
        let (power, rest) = hyp2f1(r + x, b + x, a + b + x - 1.0, ahead / (past + ahead));
        let share = (past / (past + ahead)).powf(r + x + power) * rest;
        ((a + b + x - 1.0) / (a - 1.0) * (1.0 - share) * self.alive(one)).max(0.0)
    }
}
