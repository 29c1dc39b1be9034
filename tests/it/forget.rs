//! Forgetting: no byte of the person stays, whenever it is killed, and no import brings them back.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::Sandbox;

/// What must not be found anywhere: the address, the name, an attribute, a property of an event.
const TRACES: [&str; 5] = ["lan.nguyen@example.com", "Lan.Nguyen", "Ngọc Lan", "nhà-số-bảy", "quà-tặng"];

/// A project in which one person has a history, an old one overwritten in place too, among others who have one.
fn lived_in() -> Sandbox {
    let sandbox = Sandbox::new()
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail", "id: b, send: mail, delay: 5d"])
        .contacts(
            "email,first_name,home",
            &["Lan.Nguyen@example.com,Ngọc Lan,nhà-số-bảy", "minh@example.com,Minh,Huế"],
        );
    for email in ["lan.nguyen@example.com", "minh@example.com"] {
        sandbox.drip(&["track", email, "go", "gift=quà-tặng", "--at", "2026-03-02T01:00:00Z"]).code(0);
    }
    sandbox.drip(&["track", "minh@example.com", "go", "--at", "2026-03-03T01:00:00Z"]).code(0);
    sandbox.run("2026-03-02T01:00:00Z");
    sandbox.drip(&["contact", "set", "lan.nguyen@example.com", "home=nhà-số-bảy-mới"]).code(0);
    sandbox.drip(&["contact", "unsubscribe", "lan.nguyen@example.com", "--reason", "Ngọc Lan called"]).code(0);
    sandbox.drip(&["campaign", "pause", "w", "--reason", "550 <lan.nguyen@example.com> is refused"]).code(0);
    fs::remove_file(sandbox.path("import.csv")).unwrap();
    // Minh's event has the property as well; only the person's own is erased.
    sandbox.database().execute("UPDATE events SET properties = NULL WHERE contact_id = 2", []).unwrap();
    sandbox
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Returns the traces that some file holds.
fn traces(sandbox: &Sandbox) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(&sandbox.path(".")) {
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        for trace in TRACES {
            let trace = trace.as_bytes().to_ascii_lowercase();
            if bytes.windows(trace.len()).any(|window| window == trace) {
                found.push(format!("{}: {}", path.display(), String::from_utf8_lossy(&trace)));
            }
        }
    }
    found
}

