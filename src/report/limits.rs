//! How often the readers of a mail leave or complain, beside what mailbox providers allow.
//!
//! Gmail asks senders to keep the rate of complaints below 0.1 % and never to let it reach 0.3 %
//! (<https://support.google.com/mail/answer/81126>); Yahoo asks for less than 0.3 %
//! (<https://senders.yahooinc.com/best-practices/>). Of people who leave by the proper way there is no such limit.

use super::{CONFIDENCE, Funnel, StepRow};
use crate::model::reaction::Reaction;
use crate::stats::{self, Count};

/// What is to be kept below, and what is never to be reached, as shares of 1.
pub(super) const LIMITS: [f64; 2] = [0.001, 0.003];

/// Where a rate of complaints stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Surely below both limits.
    Below,
    /// Neither seen above a limit nor surely below: so few mails tell nothing.
    Open,
    /// Above the limit of this place, which may be chance.
    PerhapsAbove(usize),
    /// Above the limit of this place by more than chance.
    Above(usize),
}

impl Standing {
    /// Returns the word for it that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::Open => "open",
            Self::PerhapsAbove(_) => "perhaps_above",
            Self::Above(_) => "above",
        }
    }

    /// Returns the limit that it is about.
    pub fn limit(self) -> f64 {
        match self {
            Self::Below | Self::Open => LIMITS[0],
            Self::PerhapsAbove(at) | Self::Above(at) => LIMITS[at],
        }
    }
}

/// How many of a step's mails something came of, and between what the true share lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub count: Count,
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

/// How often people leave and complain by one mail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaving {
    /// The place of the step.
    pub step: usize,
    pub unsubscribed: Rate,
    pub complained: Rate,
    pub standing: Standing,
}

/// Returns the same for each mail that left. All intervals of a campaign hold together.
pub(super) fn leaving(funnel: &Funnel) -> Vec<Leaving> {
    let is_told = |step: &&StepRow| step.is_mail() && step.sent > 0;
    let confidence = stats::of_comparisons(CONFIDENCE, funnel.steps.iter().filter(is_told).count());
    let each = funnel.steps.iter().enumerate().filter(|(_, step)| is_told(step));
    each.filter_map(|(at, step)| {
        let complained = rate(step, Reaction::Complained, confidence)?;
        Some(Leaving {
            step: at,
            unsubscribed: rate(step, Reaction::Unsubscribed, confidence)?,
            complained,
            standing: standing(complained),
        })
    })
    .collect()
}

fn rate(step: &StepRow, reaction: Reaction, confidence: f64) -> Option<Rate> {
    // What came of a mail that a copy which was put back does not know counts as well.
    let count = Count { hits: step.reactions.of(reaction).min(step.sent), of: step.sent };
    let (low, high) = count.exact_interval(confidence)?;
    Some(Rate { count, share: count.share()?, low, high })
}

fn standing(rate: Rate) -> Standing {
    let highest = |is_above: &dyn Fn(f64) -> bool| (0..LIMITS.len()).rev().find(|at| is_above(LIMITS[*at]));
    if let Some(at) = highest(&|limit| rate.low > limit) {
        return Standing::Above(at);
    }
    match highest(&|limit| rate.share > limit) {
        Some(at) => Standing::PerhapsAbove(at),
        None if rate.high < LIMITS[0] => Standing::Below,
        None => Standing::Open,
    }
}
