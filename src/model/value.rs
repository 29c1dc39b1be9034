//! What a customer is worth: how lately, how often and for how much they bought, and what the model of all customers
//! together says of the time to come.
//!
//! Everything here is a function of a contact's purchases, the kept model and the day in the project's zone: it changes at
//! midnight, and not between.

use std::fmt;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::condition::Condition;
use super::event::Event;
use super::score::Score;
use super::terms::{Purchases, Terms};
use super::{Instant, wall};
use crate::stats::{Buying, Rhythm, Spending, Spent};

/// What the settings say of it, and the model that the store keeps.
#[derive(Clone, PartialEq)]
pub struct Valuation {
    /// So many days ahead looks what is expected.
    pub ahead: u32,
    /// After so many days the model is made anew; `None`: by hand alone.
    pub refit: Option<u32>,
    /// Whether the settings ask for it, whatever conditions do.
    pub is_asked: bool,
    /// Whose days are meant.
    pub zone: Tz,
    /// `None` before the first one is made.
    pub model: Option<ValueModel>,
}

impl Default for Valuation {
    fn default() -> Self {
        Self { ahead: 90, refit: Some(7), is_asked: false, zone: Tz::UTC, model: None }
    }
}

/// Without the model, whose changes are not the settings'.
impl fmt::Debug for Valuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Valuation").field("ahead", &self.ahead).field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// What all customers together taught, as of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueModel {
    pub fitted_at: Instant,
    pub as_of: NaiveDate,
    pub customers: u64,
    /// Those of them who bought on more than one day.
    pub returned: u64,
    /// Days with a purchase, of all of them.
    pub purchases: u64,
    /// Or why it cannot be told.
    pub buying: Result<Buying, String>,
    pub spending: Result<Spending, String>,
    /// How far what somebody spends at a purchase goes with how often they buy (-1 to 1); the model takes it for 0.
    pub correlation: Option<f64>,
    /// `None` of fewer customers than there are fifths.
    pub fifths: Option<Fifths>,
}

/// The upper ends of the four lower fifths of all customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Fifths {
    /// Days since the last purchase.
    pub recency: [u32; 4],
    pub frequency: [u32; 4],
    pub monetary: [f64; 4],
}

/// A cell of the three fifths; 5 is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub recency: u8,
    pub frequency: u8,
    pub money: u8,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.recency, self.frequency, self.money)
    }
}

impl Fifths {
    /// Returns the fifths of customers as of a day.
    pub fn of(customers: &[Customer], today: NaiveDate) -> Option<Self> {
        fn edges<T: Copy>(mut all: Vec<T>, order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> Option<[T; 4]> {
            all.sort_unstable_by(order);
            let edge = |fifth: usize| all.get((all.len() * fifth).div_ceil(5).checked_sub(1)?).copied();
            Some([edge(1)?, edge(2)?, edge(3)?, edge(4)?])
        }
        if customers.len() < 5 {
            return None;
        }
        Some(Self {
            recency: edges(customers.iter().map(|one| one.recency(today)).collect(), Ord::cmp)?,
            frequency: edges(customers.iter().map(|one| one.days).collect(), Ord::cmp)?,
            monetary: edges(customers.iter().map(|one| one.total).collect(), f64::total_cmp)?,
        })
    }

    /// Returns the cell of a customer.
    pub fn cell(&self, one: &Customer, today: NaiveDate) -> Cell {
        fn above<T: PartialOrd>(edges: &[T; 4], value: &T) -> u8 {
            edges.iter().fold(0, |number, edge| number + u8::from(value > edge))
        }
        Cell {
            recency: 5 - above(&self.recency, &one.recency(today)),
            frequency: 1 + above(&self.frequency, &one.days),
            money: 1 + above(&self.monetary, &one.total),
        }
    }
}

/// Somebody's purchases, as far as they count here: several of one day are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Customer {
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// Days with a purchase.
    pub days: u32,
    /// What they paid in all.
    pub total: f64,
    /// The days after the first one on which they paid anything, and how much on those.
    pub repeats: Spent,
    /// What they paid on the last day.
    of_last: f64,
}

