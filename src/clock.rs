//! The only reader of the system clock. Everything else takes the time as an argument.

use chrono::{DateTime, SubsecRound, Utc};

use crate::model::Instant;

/// Where the time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Stands still at one instant (`--now`).
    Fixed(Instant),
}

impl Clock {
    /// Returns the time in whole milliseconds, which is what the store keeps.
    pub fn now(self) -> Instant {
        match self {
            Self::System => system(),
            Self::Fixed(instant) => instant,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn system() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
