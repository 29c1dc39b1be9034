//! Calling a web address, and what the other side said: how an SMS gateway, Zalo or a CRM is reached.
//!
//! A call may be made again, after a time-out or a dead run, and carries the same `Idempotency-Key`
//! each time, so that the other side can tell. Must not know: contacts, campaigns, the store.

mod http;

use std::time::Duration;

pub use http::Http;

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
