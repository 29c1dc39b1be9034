//! What calls `drip run` on this machine: crontabs, and timers of systemd.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::super::environment;
use crate::doctor::schedule::{Line, Timer, lines, passes_over, timer};

/// How long a program of the system may take to answer.
const WAIT: Duration = Duration::from_secs(5);

/// Returns the lines of cron, and where was looked.
pub(super) fn cron() -> (Vec<Line>, Vec<String>) {
    let (mut found, mut places) = (Vec::new(), Vec::new());
    // It ends with 1 and prints nothing where a user has none.
    if let Some(text) = said("crontab", &["-l"]) {
        found.extend(lines(&text, "your crontab", false));
        places.push("your crontab".to_owned());
    }
    if let Ok(text) = fs::read_to_string("/etc/crontab") {
        found.extend(lines(&text, "/etc/crontab", true));
        places.push("/etc/crontab".to_owned());
    }
    if let Ok(entries) = fs::read_dir("/etc/cron.d") {
        let is_debian = Path::new("/etc/debian_version").exists();
        for entry in entries.flatten() {
            let place = entry.path().display().to_string();
            let is_passed_over = passes_over(&entry.file_name().to_string_lossy(), is_debian);
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            found.extend(lines(&text, &place, true).into_iter().map(|line| Line { is_passed_over, ..line }));
        }
        places.push("/etc/cron.d".to_owned());
    }
    (found, places)
}

/// Returns the timers of systemd, and where was looked.
pub(super) fn timers() -> (Vec<Timer>, Vec<String>) {
    let (mut found, mut places) = (Vec::new(), Vec::new());
    let own = environment::variable("HOME").map(|home| format!("{home}/.config/systemd/user"));
    for folder in ["/etc/systemd/system".to_owned()].into_iter().chain(own) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let folder = Path::new(&folder);
        found.extend(names.iter().filter_map(|name| read(folder, name)));
        places.push(format!("a timer in {}", folder.display()));
    }
    (found, places)
}

fn read(folder: &Path, name: &str) -> Option<Timer> {
    let stem = name.strip_suffix(".timer")?;
    let text = fs::read_to_string(folder.join(name)).ok()?;
    let unit = text.lines().find_map(|line| line.trim().strip_prefix("Unit="));
    let unit = unit.map_or_else(|| format!("{stem}.service"), |unit| unit.trim().to_owned());
    let service = fs::read_to_string(folder.join(unit)).ok()?;
    let is_enabled = folder.join("timers.target.wants").join(name).symlink_metadata().is_ok();
    Some(timer(name, &text, &service, is_enabled))
}

/// Returns what a program of the system prints; `None` where there is no such program, or it hangs.
pub(super) fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(command.output());
    });
    let output = receiver.recv_timeout(WAIT).ok()?.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
