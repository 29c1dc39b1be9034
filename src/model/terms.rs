//! What a project's settings say that the words of conditions and reports mean.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::delay::Span;

/// What words mean that the settings give a meaning to.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Named conditions, for `in_segment(name)`.
    pub segments: BTreeMap<String, Condition>,
    pub purchases: Purchases,
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
