//! Not faster than the relay allows: one moment for each mail, shared by all connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::model::settings::Rate;

/// Longer rates are counted in the store, over many runs.
const LONGEST: u32 = 60;
/// How long a run that is to stop may go on sleeping.
const GLANCE: Duration = Duration::from_millis(100);

/// Hands out moments, evenly spaced.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Takes the slowest of the rates of a second and a minute.
    pub(super) fn new(rates: &[Rate]) -> Self {
        let gap = |rate: &Rate| Duration::from_secs(rate.seconds.into()) / rate.mails.max(1);
        let gap = rates.iter().filter(|rate| rate.seconds <= LONGEST).map(gap).max().unwrap_or_default();
        Self { gap, next: Mutex::new(None) }
    }

    /// Says whether mails wait for each other at all.
    pub(super) fn is_held_back(&self) -> bool {
        !self.gap.is_zero()
    }

    /// Waits until the next mail may go; says whether it may, because nothing stopped the run meanwhile.
    pub(super) fn wait(&self, stop: &AtomicBool) -> bool {
        if !self.gap.is_zero() {
            let moment = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                let moment = next.map_or(now, |next| next.max(now));
                *next = Some(moment + self.gap);
                moment
            };
            while !stop.load(Ordering::Acquire) {
                let left = moment.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                sleep(left.min(GLANCE));
            }
        }
        !stop.load(Ordering::Acquire)
    }
}
