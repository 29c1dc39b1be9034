//! Whether anything calls `drip run` by itself: lines of cron, timers of systemd, and when the last run was.

mod crontab;
mod unit;

use chrono::TimeDelta;

pub use crontab::{Line, lines, passes_over};
pub use unit::{Timer, timer};

use super::{Finding, Group};
use crate::model::Instant;

const CRON: &str = "cron line";
const RUN: &str = "last run";
/// So long may be between two good runs, as in `drip status`: a run a day, and some room.
const IDLE: TimeDelta = TimeDelta::hours(26);
/// Where cron looks where a crontab does not say.
const FOLDERS: &str = "/usr/bin:/bin";

/// What there is to look at.
pub struct Found<'a> {
    pub lines: Vec<Line>,
    pub timers: Vec<Timer>,
    /// Where was looked, for people; empty where there is nothing of the kind on this machine.
    pub places: Vec<String>,
    /// Whether a folder, as it stands in a command, is the project's.
    pub is_project: &'a dyn Fn(&str) -> bool,
    /// Whether a program is there.
    pub is_program: &'a dyn Fn(&str) -> bool,
    /// The line that would do it.
    pub proposal: String,
    /// Whether the relay is known from the environment of this command alone.
    pub needs_relay: bool,
}

/// What the database knows of runs.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    /// When the last run ended that did all there was to do.
    pub last_good: Option<Instant>,
    /// What stopped the last run.
    pub stopped: Option<String>,
    /// When the last run was, in words.
    pub ago: Option<String>,
}

/// Judges what calls `drip run`.
pub fn judge(found: &Found<'_>, runs: &Runs, now: Instant) -> Vec<Finding> {
    let is_recent = runs.last_good.is_some_and(|at| now - at <= IDLE);
    vec![caller(found, is_recent), last_run(runs, is_recent)]
}

fn caller(found: &Found<'_>, is_recent: bool) -> Finding {
    let mut passed_over = None;
    for line in &found.lines {
        let calls = crontab::calls(&line.command);
        let ours = |call: &&crontab::Call| call.folder.as_deref().is_some_and(|folder| (found.is_project)(folder));
        let Some(call) = calls.iter().find(ours) else { continue };
        let Line { place, when, .. } = line;
        if line.is_passed_over {
            passed_over = passed_over.or(Some(place));
            continue;
        }
        let folders = line.path.as_deref().unwrap_or(FOLDERS);
        if !is_there(found, call, folders) {
            let looked = if call.program.contains('/') { String::new() } else { format!(" in {folders}") };
            let what = format!("{place} calls `{}` at `{when}`, and cron finds no such program{looked}", call.program);
            return Finding::wrong(Group::Machine, CRON, what)
                .advice(format!("write it with its folder: {}", found.proposal));
        }
        if found.needs_relay && !line.has_relay {
            return Finding::warning(
                Group::Machine,
                CRON,
                format!("{place} runs drip at `{when}`, and DRIP_SMTP_URL, which is set here, is not set there"),
            )
            .advice("write DRIP_SMTP_URL=… above the line: without it those runs write to outbox/");
        }
        return Finding::fine(Group::Machine, CRON, format!("{place} runs drip at `{when}`"));
    }
    let ours = || found.timers.iter().filter(|timer| timer.runs(found.is_project));
    if let Some(timer) = ours().find(|timer| timer.is_enabled).or_else(|| ours().next()) {
        let Timer { name, when, .. } = timer;
        if !timer.is_enabled {
            return Finding::warning(
                Group::Machine,
                CRON,
                format!("{name} would run drip at `{when}`, and is not enabled"),
            )
            .advice(format!("systemctl enable --now {name}"));
        }
        if found.needs_relay && !timer.has_environment {
            return Finding::warning(
                Group::Machine,
                CRON,
                format!("{name} runs drip at `{when}`, and DRIP_SMTP_URL, which is set here, is not set there"),
            )
            .advice(
                "name a file that sets it with EnvironmentFile= in the service: without it those runs write to outbox/",
            );
        }
        return Finding::fine(Group::Machine, CRON, format!("{name} runs drip at `{when}`"));
    }
    if let Some(place) = passed_over {
        let what = format!("{place} would run drip, and cron passes over a file of that name");
        // Something that is not seen from here may run drip, and the file be left over.
        let make = if is_recent { Finding::warning } else { Finding::wrong };
        return make(Group::Machine, CRON, what)
            .advice("give it a name of letters, digits, `-` and `_` alone, without a dot");
    }
    let add = format!("add with `crontab -e`: {}", found.proposal);
    if is_recent {
        // By another user, a script, or the host of a container.
        return Finding::not_made(
            Group::Machine,
            CRON,
            "no line that names this project was found, and runs come all the same",
        );
    }
    if found.places.is_empty() {
        return Finding::not_made(Group::Machine, CRON, "there is neither cron nor systemd here to look at")
            .advice(add);
    }
    Finding::warning(
        Group::Machine,
        CRON,
        format!("nothing runs drip for this project: neither {}", found.places.join(" nor ")),
    )
    .advice(add)
}

