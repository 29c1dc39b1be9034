//! Tries to break the promise: never twice, never lost, never silently unknown.
//!
//! Each case is a fault, what drip does about it, and a story that brings the fault about and looks. They run as tests
//! do, a few moments of each; what the machine lacks is named and left out:
//!
//! ```text
//! cargo test --test faults                           # the quick part
//! DRIP_FAULTS=all cargo test --test faults           # every moment of each, and nothing left out
//! DRIP_FAULTS=all DRIP_FAULTS_MINUTES=10 cargo test --test faults   # after the quick part: as many as so many minutes allow
//! DRIP_FAULTS=write cargo test --test faults         # the same, and the verdicts into docs/reliability.md
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod all_or_nothing;
mod calendar;
mod case;
mod chosen;
mod clocks;
mod crowd;
mod damaged;
mod disk;
mod document;
mod elsewhere;
mod endless;
mod full_disk;
mod heard;
mod held;
mod killed;
mod links;
mod meanwhile;
mod output;
mod patience;
mod people;
mod power;
mod record;
mod refused;
mod replies;
mod rows;
mod secrets;
mod secured;
mod smuggled;
mod starved;
mod stopped;
mod strace;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "each test target uses its own part")]
mod support;
mod templates;
mod threats;
mod trace;
mod trouble;
mod unanswered;
mod unreachable;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use case::{Case, Effort};
use libtest_mimic::{Arguments, Failed, Trial};

/// Every case, in the order of the document.
fn cases() -> Vec<Case> {
    let rooms = [
        killed::cases(),
        all_or_nothing::cases(),
        chosen::cases(),
        starved::cases(),
        stopped::cases(),
        power::cases(),
        unreachable::cases(),
        secured::cases(),
        refused::cases(),
        unanswered::cases(),
        replies::cases(),
        patience::cases(),
        smuggled::cases(),
        full_disk::cases(),
        held::cases(),
        damaged::cases(),
        meanwhile::cases(),
        clocks::cases(),
        calendar::cases(),
        elsewhere::cases(),
        output::cases(),
        rows::cases(),
        secrets::cases(),
        templates::cases(),
        threats::cases(),
        endless::cases(),
        links::cases(),
        heard::cases(),
    ];
    rooms.into_iter().flatten().collect()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let effort = Effort::asked();
    if effort != Effort::Quick {
        // Each measures what a machine does that has nothing else to do.
        arguments.test_threads.get_or_insert(1);
    }
    let (begun, minutes) = (Instant::now(), Effort::minutes());
    let verdicts = Arc::new(Mutex::new(Vec::new()));
    let trials = cases().into_iter().map(|case| {
        let missing = case.missing();
        let left_out = effort == Effort::Quick && !missing.is_empty();
        let mut name = case.name();
        if left_out {
            name += &format!(" (needs {})", missing.join(", "));
        }
        let verdicts = Arc::clone(&verdicts);
        let story = move || {
            if !missing.is_empty() {
                return Err(Failed::from(format!("this machine lacks {}", missing.join(", "))));
            }
            let is_late = minutes.is_some_and(|minutes| begun.elapsed() > Duration::from_secs(60 * minutes));
            if effort == Effort::All && is_late {
                eprintln!("{} is left to the quick part, for the time is up", case.id);
                return Ok(());
            }
            let seen = (case.story)(effort);
            verdicts.lock().unwrap().push((case.id, seen));
            Ok(())
        };
        Trial::test(name, story).with_ignored_flag(left_out)
    });
    let told = Trial::test("docs/reliability.md tells of every case", || {
        document::check(&cases());
        Ok(())
    });
    let trials = trials.chain((effort != Effort::Write).then_some(told)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if effort == Effort::Write && !conclusion.has_failed() {
        document::write(&cases(), &verdicts.lock().unwrap());
    }
    conclusion.exit_code()
}
