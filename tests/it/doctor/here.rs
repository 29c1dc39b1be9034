//! The project's folder, and the machine it lies on.

use std::fs;

use super::{Clinic, chmod, expect};
use crate::support::Sandbox;

#[test]
fn files_that_others_may_read_or_write_are_found() {
    let clinic = Clinic::new();
    let key = clinic.sandbox.path("keys/dkim.pem");
    chmod(&clinic.sandbox, "keys/dkim.pem", 0o644);
    clinic.finds("file modes", "wrong", "keys/dkim.pem: others may read it (mode 644)", "chmod 600 keys/dkim.pem");
    clinic.finds("dkim", "wrong", "can be read by others", "chmod 600");
    chmod(&clinic.sandbox, "keys/dkim.pem", 0o600);
    chmod(&clinic.sandbox, "drip.db", 0o640);
    clinic.finds("file modes", "wrong", "drip.db: others may read it (mode 640)", "chmod 600 drip.db");
    chmod(&clinic.sandbox, "drip.db", 0o600);
    chmod(&clinic.sandbox, "templates/mail.md", 0o646);
    clinic.finds("file modes", "wrong", "templates/mail.md: anybody may change it", "chmod o-w templates/mail.md");
    chmod(&clinic.sandbox, "templates/mail.md", 0o644);
    clinic.finds("file modes", "ok", "nobody else", "");
    // A password in the file makes it a secret.
    let text = fs::read_to_string(clinic.sandbox.path("drip.yaml")).unwrap();
    clinic.sandbox.write(
        "drip.yaml",
        &text.replace("smtps://acme@", "smtps://acme:s3cret@").replace(", password_command: \"echo s3cret\"", ""),
    );
    clinic.finds("file modes", "wrong", "drip.yaml: others may read it", "chmod 600 drip.yaml");
    clinic.finds("files", "warning", "1 warning", "`drip check` shows");
    chmod(&clinic.sandbox, "drip.yaml", 0o600);
    clinic.finds("file modes", "ok", "", "");
    // So does that of the mailbox, also where the file cannot be read for another mistake.
    for more in ["", "tone: friendly\n"] {
        chmod(&clinic.sandbox, "drip.yaml", 0o644);
        let mailbox = "imap: { url: \"imaps://lan:s3cret@mail.example\" }\n";
        clinic.set_up(&clinic.front.url(), &format!("{mailbox}{more}"));
        clinic.finds("file modes", "wrong", "drip.yaml: others may read it", "chmod 600 drip.yaml");
    }
    assert!(key.exists());
}

#[test]
fn what_is_wrong_with_the_files_is_told_and_the_rest_is_looked_at_all_the_same() {
    let clinic = Clinic::new();
    clinic.sandbox.write("campaigns/w.yaml", "trigger: manual\nsteps: [{ id: a, sent: mail }]\n");
    clinic.finds("files", "wrong", "the first is campaigns/w.yaml:2:", "`drip check` shows where");
    clinic.finds("login", "ok", "", "");
    clinic.finds("dmarc", "ok", "", "");
    clinic.sandbox.write("drip.yaml", "from: nobody\n");
    clinic.finds("files", "wrong", "the first is drip.yaml:1:1", "");
    clinic.finds("login", "not made", "drip.yaml cannot be read", "");
    let empty = Sandbox::new();
    fs::remove_file(empty.path("drip.yaml")).unwrap();
    assert!(empty.drip(&["doctor"]).code(3).stderr.contains("there is no drip.yaml"));
}

#[test]
fn nothing_calls_drip_or_calls_it_wrongly() {
    let clinic = Clinic::new();
    clinic.finds("cron line", "ok", "your crontab runs drip at `*/5 * * * *`", "");
    // Runs that come are proof enough; without them a line has to be added.
    clinic.program("crontab", "");
    clinic.finds("cron line", "not made", "runs come all the same", "");
    let before =
        clinic.sandbox.sql("UPDATE runs SET started_at = started_at - 200000000, ended_at = ended_at - 200000000");
    assert!(before.is_empty());
    let line = format!("-q -C {} run", fs::canonicalize(clinic.sandbox.path("")).unwrap().display());
    clinic.finds("cron line", "warning", "nothing runs drip for this project: neither your crontab", &line);
    clinic.finds("last run", "wrong", "the last run was 2 d 7 h ago", "`drip status`");
    let folder = clinic.sandbox.path("").display().to_string();
    clinic.program("crontab", &format!("*/5 * * * * cd {folder} && drip -q run"));
    clinic.finds(
        "cron line",
        "wrong",
        "calls `drip` at `*/5 * * * *`, and cron finds no such program",
        "write it with its folder",
    );
    clinic.program("crontab", &format!("PATH={folder}/bin\n*/5 * * * * cd {folder} && drip -q run"));
    clinic.finds("cron line", "ok", "runs drip", "");
    // The relay is known to whoever asks, and not to cron.
    let port = clinic.relay.port();
    clinic.sandbox.write("drip.yaml", "from: hello@acme.example\npostal_address: Hà Nội\n");
    let url = format!("smtps://acme:s3cret@127.0.0.1:{port}");
    let ended = clinic.ask_with(&[("DRIP_SMTP_URL", &url)], &["--format", "json"]);
    expect(
        &ended.stdout,
        "cron line",
        "warning",
        "DRIP_SMTP_URL, which is set here, is not set there",
        "DRIP_SMTP_URL=…",
    );
    expect(&ended.stdout, "login", "ok", "took the login of `acme`", "");
}

