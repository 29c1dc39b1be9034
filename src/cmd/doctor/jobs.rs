//! Work that asks others: side by side, and waited for within bounds.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::doctor::Finding;
use crate::doctor::clock::Elsewhere;

/// What a job came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Came {
    pub(super) findings: Vec<Finding>,
    /// The time by another machine's clock, where one told.
    pub(super) elsewhere: Option<Elsewhere>,
}

impl From<Vec<Finding>> for Came {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, elsewhere: None }
    }
}

/// Something to find out.
pub(super) struct Job {
    /// What is said of it when the time is up.
    late: Vec<Finding>,
    work: Work,
}

enum Work {
    Done(Came),
    ToDo(Box<dyn FnOnce() -> Came + Send>),
}

/// What is said of whatever the time did not suffice for.
pub(super) const LATE: &str = "no answer came in time";

impl Job {
    /// Makes one that takes time; `late` is what is said where it takes too long.
    pub(super) fn new(late: Vec<Finding>, work: impl FnOnce() -> Came + Send + 'static) -> Self {
        Self { late, work: Work::ToDo(Box::new(work)) }
    }

    /// Makes one whose outcome is known.
    pub(super) fn done(findings: Vec<Finding>) -> Self {
        Self { late: Vec::new(), work: Work::Done(findings.into()) }
    }
}

/// Does everything at once, and returns what came of it in the order of the jobs. A job that hangs is left behind.
pub(super) fn all(jobs: Vec<Job>, patience: Duration) -> Vec<Came> {
    let deadline = Instant::now() + patience;
    let (sender, receiver) = mpsc::channel();
    let mut results = Vec::new();
    let mut open = 0;
    for (index, Job { late, work }) in jobs.into_iter().enumerate() {
        match work {
            Work::Done(came) => results.push(came),
            Work::ToDo(work) => {
                results.push(late.into());
                open += 1;
                let sender = sender.clone();
                thread::spawn(move || {
                    // Nobody listens any more when it took too long.
                    let _ = sender.send((index, work()));
                });
            }
        }
    }
    drop(sender);
    while open > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok((index, came)) = receiver.recv_timeout(left) else { break };
        results[index] = came;
        open -= 1;
    }
    results
}