impl Customer {
    /// Begins with the first purchase.
    pub fn new(day: NaiveDate, amount: Option<f64>) -> Self {
        let amount = amount.unwrap_or(0.0);
        let repeats = Spent { purchases: 0, total: 0.0 };
        Self { first: day, last: day, days: 1, total: amount, repeats, of_last: amount }
    }

    /// Adds a purchase that came after the others.
    pub fn add(&mut self, day: NaiveDate, amount: Option<f64>) {
        let amount = amount.unwrap_or(0.0);
        self.total += amount;
        // Where clocks go back over midnight a day may seem to come after its next one.
        if day > self.last {
            (self.last, self.of_last) = (day, 0.0);
            self.days = self.days.saturating_add(1);
        }
        if self.last > self.first {
            self.pay(-1);
            self.of_last += amount;
            self.pay(1);
        } else {
            self.of_last += amount;
        }
    }

    /// Counts the last day among those that were paid on, or takes it out again.
    fn pay(&mut self, sign: i32) {
        if self.of_last > 0.0 {
            self.repeats.purchases = self.repeats.purchases.saturating_add_signed(sign);
            self.repeats.total += f64::from(sign) * self.of_last;
        }
    }

    /// Gathers the purchases among a contact's events, oldest first; `None` where there is none.
    pub fn of(history: &[Event], purchases: &Purchases, zone: Tz, now: Instant) -> Option<Self> {
        let mut found: Option<Self> = None;
        for event in history.iter().filter(|event| event.name == purchases.event && event.at <= now) {
            let (day, amount) = (wall::wall(event.at, zone).date(), purchases.amount_of(event));
            match &mut found {
                Some(one) => one.add(day, amount),
                None => found = Some(Self::new(day, amount)),
            }
        }
        found
    }

    /// Returns how many days ago the last purchase was.
    pub fn recency(&self, today: NaiveDate) -> u32 {
        days(self.last, today)
    }

    /// Returns what the model of buying looks at.
    pub fn rhythm(&self, today: NaiveDate) -> Rhythm {
        Rhythm {
            repeats: self.days - 1,
            last: days(self.first, self.last),
            age: days(self.first, today.max(self.last)),
        }
    }
}

fn days(from: NaiveDate, to: NaiveDate) -> u32 {
    u32::try_from((to - from).num_days()).unwrap_or(0)
}

/// One of the numbers of a customer, as conditions name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    PAlive,
    ExpectedPurchases,
    ExpectedValue,
    Frequency,
    Recency,
    Monetary,
    Rfm,
}

/// What a measure is for somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    Whole(u32),
    Number(f64),
    Cell(Cell),
}

impl Measure {
    pub const ALL: [(Self, &str); 7] = [
        (Self::PAlive, "p_alive"),
        (Self::ExpectedPurchases, "expected_purchases"),
        (Self::ExpectedValue, "expected_value"),
        (Self::Frequency, "frequency"),
        (Self::Recency, "recency"),
        (Self::Monetary, "monetary"),
        (Self::Rfm, "rfm"),
    ];

    /// Returns the measure that a condition means by `contact.NAME`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(measure, _)| *measure)
    }

    /// Says whether it takes the model of all customers.
    pub fn needs_model(self) -> bool {
        matches!(self, Self::PAlive | Self::ExpectedPurchases | Self::ExpectedValue | Self::Rfm)
    }

    /// Says whether it changes from one day to the next without anybody doing anything.
    pub fn changes_daily(self) -> bool {
        !matches!(self, Self::Frequency | Self::Monetary)
    }

    /// Returns what it is for a contact on a day; `None` where there is nothing to be said.
    pub fn of(self, customer: Option<&Customer>, terms: &Terms, today: NaiveDate) -> Option<Measured> {
        let Some(one) = customer else {
            // Whoever never bought bought on no day, and for nothing.
            return match self {
                Self::Frequency => Some(Measured::Whole(0)),
                Self::Monetary => Some(Measured::Number(0.0)),
                _ => None,
            };
        };
        let model = terms.value.model.as_ref();
        Some(match self {
            Self::Frequency => Measured::Whole(one.days),
            Self::Recency => Measured::Whole(one.recency(today)),
            Self::Monetary => Measured::Number(one.total),
            Self::Rfm => Measured::Cell(model?.fifths.as_ref()?.cell(one, today)),
            Self::PAlive => Measured::Number(model?.alive(one, today)?),
            Self::ExpectedPurchases => Measured::Number(model?.expected_purchases(one, today, terms.value.ahead)?),
            Self::ExpectedValue => Measured::Number(model?.expected_value(one, today, terms.value.ahead)?),
        })
    }
}

