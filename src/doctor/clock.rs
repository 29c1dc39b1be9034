//! Whether this machine's clock is right: everything that drip does hangs on it.
//!
//! Another machine's clock that agrees is proof, one that does not is a fault of one of the two; this machine's own web server
//! proves nothing by agreeing.

use chrono::{DateTime, TimeDelta};

use super::{Finding, Group};
use crate::model::Instant;

const CHECK: &str = "clock";
/// Networks are slow, and `Date` counts whole seconds.
const UNNOTICED: TimeDelta = TimeDelta::seconds(30);
/// Receivers doubt mails from the future, and signatures too.
const BEARABLE: TimeDelta = TimeDelta::minutes(5);

/// What tells of the clock.
#[derive(Debug, Clone, Default)]
pub struct Clues {
    /// When the latest run was, by the clock of then.
    pub latest_run: Option<Instant>,
    /// What the server of the project's web address says the time is.
    pub elsewhere: Option<Elsewhere>,
    /// Whether the system says that it keeps the clock by others; `None` where it does not say.
    pub is_kept: Option<bool>,
}

/// The time by another clock.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    pub host: String,
    /// By that clock.
    pub says: Instant,
    /// By this machine's, at that moment.
    pub here: Instant,
    /// Whether that is this very machine.
    pub is_here: bool,
}

/// Reads the `Date` of an answer over HTTP.
pub fn date(text: &str) -> Option<Instant> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// Judges the clock by what there is.
pub fn judge(now: Instant, clues: &Clues) -> Finding {
    let set = "set the clock, and keep it: `timedatectl set-ntp true`, or install chrony";
    if let Some(latest) = clues.latest_run.filter(|latest| *latest > now + BEARABLE) {
        let by = (latest - now).num_minutes();
        return Finding::wrong(
            Group::Machine,
            CHECK,
            format!("the latest run was {by} minutes from now, so the clock went back"),
        )
        .advice(set);
    }
    if let Some(Elsewhere { host, says, here, is_here }) = &clues.elsewhere {
        let seconds = (*here - *says).num_seconds();
        let (off, way) = (seconds.abs(), if seconds > 0 { "fast" } else { "slow" });
        let found = format!("this machine is {off} s {way}, by the clock of {host}");
        if (*here - *says).abs() > BEARABLE {
            return Finding::wrong(Group::Machine, CHECK, found).advice(set);
        }
        if (*here - *says).abs() > UNNOTICED {
            return Finding::warning(Group::Machine, CHECK, found).advice(set);
        }
        if !is_here {
            return Finding::fine(Group::Machine, CHECK, format!("it agrees with that of {host}, to {off} s"));
        }
    }
    match clues.is_kept {
        Some(true) => Finding::fine(Group::Machine, CHECK, "the system keeps it by other clocks (NTP)"),
        Some(false) => {
            Finding::warning(Group::Machine, CHECK, "the system does not keep it by any other clock (NTP)").advice(set)
        }
        None => Finding::not_made(
            Group::Machine,
            CHECK,
            "no other machine's clock was at hand, and the system does not say",
        )
        .advice("compare `date -u` with a clock that is right"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::super::Verdict::{self, Fine, NotMade, Warning, Wrong};
    use super::*;

    fn at(text: &str) -> Instant {
        date(text).unwrap()
    }

    #[test]
    fn an_agreeing_clock_counts_where_it_is_another() {
        let now = at("Mon, 02 Mar 2026 09:00:00 GMT");
        let case = |seconds: i64, is_here: bool, is_kept: Option<bool>, verdict: Verdict, said: &str| {
            let says = now - TimeDelta::seconds(seconds);
            let elsewhere = Some(Elsewhere { host: "mail.acme.example".to_owned(), says, here: now, is_here });
            let finding = judge(now, &Clues { elsewhere, is_kept, latest_run: None });
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.found.contains(said), "{finding:?}");
        };
        case(1, false, None, Fine, "agrees with that of mail.acme.example, to 1 s");
        case(-40, false, Some(true), Warning, "40 s slow");
        case(301, false, Some(true), Wrong, "301 s fast");
        case(0, true, None, NotMade, "no other machine's clock");
        case(0, true, Some(true), Fine, "NTP");
        case(0, true, Some(false), Warning, "does not keep it");
        case(-400, true, Some(true), Wrong, "400 s slow");
    }

    #[test]
    fn a_run_from_the_future_tells_that_the_clock_went_back() {
        let now = at("Mon, 02 Mar 2026 09:00:00 GMT");
        let run = |minutes| Clues {
            latest_run: Some(now + TimeDelta::minutes(minutes)),
            is_kept: Some(true),
            elsewhere: None,
        };
        assert_eq!(judge(now, &run(4)).verdict, Fine);
        let finding = judge(now, &run(90));
        assert_eq!(finding.verdict, Wrong);
        assert!(finding.found.contains("90 minutes from now"), "{finding:?}");
    }
}
