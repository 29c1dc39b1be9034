//! What a project's settings say that the words of conditions and reports mean.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::delay::Span;
use super::event::Event;
use super::value::Valuation;

/// What words mean that the settings give a meaning to.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Named conditions, for `in_segment(name)`.
    pub segments: BTreeMap<String, Condition>,
    pub purchases: Purchases,
    /// What customers are worth.
    pub value: Valuation,
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
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        Some(number).filter(|number: &f64| number.is_finite())
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