/// Says whether cron finds the program of a call.
fn is_there(found: &Found<'_>, call: &crontab::Call, folders: &str) -> bool {
    let crontab::Call { program, folder } = call;
    match program.chars().next() {
        // What the shell makes of these is its own affair.
        Some('~' | '$') => true,
        Some('/') => (found.is_program)(program),
        _ if program.contains('/') => {
            folder.as_ref().is_none_or(|folder| (found.is_program)(&format!("{folder}/{program}")))
        }
        _ => folders.split(':').any(|folder| (found.is_program)(&format!("{folder}/{program}"))),
    }
}

fn last_run(runs: &Runs, is_recent: bool) -> Finding {
    match (&runs.ago, &runs.stopped) {
        (None, _) => {
            Finding::warning(Group::Machine, RUN, "nothing has run here yet").advice("try it with `drip run --dry-run`")
        }
        (Some(ago), Some(why)) => {
            Finding::warning(Group::Machine, RUN, format!("the last run, {ago} ago, stopped: {why}"))
                .advice("`drip run -v` says more")
        }
        (Some(ago), None) if is_recent => Finding::fine(Group::Machine, RUN, format!("{ago} ago")),
        (Some(ago), None) => {
            Finding::wrong(Group::Machine, RUN, format!("the last run was {ago} ago, or none since did all its work"))
                .advice("see why cron does not call it; `drip status` says who waits")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Fine, NotMade, Warning, Wrong};
    use super::*;

    const NOW: Instant = chrono::DateTime::UNIX_EPOCH;

    #[track_caller]
    fn case(crontab: &str, needs_relay: bool, recent: bool, verdict: Verdict, said: &str) {
        let found = Found {
            lines: lines(crontab, "your crontab", false),
            timers: Vec::new(),
            places: vec!["your crontab".to_owned()],
            is_project: &|folder| folder == "/srv/tea",
            is_program: &|path| path == "/usr/local/bin/drip",
            proposal: "*/5 * * * *  /usr/local/bin/drip -q -C /srv/tea run".to_owned(),
            needs_relay,
        };
        let runs = Runs { last_good: recent.then_some(NOW), ago: Some("1 h".to_owned()), stopped: None };
        let finding = caller(&found, runs.last_good.is_some());
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.found.contains(said), "{finding:?}");
    }

    #[test]
    fn a_line_counts_that_runs_this_project() {
        let whole = "*/5 * * * * /usr/local/bin/drip -C /srv/tea run";
        case(whole, false, false, Fine, "your crontab runs drip at `*/5 * * * *`");
        case(whole, true, false, Warning, "DRIP_SMTP_URL, which is set here, is not set there");
        case(&format!("DRIP_SMTP_URL=smtp://x\n{whole}"), true, false, Fine, "runs drip");
        case("* * * * * cd /srv/tea && drip run", false, false, Wrong, "finds no such program in /usr/bin:/bin");
        case("* * * * * cd /srv/tea && bin/drip run", false, false, Wrong, "finds no such program");
        case("PATH=/bin:/usr/local/bin\n* * * * * cd /srv/tea && drip run", false, false, Fine, "runs drip");
        case(
            "* * * * * drip -C /srv/coffee run",
            false,
            false,
            Warning,
            "nothing runs drip for this project: neither your crontab",
        );
        case("", false, true, NotMade, "runs come all the same");
    }

    #[test]
    fn a_file_that_cron_does_not_read_runs_nothing() {
        let whole = "*/5 * * * * lan /usr/local/bin/drip -C /srv/tea run";
        let unread = |line| Line { is_passed_over: true, ..line };
        let mut found = Found {
            lines: lines(whole, "/etc/cron.d/drip.sh", true).into_iter().map(unread).collect(),
            timers: Vec::new(),
            places: vec!["/etc/cron.d".to_owned()],
            is_project: &|folder| folder == "/srv/tea",
            is_program: &|_| true,
            proposal: String::new(),
            needs_relay: false,
        };
        assert_eq!([true, false].map(|recent| caller(&found, recent).verdict), [Warning, Wrong]);
        let finding = caller(&found, false);
        assert!(finding.found.starts_with("/etc/cron.d/drip.sh would run drip"), "{finding:?}");
        found.lines.extend(lines(whole, "/etc/cron.d/tea", true));
        assert_eq!(caller(&found, true).found, "/etc/cron.d/tea runs drip at `*/5 * * * *`");
        for (name, is_debian, expected) in [
            ("drip", true, false),
            ("tea_shop-2", true, false),
            ("drip.sh", true, true),
            ("drip.dpkg-old", true, true),
            ("drip~", true, true),
            ("drip.sh", false, false),
            ("drip~", false, true),
            (".drip", false, true),
            ("drip.rpmnew", false, true),
        ] {
            assert_eq!(passes_over(name, is_debian), expected, "{name}");
        }
    }

    #[test]
    fn the_last_run_is_not_long_ago() {
        let run = |hours: i64, stopped: Option<&str>| {
            let runs = Runs {
                last_good: Some(NOW - TimeDelta::hours(hours)),
                stopped: stopped.map(str::to_owned),
                ago: Some(format!("{hours} h")),
            };
            last_run(&runs, NOW - TimeDelta::hours(hours) >= NOW - IDLE).verdict
        };
        assert_eq!([run(1, None), run(27, None), run(1, Some("the relay"))], [Fine, Wrong, Warning]);
        assert_eq!(last_run(&Runs::default(), false).verdict, Warning);
    }
}
