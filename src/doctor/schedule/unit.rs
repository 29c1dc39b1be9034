//! Timers of systemd, and the services they start.

use super::crontab;

/// A timer with what its service does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// `drip.timer`
    pub name: String,
    /// `*:0/5`, or how often otherwise.
    pub when: String,
    /// Whether systemd starts it by itself.
    pub is_enabled: bool,
    /// Whether the service has an environment of its own, where a relay may stand.
    pub has_environment: bool,
    commands: Vec<String>,
    folder: Option<String>,
}

impl Timer {
    /// Says whether it runs drip in a folder that `is_project` knows.
    pub fn runs(&self, is_project: &dyn Fn(&str) -> bool) -> bool {
        let calls = self.commands.iter().flat_map(|command| crontab::calls(command));
        let mut folders = calls.filter_map(|call| match (call.folder, &self.folder) {
            (Some(own), Some(folder)) if !own.starts_with('/') => Some(format!("{folder}/{own}")),
            (own, folder) => own.or_else(|| folder.clone()),
        });
        folders.any(|folder| is_project(&folder))
    }
}

/// Reads a timer and its service from their files.
pub fn timer(name: &str, timer: &str, service: &str, is_enabled: bool) -> Timer {
    let times = ["OnCalendar", "OnUnitActiveSec", "OnUnitInactiveSec", "OnBootSec"];
    let when = times.iter().find_map(|key| values(timer, key).pop()).unwrap_or_default();
    let commands = values(service, "ExecStart")
        .into_iter()
        .map(|line| line.trim_start_matches(['-', '@', ':', '+', '!']).to_owned());
    Timer {
        name: name.to_owned(),
        when,
        is_enabled,
        has_environment: ["Environment", "EnvironmentFile", "PassEnvironment"]
            .iter()
            .any(|key| !values(service, key).is_empty()),
        commands: commands.collect(),
        folder: values(service, "WorkingDirectory").pop(),
    }
}

/// Returns the values of a key; an empty one takes those before it back.
fn values(text: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines().map(str::trim) {
        let Some((name, value)) = line.split_once('=') else { continue };
        if name.trim() != key {
            continue;
        }
        match value.trim() {
            "" => found.clear(),
            value => found.push(value.to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_runs_what_its_service_says() {
        let clock = "[Timer]\nOnCalendar=*:0/5\nPersistent=true\n";
        let service = "[Service]\nUser=drip\nWorkingDirectory=/srv/tea\nEnvironmentFile=/etc/drip.env\nExecStart=-/usr/local/bin/drip \\\n  -q run\n";
        let read = timer("drip.timer", clock, service, true);
        assert_eq!((read.when.as_str(), read.has_environment), ("*:0/5", true));
        assert!(read.runs(&|folder| folder == "/srv/tea"));
        assert!(!read.runs(&|folder| folder == "/srv/coffee"));
        let other =
            timer("x.timer", "", "[Service]\nExecStart=/usr/bin/drip -C shop run\nWorkingDirectory=/srv\n", false);
        assert!(other.runs(&|folder| folder == "/srv/shop"));
        let taken_back = timer("x.timer", "", "ExecStart=drip -C /srv/tea run\nExecStart=\nExecStart=true\n", false);
        assert!(!taken_back.runs(&|_| true));
    }
}
