//! What a campaign does, beside what would happen without it: those who were mailed against those who were held out.

use serde_json::{Value, json};

use super::funnel::Revenue;
use super::json::rounded;
use super::percent::percent;
use super::sheet::revenue;
use crate::decide::look::CONFIDENCE;
use crate::model::money::Money;
use crate::model::plain::grouped;
use crate::stats::{self, Count, Sample};

/// Both groups of those who entered while as many were held out as are now. Each person counts once, by the first time that they
/// entered, and not before their time to reach the goal is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holdout {
    pub hundredths: u32,
    /// How many, and how many of them reached the goal in its time, also after they had left.
    pub mailed: Count,
    pub held_out: Count,
    /// Who still has time, in both groups.
    pub unripe: u64,
    /// What they bought in that time; `None` where nobody asked.
    pub bought: Option<Bought>,
}

/// What both groups bought, whatever mail came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bought {
    pub mailed: Spent,
    pub held_out: Spent,
}

/// What one group bought.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    pub all: Revenue,
    /// How many of them bought anything.
    pub buyers: u64,
    /// What each person spent, those who bought nothing among them.
    pub each: Sample,
}

/// Of fewer buyers in a group nothing is said of what a person spends.
const BUYERS: u64 = 10;

/// By how much those who were mailed do more, and between what that lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    pub by: f64,
    pub low: f64,
    pub high: f64,
}

impl Lift {
    /// Says whether it is more than chance: up or down.
    pub(super) fn is_clear(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// Says whether it goes up, and by how much it goes in its direction.
    pub(super) fn directed(self) -> (bool, Self) {
        if self.by < 0.0 { (false, Self { by: -self.by, low: -self.high, high: -self.low }) } else { (true, self) }
    }

    /// Says so, as the end of a sentence.
    fn verdict(self) -> &'static str {
        if self.is_clear() { "which is more than chance" } else { "which may be chance" }
    }
}

impl From<(f64, (f64, f64))> for Lift {
    fn from((by, (low, high)): (f64, (f64, f64))) -> Self {
        Self { by, low, high }
    }
}

impl Spent {
    /// Adds what one person bought.
    pub fn add(&mut self, purchases: u64, amount: Money) {
        self.all.purchases += purchases;
        self.all.amount += amount;
        self.buyers += 1;
        self.each.add(amount.as_f64());
    }

    /// Adds those who bought nothing, so that it is of so many people.
    pub fn fill(&mut self, people: u64) {
        self.each.add_nothings(people.saturating_sub(self.each.of()));
    }
}

impl Bought {
    /// Returns by how much more a person spends who is mailed; `None` while a group is empty.
    pub fn by(&self) -> Option<f64> {
        Some(self.mailed.each.mean()? - self.held_out.each.mean()?)
    }

    /// Returns the same, and between what it lies; `None` where too few have bought to tell.
    pub fn lift(&self) -> Option<Lift> {
        if self.mailed.buyers.min(self.held_out.buyers) < BUYERS {
            return None;
        }
        stats::mean_difference(self.mailed.each, self.held_out.each, CONFIDENCE).map(Lift::from)
    }

    /// Says whether mailed people spend more, or less, by more than chance.
    ///
    /// Most people buy nothing and a few buy much. Of a small group that happened to buy little the interval of means is far too
    /// sure; so the share of those who bought at all has to tell the groups apart as well, which it does by chance in one of twenty
    /// cases at most.
    pub(super) fn is_clear(&self) -> bool {
        let share = |group: Spent| Count { hits: group.buyers, of: group.each.of() };
        let of_buyers = stats::difference(share(self.mailed), share(self.held_out), CONFIDENCE).map(Lift::from);
        let clear = |lift: &Lift| lift.is_clear();
        let both = self.lift().filter(clear).zip(of_buyers.filter(clear));
        both.is_some_and(|(money, buyers)| (money.by > 0.0) == (buyers.by > 0.0))
    }

    /// Says whether there is anything to show: events that say no amount are counted by the goal already.
    pub fn is_told(&self) -> bool {
        self.mailed.all.is_told() || self.held_out.all.is_told()
    }
}

impl Holdout {
    /// Returns by how much the campaign raises the share of goals; `None` while a group is empty.
    pub fn lift(&self) -> Option<Lift> {
        stats::difference(self.mailed, self.held_out, CONFIDENCE).map(Lift::from)
    }

    /// Says whether anybody has reached the goal, so that there is something to compare.
    pub(super) fn has_goals(&self) -> bool {
        self.mailed.hits + self.held_out.hits > 0
    }
}

/// Returns what is said of it.
pub(super) fn parts(holdout: &Holdout) -> Vec<String> {
    if holdout.mailed.of + holdout.held_out.of == 0 {
        return vec![match holdout.unripe {
            0 => format!("nobody has entered since {} % are held out", holdout.hundredths),
            some => format!("{} entered, who all have time left to reach the goal", grouped(some)),
        }];
    }
    let group = |count: Count, what: &str| {
        let rate = percent(count.share()).map(|rate| format!(" ({rate})")).unwrap_or_default();
        format!("{} {what}, {} to the goal{rate}", grouped(count.of), grouped(count.hits))
    };
    let mut parts = vec![group(holdout.mailed, "mailed"), group(holdout.held_out, "held out")];
    if let Some(lift) = holdout.lift().filter(|_| holdout.has_goals()) {
        let [by, low, high] = [lift.by, lift.low, lift.high].map(|share| 100.0 * share);
        parts.push(format!("lift {by:.1} points ({low:.1} to {high:.1})"));
        parts.push(lift.verdict().to_owned());
    }
    if holdout.unripe > 0 {
        parts.push(format!("{} more have time left", grouped(holdout.unripe)));
    }
    parts
}

/// Returns it for programs.
pub(super) fn json(holdout: &Holdout, currency: Option<&str>) -> Value {
    let group = |count: Count, spent: Option<Spent>| {
        let between = count.interval(CONFIDENCE).map(|(low, high)| [rounded(Some(low)), rounded(Some(high))]);
        json!({
            "entered": count.of, "goal": count.hits, "goal_rate": rounded(count.share()), "goal_rate_between": between,
            "bought": spent.map(|spent| revenue::json(spent.all, currency)),
            "buyers": spent.map(|spent| spent.buyers),
            "bought_each": spent.and_then(|spent| spent.each.mean()).map(|mean| Money::near(mean, currency).to_string()),
        })
    };
    let of_goals = |lift: Lift| {
        let [by, low, high] = [lift.by, lift.low, lift.high].map(|share| rounded(Some(share)));
        json!({ "difference": by, "between": [low, high], "confidence": CONFIDENCE, "is_clear": lift.is_clear() })
    };
    let (bought, money) = (holdout.bought, |amount| Money::near(amount, currency).to_string());
    let of_money = |bought: Bought| {
        let between = bought.lift().map(|lift| [money(lift.low), money(lift.high)]);
        let difference = money(bought.by()?);
        Some(json!({
            "difference": difference, "between": between, "confidence": CONFIDENCE, "is_clear": bought.is_clear(),
        }))
    };
    json!({
        "share": f64::from(holdout.hundredths) / 100.0,
        "mailed": group(holdout.mailed, bought.map(|bought| bought.mailed)),
        "held_out": group(holdout.held_out, bought.map(|bought| bought.held_out)),
        "have_time_left": holdout.unripe,
        "lift": holdout.lift().map(of_goals),
        "lift_of_revenue": bought.and_then(of_money),
    })
}