#[test]
fn a_timer_of_systemd_counts_where_it_is_enabled() {
    let clinic = Clinic::new();
    clinic.program("crontab", "");
    let home = clinic.sandbox.path("home").display().to_string();
    let units = "home/.config/systemd/user";
    let service = format!(
        "[Service]\nWorkingDirectory={}\nExecStart=/usr/local/bin/drip -q run\n",
        clinic.sandbox.path("").display()
    );
    clinic.sandbox.write(&format!("{units}/tea.service"), &service);
    clinic.sandbox.write(&format!("{units}/tea.timer"), "[Timer]\nOnCalendar=*:0/5\n");
    let ended = clinic.ask_with(&[("HOME", &home)], &["--format", "json"]).code(0);
    expect(
        &ended.stdout,
        "cron line",
        "warning",
        "tea.timer would run drip at `*:0/5`, and is not enabled",
        "systemctl enable",
    );
    clinic.sandbox.write(&format!("{units}/timers.target.wants/tea.timer"), "");
    let ended = clinic.ask_with(&[("HOME", &home)], &["--format", "json"]).code(0);
    expect(&ended.stdout, "cron line", "ok", "tea.timer runs drip at `*:0/5`", "");
}

#[test]
fn a_clock_that_is_wrong_shows_by_others() {
    let clinic = Clinic::new();
    // The server on this very machine proves nothing by agreeing.
    clinic.finds("clock", "ok", "keeps it by other clocks (NTP)", "");
    clinic.program("timedatectl", "no");
    clinic.finds("clock", "warning", "does not keep it", "timedatectl set-ntp");
    clinic.program("timedatectl", "");
    clinic.finds("clock", "not made", "no other machine's clock", "date -u");
    let slow = clinic.ask(&["--now", "2020-01-01T00:00:00Z", "--format", "json"]).code(6);
    expect(&slow.stdout, "clock", "wrong", "minutes from now, so the clock went back", "set the clock");
    let fast = clinic.ask(&["--now", "2066-01-01T00:00:00Z", "--format", "json"]).code(6);
    expect(&fast.stdout, "clock", "wrong", " s fast, by the clock of 127.0.0.1", "");
}

#[test]
fn a_database_that_cannot_be_trusted_is_told_of() {
    let clinic = Clinic::new();
    clinic.finds("database", "ok", "read whole and sound", "");
    let copy = clinic.sandbox.copy();
    fs::remove_file(copy.path("drip.lock")).unwrap();
    let ended = copy.drip(&["doctor", "--offline", "--format", "json"]).code(6);
    expect(&ended.stdout, "database", "wrong", "drip.lock, which knows the last run here, is gone", "--adopt");
    copy.write("drip.db", "not a database at all, but a text that somebody put there, long enough to be read");
    for name in ["drip.db-wal", "drip.db-shm"] {
        let _ = fs::remove_file(copy.path(name));
    }
    let ended = copy.drip(&["doctor", "--offline", "--format", "json"]).code(6);
    expect(&ended.stdout, "database", "wrong", "is not a drip database", "drip restore");
    // An older form is left as it is.
    let old = clinic.sandbox.copy();
    old.database().execute_batch("PRAGMA user_version = 6").unwrap();
    let ended = old.drip(&["doctor", "--offline", "--format", "json"]);
    expect(&ended.stdout, "database", "warning", "drip.db is in form 6", "the next command");
    assert_eq!(old.sql("PRAGMA user_version"), ["6"]);
}

#[test]
fn off_line_nobody_is_asked() {
    let clinic = Clinic::new();
    let ended = clinic.ask(&["--offline", "--format", "json"]).code(0);
    for check in [
        "connection",
        "tls",
        "login",
        "offer",
        "spf",
        "dkim",
        "dmarc",
        "mx",
        "reverse dns",
        "public url",
        "server",
        "one-click",
    ] {
        expect(&ended.stdout, check, "not made", "--offline", "");
    }
    expect(&ended.stdout, "file modes", "ok", "", "");
    assert_eq!(clinic.relay.connections(), 0);
}
