//! Lines of crontabs, and what their commands do.

/// A line that starts something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, for people: `your crontab`, `/etc/cron.d/drip`.
    pub place: String,
    /// `*/5 * * * *`, `@hourly`.
    pub when: String,
    pub command: String,
    /// The folders of `PATH` that hold for it; `None`: those of cron itself.
    pub path: Option<String>,
    /// Whether a relay stands in its environment.
    pub has_relay: bool,
    /// Whether cron passes over the file that it stands in, for its name.
    pub is_passed_over: bool,
}

/// Says whether cron passes over a file of this name in /etc/cron.d: that of Debian reads plain words alone, others leave
/// out hidden files, and what editors and packages leave behind.
pub fn passes_over(name: &str, is_debian: bool) -> bool {
    if is_debian {
        return !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    }
    let left_behind = ["~", ".rpmsave", ".rpmorig", ".rpmnew"];
    name.starts_with(['.', '#']) || left_behind.iter().any(|end| name.ends_with(end))
}

/// Reads a crontab; that of the system names a user before each command.
pub fn lines(text: &str, place: &str, names_user: bool) -> Vec<Line> {
    let (mut path, mut has_relay, mut lines) = (None, false, Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, value)) = setting(line) {
            match name {
                "PATH" => path = Some(value.to_owned()),
                "DRIP_SMTP_URL" => has_relay = !value.is_empty(),
                _ => {}
            }
            continue;
        }
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let Some((when, rest)) = split_off(line, fields) else { continue };
        let Some(command) = (if names_user { split_off(rest, 1).map(|(_, rest)| rest) } else { Some(rest) }) else {
            continue;
        };
        lines.push(Line {
            place: place.to_owned(),
            when,
            command: command.to_owned(),
            path: path.clone(),
            has_relay: has_relay || command.contains("DRIP_SMTP_URL="),
            is_passed_over: false,
        });
    }
    lines
}

/// Reads `NAME=value`, as crontabs set their environment.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// Splits so many words off a line.
fn split_off(line: &str, words: usize) -> Option<(String, &str)> {
    let (mut taken, mut rest) = (Vec::new(), line);
    for _ in 0..words {
        let (word, after) = rest.split_once([' ', '\t'])?;
        taken.push(word);
        rest = after.trim_start();
    }
    Some((taken.join(" "), rest))
}

/// A call of `drip run` in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// How drip is named: `drip`, `/usr/local/bin/drip`.
    pub(super) program: String,
    /// The folder of its project, as it stands there; `None`: wherever the command starts.
    pub(super) folder: Option<String>,
}

/// Finds the calls of `drip run` in a command of the shell.
pub(super) fn calls(command: &str) -> Vec<Call> {
    let mut folder: Option<String> = None;
    let mut calls = Vec::new();
    for part in command.split(['&', ';', '|', '\n']) {
        let words: Vec<&str> =
            part.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')', '{', '}'])).collect();
        if let ["cd", to] | ["cd", "--", to] = words[..] {
            folder = Some(join(folder.as_deref(), to));
            continue;
        }
        let is_drip = |word: &&str| *word == "drip" || word.ends_with("/drip");
        // A folder may be called drip as well; the program is what a command of drip's stands behind.
        for (at, program) in words.iter().enumerate().filter(|(_, word)| is_drip(word)) {
            let mut rest = words[at + 1..].iter();
            let (mut own, mut runs, mut sends) = (None, false, true);
            while let Some(word) = rest.next() {
                match *word {
                    "-C" | "--project" => own = rest.next().copied(),
                    "--now" | "--log-format" | "--color" | "--limit" | "--campaign" => _ = rest.next(),
                    "run" => runs = true,
                    "--dry-run" => sends = false,
                    word => {
                        let joined = word.strip_prefix("--project=").or_else(|| word.strip_prefix("-C"));
                        own = joined.or(own);
                        if !runs && !word.starts_with('-') {
                            break;
                        }
                    }
                }
            }
            if runs && sends {
                let folder = own.map(|own| join(folder.as_deref(), own)).or_else(|| folder.clone());
                calls.push(Call { program: (*program).to_owned(), folder });
            }
        }
    }
    calls
}

fn join(folder: Option<&str>, to: &str) -> String {
    match folder {
        Some(folder) if !to.starts_with(['/', '~', '$']) => format!("{folder}/{to}"),
        _ => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crontab_is_read_with_what_it_sets() {
        let text = "# m h\n\nMAILTO=\"\"\n0 3 * * * backup\nPATH=/usr/local/bin:/usr/bin\nDRIP_SMTP_URL=smtps://u:p@relay.example\n\
                    */5 * * * *\tcd /srv/tea-shop && drip -q run\n@hourly drip -C /srv/a=b run\nnonsense\n";
        let lines = lines(text, "your crontab", false);
        let shown: Vec<_> =
            lines.iter().map(|line| (line.when.as_str(), line.command.as_str(), line.has_relay)).collect();
        assert_eq!(
            shown,
            [
                ("0 3 * * *", "backup", false),
                ("*/5 * * * *", "cd /srv/tea-shop && drip -q run", true),
                ("@hourly", "drip -C /srv/a=b run", true)
            ]
        );
        assert_eq!((lines[0].path.as_deref(), lines[1].path.as_deref()), (None, Some("/usr/local/bin:/usr/bin")));
        let system = super::lines("*/5 * * * * lan DRIP_SMTP_URL=x drip run\n", "/etc/crontab", true);
        assert_eq!((system[0].command.as_str(), system[0].has_relay), ("DRIP_SMTP_URL=x drip run", true));
    }

    #[test]
    fn a_call_of_run_is_found_with_its_folder() {
        let case = |command: &str, expected: &[(&str, Option<&str>)]| {
            let found = calls(command);
            let found: Vec<_> = found.iter().map(|call| (call.program.as_str(), call.folder.as_deref())).collect();
            assert_eq!(found, expected, "{command}");
        };
        case("cd /srv/tea-shop && drip -q run", &[("drip", Some("/srv/tea-shop"))]);
        case("/usr/local/bin/drip -q -C /srv/tea run >> log 2>&1", &[("/usr/local/bin/drip", Some("/srv/tea"))]);
        case("drip --project=/srv/tea run", &[("drip", Some("/srv/tea"))]);
        case("drip -C/srv/tea --log-format json run", &[("drip", Some("/srv/tea"))]);
        case("cd \"/srv\"; cd tea; chronic nice -n 5 drip run --limit 5", &[("drip", Some("/srv/tea"))]);
        case(
            "flock -n /tmp/drip drip -C /srv/a run && drip -C /srv/b run",
            &[("drip", Some("/srv/a")), ("drip", Some("/srv/b"))],
        );
        case("cd /srv/drip && ./drip run", &[("./drip", Some("/srv/drip"))]);
        case("drip run", &[("drip", None)]);
        case("drip run --dry-run", &[]);
        case("drip -C /srv/tea status || drip -C run backup x", &[]);
        case("drip backup run", &[]);
        case("dripper run; echo drip", &[]);
    }
}