#[test]
fn no_byte_stays_and_nobody_comes_back_by_an_import() {
    let sandbox = lived_in();
    assert!(traces(&sandbox).len() >= 5, "they are there before: {:#?}", traces(&sandbox));
    assert_eq!(sandbox.outbox().len(), 2);
    let said = sandbox.drip(&["contact", "forget", "LAN.nguyen@example.com"]).code(2).stderr;
    assert!(said.contains("say --yes in a script"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts"), ["2"]);

    let said = sandbox.drip(&["contact", "forget", "LAN.nguyen@example.com", "--yes"]).code(0).stderr;
    insta::assert_snapshot!(said);
    assert_eq!(traces(&sandbox), [""; 0]);
    assert_eq!(sandbox.sql("SELECT email FROM v_contacts"), ["minh@example.com"]);
    assert_eq!(sandbox.sends(), ["w a minh@example.com sent"]);
    assert_eq!(sandbox.outbox().len(), 1);
    sandbox.check();
    let report = sandbox.drip(&["report", "w"]).code(0).stdout;
    assert!(report.contains("1 entered"), "counts shrink: {report}");

    sandbox.write("again.csv", "email,first_name\nlan.NGUYEN@example.com,Lan\nnga@example.com,Nga\n");
    sandbox.write("events.csv", "email,event,time\nlan.nguyen@example.com,go,2026-03-04T00:00:00Z\n");
    let said = sandbox.drip(&["import", "again.csv", "events.csv"]).code(0).stderr;
    assert!(said.contains("1 contact added and 1 contact forgotten before, left out"), "{said}");
    assert!(said.contains("1 event forgotten before, left out"), "{said}");
    for words in [["track", "lan.nguyen@example.com", "go"], ["contact", "show", "lan.nguyen@example.com"]] {
        let said = sandbox.drip(&words).code(2).stderr;
        assert!(said.contains("there is no contact"), "{said}");
    }
    sandbox.drip(&["enrol", "w", "lan.nguyen@example.com"]).code(4);
    sandbox.drip(&["contact", "unsubscribe", "lan.nguyen@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "lan.nguyen@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "lan.nguyen@example.com", "--remove", "--reason", "x"]).code(2);
    sandbox.drip(&["contact", "forget", "lan.nguyen@example.com", "--yes"]).code(0);
    for name in ["again.csv", "events.csv"] {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    assert_eq!(traces(&sandbox), [""; 0], "nor does any of that write the address down again");
}

#[test]
fn who_is_unknown_or_only_suppressed() {
    let sandbox = lived_in();
    let said = sandbox.drip(&["contact", "forget", "minh@example.com", "nobody@example.com", "--yes"]).code(2).stderr;
    assert!(said.contains("there is no contact `nobody@example.com`"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts"), ["2"], "all or nobody");
    sandbox.drip(&["contact", "suppress", "stranger@example.com"]).code(0);
    sandbox.drip(&["contact", "forget", "stranger@example.com", "--yes"]).code(0);
    assert_eq!(sandbox.sql("SELECT kind || (value LIKE '%@%') FROM suppressions"), ["forgotten0"]);
}

#[test]
fn while_a_run_is_under_way_nothing_is_erased() {
    let sandbox = lived_in();
    let lock = drip::store::RunLock::take(&sandbox.path("drip.db")).unwrap().unwrap();
    let said = sandbox.drip(&["contact", "forget", "minh@example.com", "--yes"]).code(1).stderr;
    assert!(said.contains("a run is under way; nothing was erased"), "{said}");
    drop(lock);
    sandbox.drip(&["contact", "forget", "minh@example.com", "--yes"]).code(0);
}

#[test]
fn a_reader_that_holds_the_log_is_told_of() {
    let sandbox = lived_in();
    let reader = sandbox.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM contacts;").unwrap();
    // The wait for a reader ends by itself; this one reads for longer.
    let said = sandbox.drip(&["contact", "forget", "lan.nguyen@example.com", "--yes"]).code(7).stderr;
    assert!(said.contains("drip contact forget --sweep"), "{said}");
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    sandbox.drip(&["contact", "forget", "--sweep"]).code(0);
    assert_eq!(traces(&sandbox), [""; 0]);
}

#[test]
fn killed_at_any_moment_all_is_there_or_nothing() {
    let (mut nothing, mut all) = (0, 0);
    let mut delay = Duration::ZERO;
    // Later each time, until some were killed only after it had happened: on any machine, however fast.
    while all < 4 {
        assert!(delay < Duration::from_secs(20), "it never happens");
        let sandbox = lived_in();
        let mut child = sandbox.command(&["contact", "forget", "lan.nguyen@example.com", "--yes"]).spawn().unwrap();
        std::thread::sleep(delay);
        delay = delay * 5 / 4 + Duration::from_micros(700);
        child.kill().unwrap();
        child.wait().unwrap();
        let connection: Connection = sandbox.database();
        let count = |query: &str| connection.query_row(query, [], |row| row.get::<_, u64>(0)).unwrap();
        let left = [
            count("SELECT count(*) FROM contacts WHERE email_key LIKE 'lan%'"),
            count("SELECT count(*) FROM events WHERE contact_id = 1"),
            count("SELECT count(*) FROM enrolments WHERE contact_id = 1"),
            count(
                "SELECT count(*) FROM sends WHERE enrolment_id NOT IN (SELECT id FROM enrolments WHERE contact_id = 2)",
            ),
            count("SELECT 1 - count(*) FROM suppressions WHERE kind = 'forgotten'"),
        ];
        drop(connection);
        assert!(left == [1, 1, 1, 1, 1] || left == [0; 5], "{left:?}");
        if left == [0; 5] {
            all += 1;
            sandbox.drip(&["contact", "forget", "--sweep"]).code(0);
        } else {
            nothing += 1;
            assert_eq!(sandbox.outbox().len(), 2, "their mails too");
            sandbox.drip(&["contact", "forget", "lan.nguyen@example.com", "--yes"]).code(0);
        }
        assert_eq!(traces(&sandbox), [""; 0]);
        sandbox.check();
    }
    assert!(nothing > 0, "killed before, too");
}
