//! What a project's settings say that the words of conditions and reports mean.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::delay::Span;
use super::event::Event;
use super::money::Money;
use super::score::Score;
use super::stage::Stage;
use super::value::Valuation;

/// What words mean that the settings give a meaning to.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Named conditions, for `in_segment(name)`.
    pub segments: BTreeMap<String, Condition>,
    /// What `score` counts; `None`: nobody has one.
    pub score: Option<Score>,
    /// In the order in which people go through them.
    pub stages: Vec<Stage>,
    pub purchases: Purchases,
    /// What customers are worth.
    pub value: Valuation,
}

impl Terms {
    /// Says whether there is anything by which contacts stand somewhere.
    pub fn has_standings(&self) -> bool {
        !self.segments.is_empty() || !self.stages.is_empty() || self.score.is_some()
    }

    /// Returns the events that they look at, and reports with them.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let bought = self.purchases.event.as_str();
        let scored = self.score.iter().flat_map(|score| &score.rules).map(|rule| rule.event.as_str());
        scored.chain(self.conditions().flat_map(Condition::events)).chain([bought])
    }

    /// Returns every condition among them.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let scored = self.score.iter().flat_map(Score::conditions);
        self.segments.values().chain(self.stages.iter().map(|stage| &stage.condition)).chain(scored)
    }

    /// Returns what changes whenever a condition may come to mean something else, but for what it asks of what customers are
    /// worth.
    pub fn form(&self) -> String {
        self.written(&self.segments.iter().collect(), true, true)
    }

    /// Returns what changes whenever one of these conditions may come to mean something else, by what it names, what that
    /// names in turn, and what customers are worth.
    pub fn form_of<'a>(&'a self, conditions: impl Iterator<Item = &'a Condition>) -> String {
        let mut open: Vec<&Condition> = conditions.collect();
        let mut segments = BTreeMap::new();
        let (mut score, mut stages, mut measures) = (false, false, false);
        while let Some(condition) = open.pop() {
            measures |= condition.measures().next().is_some();
            for (name, named) in condition.segments().filter_map(|name| self.segments.get_key_value(name)) {
                if segments.insert(name, named).is_none() {
                    open.push(named);
                }
            }
            if condition.reads_score() && !std::mem::replace(&mut score, true) {
                open.extend(self.score.iter().flat_map(Score::conditions));
            }
            if condition.reads_stage() && !std::mem::replace(&mut stages, true) {
                open.extend(self.stages.iter().map(|stage| &stage.condition));
            }
        }
        let meaning = if measures { self.meaning_of_measures() } else { String::new() };
        self.written(&segments, score, stages) + &meaning
    }

    fn written(&self, segments: &BTreeMap<&String, &Condition>, score: bool, stages: bool) -> String {
        // As it was before there were the others, where there are none.
        let mut form = format!("{segments:?}");
        if let Some(score) = self.score.as_ref().filter(|_| score) {
            form += &format!("{score:?}");
        }
        if !self.stages.is_empty() && stages {
            form += &format!("{:?}", self.stages);
        }
        form
    }
}

/// Which events bring money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchases {
    pub event: String,
    /// The property of such an event that holds how much.
    pub amount: String,
    /// So long after a mail what is bought may be due to it.
    pub within: Span,
    /// The code of ISO 4217; `None`: amounts are bare numbers.
    pub currency: Option<String>,
}

impl Purchases {
    /// Returns what was paid at a purchase, where a number says it.
    pub fn amount_of(&self, event: &Event) -> Option<f64> {
        Self::amount(event.properties.get(&self.amount)?)
    }

    /// Reads an amount, which other programs may have put into quotes.
    pub fn amount(value: &serde_json::Value) -> Option<f64> {
        Money::read(value).map(Money::as_f64)
    }
}

impl Default for Purchases {
    fn default() -> Self {
        Self {
            event: "purchased".to_owned(),
            amount: "value".to_owned(),
            within: Span { days: 7, seconds: 0 },
            currency: None,
        }
    }
}
