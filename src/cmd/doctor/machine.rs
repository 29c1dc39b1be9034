//! The machine: its clock, and what calls drip.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::context::Context;
use super::super::environment;
use super::callers;
use crate::doctor::Finding;
use crate::doctor::clock::{self, Clues, Elsewhere};
use crate::doctor::schedule::{self, Found, Runs};
use crate::model::Instant;
use crate::store::Store;
use crate::ui::words::duration;

/// Looks at clock and cron.
pub(super) fn look(context: &Context, store: Option<&mut Store>, elsewhere: Option<Elsewhere>) -> Vec<Finding> {
    let now = context.now();
    let (runs, latest_run) = store.and_then(|store| runs(store, now)).unwrap_or_default();
    let is_kept = callers::said("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    let is_kept = is_kept.and_then(|text| match text.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    });
    let mut findings = vec![clock::judge(now, &Clues { latest_run, elsewhere, is_kept })];
    let root = fs::canonicalize(&context.root).unwrap_or_else(|_| context.root.clone());
    let (lines, mut places) = callers::cron();
    let (timers, more) = callers::timers();
    places.extend(more);
    let found = Found {
        lines,
        timers,
        places,
        is_project: &|folder| fs::canonicalize(at_home(folder)).is_ok_and(|folder| folder == root),
        is_program: &|path| Path::new(path).is_file(),
        proposal: proposal(&root),
        needs_relay: context.relay_is_of_environment(),
    };
    findings.extend(schedule::judge(&found, &runs, now));
    findings
}

/// Returns what the database knows of runs, and the latest time that any of them saw.
fn runs(store: &mut Store, now: Instant) -> Option<(Runs, Option<Instant>)> {
    let work = store.read().ok()?;
    let last = work.last_run().ok()?;
    let runs = Runs {
        last_good: work.last_good_run().ok()?,
        ago: last.as_ref().map(|run| duration(now - run.latest())),
        stopped: last.and_then(|run| run.stopped),
    };
    Some((runs, work.high_water().ok()?))
}

/// Returns a folder of a command with the home of this user in place of `~`.
fn at_home(folder: &str) -> PathBuf {
    let below = ["~/", "$HOME/"].iter().find_map(|home| folder.strip_prefix(home));
    match (below, environment::variable("HOME")) {
        (Some(below), Some(home)) => Path::new(&home).join(below),
        _ => PathBuf::from(folder),
    }
}

/// Returns the line of a crontab that runs this very program for this project.
fn proposal(root: &Path) -> String {
    let program = std::env::current_exe().map_or_else(|_| "drip".to_owned(), |path| path.display().to_string());
    let quoted = |text: &str| {
        let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c));
        // A `%` ends the command, as far as cron is concerned.
        if is_plain { text.to_owned() } else { format!("'{}'", text.replace('%', "\\%")) }
    };
    format!("*/5 * * * *  {} -q -C {} run", quoted(&program), quoted(&root.display().to_string()))
}
