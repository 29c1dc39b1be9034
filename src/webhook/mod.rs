//! Calling a web address, and what the other side said: how an SMS gateway, Zalo or a CRM is reached.
//!
//! A call may be made again, after a time-out or a dead run, and carries the same `Idempotency-Key`
//! each time, so that the other side can tell. Must not know: contacts, campaigns, the store.

mod http;
mod visit;

use std::time::Duration;

pub use http::Http;
pub use visit::{Page, Visitor};

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
    /// The same on each attempt.
    pub idempotency_key: String,
    pub timeout: Duration,
}

/// What became of a call. Each reason is one bounded line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx.
    Done,
    /// No answer, or one that says "not now" (408, 425, 429, 5xx); perhaps with how long to wait.
    Deferred { reason: String, after: Option<Duration> },
    /// Any other answer: it will not be different the next time.
    Rejected { reason: String },
}

/// What a call answers whose key or address is wrong: it says nothing about the one contact.
const REFUSED: [u16; 5] = [401, 403, 404, 405, 407];
const UNSET: &str = " is not set in the environment";
/// Of a secret that was pasted with a line end, say: true of everyone.
const INVALID: &str = "the address or a header of the webhook is not valid";

/// Returns the reason why nothing can be called without a variable.
pub fn unset(variable: &str) -> String {
    format!("{variable}{UNSET}")
}

/// Says whether a call was put off for a reason that only a person takes away, so that it is the same for everyone.
pub fn needs_person(reason: &str) -> bool {
    let refused = |status: &u16| {
        let rest = reason.strip_prefix(&format!("HTTP {status}"));
        rest.is_some_and(|said| said.is_empty() || said.starts_with(' '))
    };
    reason == INVALID
        || reason.strip_suffix(UNSET).is_some_and(|name| !name.contains(' '))
        || REFUSED.iter().any(refused)
}

/// Calls web addresses.
pub trait Caller: Sync {
    /// Makes one attempt.
    fn call(&self, request: &Request) -> Answer;
}

/// Calls nobody and says it did: for a dry run.
#[derive(Debug)]
pub struct Nobody;

impl Caller for Nobody {
    fn call(&self, _: &Request) -> Answer {
        Answer::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_time_does_not_mend_needs_a_person() {
        for reason in [unset("CRM_KEY").as_str(), "HTTP 401", "HTTP 403 wrong key", "HTTP 404 no such page", INVALID] {
            assert!(needs_person(reason), "{reason}");
        }
        for reason in ["HTTP 503 busy", "HTTP 429", "HTTP 4010", "no answer within 2 s", "given back"] {
            assert!(!needs_person(reason), "{reason}");
        }
    }
}