impl Terms {
    /// Returns what a purchase is, in words: a model of other purchases is none of these.
    pub fn purchases_are(&self) -> String {
        let Purchases { event, amount, .. } = &self.purchases;
        format!("{event}, {amount}, {}", self.value.zone)
    }

    /// Says whether a condition asks what somebody is worth, by itself or by what it names.
    pub fn takes_measures(&self, condition: &Condition) -> bool {
        self.takes(condition, |_| true, DEEPEST)
    }

    /// Says whether a condition takes the model of all customers, by itself or by what it names.
    pub fn takes_model(&self, condition: &Condition) -> bool {
        self.takes(condition, Measure::needs_model, DEEPEST)
    }

    fn takes(&self, condition: &Condition, wanted: fn(Measure) -> bool, depth: u8) -> bool {
        let scored = self.score.iter().filter(|_| condition.reads_score()).flat_map(Score::conditions);
        let staged = self.stages.iter().filter(|_| condition.reads_stage()).map(|stage| &stage.condition);
        let mut named = condition.segments().filter_map(|name| self.segments.get(name)).chain(scored).chain(staged);
        condition.measures().any(wanted) || depth > 0 && named.any(|inner| self.takes(inner, wanted, depth - 1))
    }

    /// Returns what changes whenever the settings, or a part of the model that was not there, give measures a meaning.
    pub fn meaning_of_measures(&self) -> String {
        let model = self.value.model.as_ref();
        let parts = model
            .map(|model| (model.buying.is_ok(), model.spending.is_ok(), model.fifths.is_some()))
            .unwrap_or_default();
        format!("{:?}{:?}{parts:?}", self.purchases, self.value)
    }

    /// Returns what changes whenever the model says something else of anybody.
    pub fn model_version(&self) -> String {
        format!("{:?}", self.value.model.as_ref().map(|model| (&model.buying, &model.spending, &model.fifths)))
    }
}

impl ValueModel {
    /// Returns the chance that somebody still is a customer.
    pub fn alive(&self, one: &Customer, today: NaiveDate) -> Option<f64> {
        let buying = self.buying.as_ref().ok()?;
        Some(buying.alive(one.rhythm(today))).filter(|chance| chance.is_finite())
    }

    /// Returns on how many of the days to come somebody buys, on average.
    pub fn expected_purchases(&self, one: &Customer, today: NaiveDate, ahead: u32) -> Option<f64> {
        let buying = self.buying.as_ref().ok()?;
        Some(buying.expected(one.rhythm(today), f64::from(ahead))).filter(|number| number.is_finite())
    }

    /// Returns what somebody spends at a purchase to come, on average.
    pub fn expected_amount(&self, one: &Customer) -> Option<f64> {
        let spending = self.spending.as_ref().ok()?;
        Some(spending.expected(one.repeats)).filter(|amount| amount.is_finite())
    }

    /// Returns what somebody spends in the days to come, on average.
    pub fn expected_value(&self, one: &Customer, today: NaiveDate, ahead: u32) -> Option<f64> {
        Some(self.expected_purchases(one, today, ahead)? * self.expected_amount(one)?)
    }
}

/// Segments, stages and the score name one another no deeper than this.
const DEEPEST: u8 = 16;

/// Returns the first day after `today` for which `is_so` holds, where it holds for every later one as well.
pub(super) fn first_day(today: NaiveDate, is_so: impl Fn(NaiveDate) -> bool) -> Option<NaiveDate> {
    let after = |days: u64| today.checked_add_days(Days::new(days));
    let (mut not_yet, mut so) = (0, FARTHEST);
    if !is_so(after(so)?) {
        return None;
    }
    while so - not_yet > 1 {
        let middle = not_yet.midpoint(so);
        if is_so(after(middle)?) { so = middle } else { not_yet = middle }
    }
    after(so)
}

/// In days: nobody waits longer than a century.
const FARTHEST: u64 = 36_525;
