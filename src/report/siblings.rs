//! Mails of a campaign that do worse than the others of it, and by more than chance.

use super::{CONFIDENCE, Funnel, StepRow};
use crate::model::reaction::Reaction;
use crate::stats::{self, Count};

/// By what mails are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Mails of which a person followed a link.
    Clicks,
    /// Goals that are credited to the mail: where nobody's clicks are known.
    Goals,
}

/// A mail beside its siblings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// The place of the step.
    pub step: usize,
    pub own: Count,
    /// All other mails of the campaign together.
    pub others: Count,
    /// By how much its share is above theirs, and between what that lies.
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    /// Whether all of them had the same chance: goals come to whichever mail is the last for longer.
    pub is_fair: bool,
}

impl Beside {
    /// Says whether it does worse by more than chance.
    pub fn is_weak(&self) -> bool {
        self.is_fair && self.high < 0.0
    }
}

impl Measure {
    /// Returns the word for it that programs read.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Clicks => "clicked",
            Self::Goals => "goal",
        }
    }

    fn of(self, step: &StepRow) -> Count {
        let hits = match self {
            Self::Clicks => step.reactions.of(Reaction::Clicked),
            Self::Goals => step.goal,
        };
        Count { hits: hits.min(step.sent), of: step.sent }
    }
}

/// Compares each mail of a campaign with all others of it together, by clicks where any are known. All intervals hold together,
/// so that among many mails none looks weak by chance.
pub(super) fn beside(funnel: &Funnel) -> (Measure, Vec<Beside>) {
    let sent = || funnel.steps.iter().enumerate().filter(|(_, step)| step.is_mail() && !step.gone && step.sent > 0);
    let is_clicked = sent().any(|(_, step)| step.reactions.of(Reaction::Clicked) > 0);
    let measure = if is_clicked { Measure::Clicks } else { Measure::Goals };
    let add = |sum: Count, one: Count| Count { hits: sum.hits + one.hits, of: sum.of + one.of };
    let all = sent().map(|(_, step)| measure.of(step)).fold(Count { hits: 0, of: 0 }, add);
    let confidence = stats::of_comparisons(CONFIDENCE, sent().count());
    let each = sent().filter_map(|(at, step)| {
        let own = measure.of(step);
        let others = Count { hits: all.hits - own.hits, of: all.of - own.of };
        let (difference, (low, high)) = stats::difference(own, others, confidence)?;
        Some(Beside { step: at, own, others, difference, low, high, is_fair: is_clicked })
    });
    (measure, each.collect())
}
