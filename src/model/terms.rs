//! What a project's settings say that the words of conditions and reports mean.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::delay::Span;
use super::score::Score;
use super::stage::Stage;

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
}

impl Terms {
    /// Says whether there is anything by which contacts stand somewhere.
    pub fn has_standings(&self) -> bool {
        !self.segments.is_empty() || !self.stages.is_empty() || self.score.is_some()
    }

    /// Returns the events that they look at.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let scored = self.score.iter().flat_map(|score| &score.rules).map(|rule| rule.event.as_str());
        scored.chain(self.conditions().flat_map(Condition::events))
    }

    /// Returns every condition among them.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let scored = self.score.iter().flat_map(|score| &score.rules).filter_map(|rule| rule.condition.as_ref());
        self.segments.values().chain(self.stages.iter().map(|stage| &stage.condition)).chain(scored)
    }

    /// Returns what changes whenever a condition may come to mean something else.
    pub fn form(&self) -> String {
        // As it was before there were the others, where there are none.
        let mut form = format!("{:?}", self.segments);
        if let Some(score) = &self.score {
            form += &format!("{score:?}");
        }
        if !self.stages.is_empty() {
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
