//! Copies, older files, other machines and clocks that leap: nobody gets twice what a lost file had sent.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer};

const FIRST: &str = "2026-03-02T02:00:00Z";

fn three(relay: &SmtpServer) -> Sandbox {
    Sandbox::new()
        .settings("smtp: { url: \"smtp://localhost\", connections: 1 }")
        .campaign(
            "w",
            "trigger: { segment: 'true' }",
            &[
                "id: hello, send: mail, subject: hello",
                "id: more, delay: 1d, send: mail, subject: more",
                "id: last, delay: 3d, send: mail, subject: last",
            ],
        )
        .contacts("email", &["a@example.com", "b@example.com", "c@example.com"])
        .through(relay)
}

fn states(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT step || ' ' || state || ' ' || count(*) FROM v_sends GROUP BY step, state ORDER BY min(due_at)")
}

#[test]
fn a_backup_that_is_put_back_sends_nothing_twice() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = three(&relay);
    sandbox.run(FIRST);
    let copy = sandbox.path("copy.db");
    let copy = copy.to_str().unwrap();
    assert!(sandbox.drip(&["backup", copy]).code(0).stdout.contains("holds everything up to now"));
    sandbox.drip(&["backup", copy]).code(2);
    sandbox.drip(&["backup", copy, "--force"]).code(0);
    assert!(!fs::exists(format!("{copy}-wal")).unwrap());
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // A day later the second mails leave; then the file is lost, and the copy put back.
    sandbox.run("2026-03-03T02:00:00Z");
    assert_eq!(relay.recipients().len(), 6);
    let restored = sandbox.drip(&["restore", copy]).code(0);
    assert!(restored.stderr.contains("drip.db.before-restore-1"), "{}", restored.stderr);
    assert_eq!(states(&sandbox), ["hello sent 3"]);
    let refused = sandbox.drip(&["--now", "2026-03-04T02:00:00Z", "run"]).code(6);
    assert!(
        refused
            .stderr
            .contains("this drip.db is a copy that was put back; the last it knows of is from 2026-03-02 09:00"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("drip run --adopt"), "{}", refused.stderr);
    assert_eq!(relay.recipients().len(), 6);

    // What fell due since is unknown, as of when it was due: the third mail keeps its day.
    sandbox.drip(&["--now", "2026-03-04T02:00:00Z", "run", "--adopt"]).code(6);
    assert_eq!(states(&sandbox), ["hello sent 3", "more unknown 3"]);
    sandbox.run("2026-03-05T02:00:00Z");
    sandbox.run("2026-03-06T02:00:00Z");
    let received = count(relay.mails().into_iter().map(|mail| {
        let text = String::from_utf8(mail.bytes).unwrap();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
        (mail.to[0].clone(), subject)
    }));
    assert_eq!(received.len(), 9, "{received:?}");
    assert_eq!(received.values().max(), Some(&1), "{received:?}");
}

#[test]
fn a_copy_over_the_file_and_a_file_from_another_machine_wait_for_a_person() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = three(&relay);
    sandbox.drip(&["--now", FIRST, "run", "--limit", "1"]).code(0);
    let copy = sandbox.path("copy.db");
    sandbox.drip(&["backup", copy.to_str().unwrap()]).code(0);
    sandbox.run(FIRST);
    for name in ["drip.db-wal", "drip.db-shm"] {
        let _ = fs::remove_file(sandbox.path(name));
    }
    fs::copy(&copy, sandbox.path("drip.db")).unwrap();
    let refused = sandbox.drip(&["--now", FIRST, "run"]).code(6);
    assert!(refused.stderr.contains("older than the last run here"), "{}", refused.stderr);
    sandbox.drip(&["--now", FIRST, "run", "--dry-run"]).code(6);
    let played = sandbox.drip(&["--now", FIRST, "run", "--dry-run", "--adopt"]).code(0);
    assert!(played.stdout.contains("2 unknown"), "{}", played.stdout);
    sandbox.drip(&["--now", FIRST, "run", "--adopt"]).code(6);
    assert_eq!(states(&sandbox), ["hello sent 1", "hello unknown 2"]);
    assert_eq!(relay.recipients().len(), 3);

    sandbox.database().execute("UPDATE meta SET value = 'another' WHERE key = 'machine'", []).unwrap();
    let next = "2026-03-03T02:00:00Z";
    if fs::read_to_string("/etc/machine-id").is_ok_and(|id| !id.trim().is_empty()) {
        let refused = sandbox.drip(&["--now", next, "run"]).code(6);
        assert!(refused.stderr.contains("last used on another machine"), "{}", refused.stderr);
    }
    // Nothing fell due in between.
    sandbox.drip(&["--now", FIRST, "run", "--adopt"]).code(0);
    sandbox.run(next);
    assert_eq!(relay.recipients().len(), 6);
}

#[test]
fn a_file_that_is_gone_is_not_made_anew() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = three(&relay);
    sandbox.run(FIRST);
    fs::remove_file(sandbox.path("drip.db")).unwrap();
    // Not by way of an import either.
    sandbox.write("more.csv", "email\na@example.com\n");
    for words in [&["run"][..], &["import", "more.csv"], &["status"], &["track", "a@example.com", "bought"]] {
        let refused = sandbox.drip(words).code(7);
        assert!(refused.stderr.contains("drip.db` is gone"), "{}", refused.stderr);
        assert!(!sandbox.path("drip.db").exists());
    }
    fs::remove_file(sandbox.path("drip.lock")).unwrap();
    sandbox.drip(&["--now", FIRST, "run"]).code(0);
}

#[test]
fn what_cannot_be_put_back_changes_nothing() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = three(&relay);
    sandbox.run(FIRST);
    sandbox.write("text.db", "no database at all, though it is a file of some length\n");
    for file in ["text.db", "nowhere.db", "drip.db"] {
        let path = sandbox.path(file);
        let ended = sandbox.drip(&["restore", path.to_str().unwrap()]);
        assert_ne!(ended.code, 0, "{file}");
    }
    assert_eq!(states(&sandbox), ["hello sent 3"]);
    sandbox.run("2026-03-03T02:00:00Z");
    assert_eq!(relay.recipients().len(), 6);
}

#[test]
fn a_clock_that_leaps_is_not_believed_and_one_that_went_back_repeats_nothing() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = three(&relay);
    sandbox.edit(
        "w",
        "trigger: { segment: 'true' }",
        &["id: hello, send: mail, hours: \"00:00-24:00\", days: mon-sun"],
    );
    sandbox.drip(&["run"]).code(0);
    assert_eq!(relay.recipients().len(), 3);
    sandbox.import("email", &["d@example.com"]);
    let shift = |days: i64| {
        let moved = "UPDATE runs SET started_at = started_at + ?1, ended_at = ended_at + ?1";
        sandbox.database().execute(moved, [days * 86_400_000]).unwrap();
    };
    // To the file it looks as if the clock had leapt forward by forty days.
    shift(-40);
    let refused = sandbox.drip(&["run"]).code(6);
    assert!(refused.stderr.contains("40 d") && refused.stderr.contains("--trust-clock"), "{}", refused.stderr);
    assert_eq!(relay.recipients().len(), 3);
    sandbox.drip(&["run", "--trust-clock"]).code(0);
    assert_eq!(relay.recipients().len(), 4);
    // And now as if it had gone back.
    shift(2);
    let warned = sandbox.drip(&["run"]).code(0);
    assert!(warned.stderr.contains("a clock that went back"), "{}", warned.stderr);
    assert_eq!(relay.recipients().len(), 4);
}
