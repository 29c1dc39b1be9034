//! Commands that change everything or nothing, killed at every system call: afterwards the file is as it was before or
//! as it should be, and the same command brings it to its end.

use std::fs;

use rusqlite::Connection;

use crate::case::{Case, Effort};
use crate::crowd::{NOW, number};
use crate::killed::GROUP;
use crate::strace::{everywhere, kill_at};
use crate::support::Sandbox;

/// Rows of an import.
pub(crate) const PEOPLE: usize = 40;
/// Moments of each in the quick part.
const FEW: usize = 5;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F03",
            group: GROUP,
            fault: "`kill -9` at every system call of an import, also of the very first",
            answer: "all of it is in, or nothing; the same import again completes it",
            needs: &["strace"],
            story: import,
        },
        Case {
            id: "F03b",
            group: GROUP,
            fault: "`kill -9` at every system call of `contact forget`",
            answer: "the person is there with everything, or gone; the same again leaves no byte of them in the files",
            needs: &["strace"],
            story: forget,
        },
        Case {
            id: "F03c",
            group: GROUP,
            fault: "`kill -9` at every system call of a migration from each older schema",
            answer: "the file is of the old schema or of the new one, with all that it held; the next command completes it",
            needs: &["strace"],
            story: migration,
        },
        Case {
            id: "F03d",
            group: GROUP,
            fault: "`kill -9` at every system call of `drip backup`",
            answer: "the older copy is there, or the new one, never half of one",
            needs: &["strace"],
            story: backup,
        },
        Case {
            id: "F03e",
            group: GROUP,
            fault: "`kill -9` at every system call of `drip restore`",
            answer: "drip.db is as it was or as the copy is; the same again completes it, and what was there lies beside it",
            needs: &["strace"],
            story: restore,
        },
    ]
}

/// Returns a file of so many people, whose addresses begin with a name.
pub(crate) fn rows(name: &str) -> String {
    let rows: Vec<String> = (0..PEOPLE).map(|n| format!("{name}{n:03}@example.com,Lan {n}")).collect();
    format!("email,first_name\n{}\n", rows.join("\n"))
}

/// A project without people, whose mail goes into its outbox.
pub(crate) fn quiet_project() -> Sandbox {
    Sandbox::new().campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
}

/// Counts the contacts of a file; 0 where there is none, or nothing in it.
pub(crate) fn contacts(sandbox: &Sandbox, file: &str) -> usize {
    let path = sandbox.path(file);
    if !path.exists() {
        return 0;
    }
    let connection = Connection::open(path).unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'contacts'";
    let made: usize = connection.query_row(tables, [], |row| row.get(0)).unwrap();
    if made == 0 { 0 } else { connection.query_row("SELECT count(*) FROM contacts", [], |row| row.get(0)).unwrap() }
}

fn import(effort: Effort) -> String {
    let words = ["import", "people.csv"];
    let first = quiet_project();
    first.write("people.csv", &rows("a"));
    let second = first.copy();
    second.drip(&words).code(0);
    second.write("people.csv", &rows("b"));
    let mut kills = 0;
    for (project, before) in [(first, 0), (second, PEOPLE)] {
        kills += everywhere(effort, FEW, &project.copy(), &words, |moment| {
            let untouched = project.copy();
            let killed = kill_at(&untouched, &words, moment);
            // A look at the file mends it, which is for the next command to do.
            let looked_at = untouched.copy();
            let there = contacts(&looked_at, "drip.db");
            assert!([before, before + PEOPLE].contains(&there), "{moment:?}: {there} contacts");
            untouched.drip(&words).code(0);
            assert_eq!(contacts(&untouched, "drip.db"), before + PEOPLE, "{moment:?}");
            untouched.check();
            killed
        });
    }
    format!("{kills} kills, {PEOPLE} rows: none or all")
}

fn forget(effort: Effort) -> String {
    let project = quiet_project().contacts("email,first_name", &["lan@example.com,Lan", "minh@example.com,Minh"]);
    fs::remove_file(project.path("import.csv")).unwrap();
    project.drip(&["--now", NOW, "run"]).code(0);
    assert_eq!(project.outbox().len(), 2);
    let words = ["contact", "forget", "lan@example.com", "--yes"];
    let kills = everywhere(effort, FEW, &project.copy(), &words, |moment| {
        let untouched = project.copy();
        let killed = kill_at(&untouched, &words, moment);
        let looked_at = untouched.copy();
        let there = ["v_contacts", "v_sends", "v_enrolments"]
            .map(|view| number(&looked_at, &format!("SELECT count(*) FROM {view} WHERE email = 'lan@example.com'")));
        let marks = number(&looked_at, "SELECT count(*) FROM suppressions WHERE kind = 'forgotten'");
        assert!(there == [1; 3] && marks == 0 || there == [0; 3] && marks == 1, "{moment:?}: {there:?}, {marks} marks");
        untouched.drip(&words).code(0);
        assert!(!remains(&untouched, b"lan@example.com"), "{moment:?}: something of them is left");
        assert_eq!(untouched.sql("SELECT email FROM v_contacts"), ["minh@example.com"]);
        assert_eq!(untouched.outbox().len(), 1, "{moment:?}");
        untouched.check();
        killed
    });
    format!("{kills} kills: everything or nothing, and no byte left in the end")
}

/// Says whether any file of a project holds these bytes.
fn remains(sandbox: &Sandbox, bytes: &[u8]) -> bool {
    let folders = [".", "outbox/new", "outbox/cur", "outbox/tmp"];
    let files = folders.iter().filter_map(|folder| fs::read_dir(sandbox.path(folder)).ok()).flatten();
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| fs::read(path).unwrap()).any(|text| text.windows(bytes.len()).any(|window| window == bytes))
}

/// Every migration, each of which brings a file to the next schema.
pub(crate) const SCHEMAS: [&str; 14] = [
    include_str!("../../src/store/schema/1.sql"),
    include_str!("../../src/store/schema/2.sql"),
    include_str!("../../src/store/schema/3.sql"),
    include_str!("../../src/store/schema/4.sql"),
    include_str!("../../src/store/schema/5.sql"),
    include_str!("../../src/store/schema/6.sql"),
    include_str!("../../src/store/schema/7.sql"),
    include_str!("../../src/store/schema/8.sql"),
    include_str!("../../src/store/schema/9.sql"),
    include_str!("../../src/store/schema/10.sql"),
    include_str!("../../src/store/schema/11.sql"),
    include_str!("../../src/store/schema/12.sql"),
    include_str!("../../src/store/schema/13.sql"),
    include_str!("../../src/store/schema/14.sql"),
];

/// Makes a project whose file an earlier drip wrote: somebody who had one mail.
pub(crate) fn of_schema(version: usize) -> Sandbox {
    let project = quiet_project();
    let connection = project.database();
    connection.execute_batch("PRAGMA journal_mode=WAL").unwrap();
    for schema in &SCHEMAS[..version] {
        connection.execute_batch(schema).unwrap();
    }
    connection.pragma_update(None, "user_version", version).unwrap();
    connection.pragma_update(None, "application_id", 0x6472_6970).unwrap();
    connection
        .execute_batch(
            "INSERT INTO contacts (id, email, email_key, consent, created_at) VALUES (1, 'lan@example.com', 'lan@example.com', 'subscribed', 1);
             INSERT INTO campaigns (id, name, fingerprint, first_seen_at, first_event) VALUES (1, 'w', '', 1, 0);
             INSERT INTO enrolments (id, contact_id, campaign_id, round, entered_at) VALUES (1, 1, 1, 1, 1);
             INSERT INTO runs (id, started_at, ended_at) VALUES (1, 1, 2);
             INSERT INTO sends (enrolment_id, step, state, due_at, made_at, at, run_id, message_id)
                 VALUES (1, 'a', 2, 1, 1, 1, 1, '1.1@acme.example');",
        )
        .unwrap();
    project
}

/// Asserts that a file holds what [`of_schema`] put into it, and is of one schema as a whole; returns which.
pub(crate) fn schema_of(sandbox: &Sandbox, moment: &str) -> usize {
    let version = number(sandbox, "PRAGMA user_version");
    let columns = number(sandbox, "SELECT count(*) FROM pragma_table_info('sends') WHERE name = 'kind'")
        + number(sandbox, "SELECT count(*) FROM pragma_table_info('campaigns') WHERE name = 'history'")
        + number(sandbox, "SELECT count(*) FROM pragma_table_info('enrolments') WHERE name = 'left_at'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'open_sends'")
        + number(sandbox, "SELECT count(*) FROM pragma_table_info('sends') WHERE name = 'tried_at'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'link_keys'")
        + number(sandbox, "SELECT count(*) FROM pragma_table_info('contacts') WHERE name = 'paused_until'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'arrivals'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'standings'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'credits'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'trials'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'value_model'")
        + number(sandbox, "SELECT count(*) FROM sqlite_schema WHERE name = 'standing_counts'");
    assert_eq!(columns, version - 1, "{moment}: half of a schema");
    assert_eq!(sandbox.sends(), ["w a lan@example.com sent"], "{moment}");
    sandbox.check_file();
    version
}

fn migration(effort: Effort) -> String {
    let newest = SCHEMAS.len();
    let mut told = Vec::new();
    for version in 1..newest {
        let project = of_schema(version);
        let words = ["report"];
        let kills = everywhere(effort, FEW, &project.copy(), &words, |moment| {
            let untouched = project.copy();
            let killed = kill_at(&untouched, &words, moment);
            let looked_at = untouched.copy();
            let found = schema_of(&looked_at, &format!("{moment:?}"));
            assert!([version, newest].contains(&found), "{moment:?}: schema {found}");
            untouched.drip(&words).code(0);
            assert_eq!(schema_of(&untouched, &format!("{moment:?}")), newest);
            killed
        });
        told.push(format!("{kills} kills from schema {version}"));
    }
    format!("{} to {newest}: the old one or the new one", told.join(", "))
}

/// A project of which there is a copy with fewer people.
pub(crate) fn with_copy() -> Sandbox {
    let project = quiet_project();
    project.write("people.csv", &rows("a"));
    project.drip(&["import", "people.csv"]).code(0);
    project.drip(&["backup", "copy.db"]).code(0);
    project.write("people.csv", &rows("b"));
    project.drip(&["import", "people.csv"]).code(0);
    project
}

fn backup(effort: Effort) -> String {
    let project = with_copy();
    let words = ["backup", "--force", "copy.db"];
    let kills = everywhere(effort, FEW, &project.copy(), &words, |moment| {
        let sandbox = project.copy();
        let killed = kill_at(&sandbox, &words, moment);
        let there = contacts(&sandbox, "copy.db");
        assert!([PEOPLE, 2 * PEOPLE].contains(&there), "{moment:?}: {there} contacts in the copy");
        sandbox.drip(&words).code(0);
        assert_eq!(contacts(&sandbox, "copy.db"), 2 * PEOPLE, "{moment:?}");
        assert_eq!(contacts(&sandbox, "drip.db"), 2 * PEOPLE, "{moment:?}");
        assert!(!sandbox.path("copy.db.part").exists(), "{moment:?}: a part is left");
        sandbox.check();
        killed
    });
    format!("{kills} kills: the copy is the older one or the new one")
}

fn restore(effort: Effort) -> String {
    let project = with_copy();
    let words = ["restore", "copy.db"];
    let kills = everywhere(effort, FEW, &project.copy(), &words, |moment| {
        let untouched = project.copy();
        let killed = kill_at(&untouched, &words, moment);
        let looked_at = untouched.copy();
        let there = contacts(&looked_at, "drip.db");
        assert!([PEOPLE, 2 * PEOPLE].contains(&there), "{moment:?}: {there} contacts");
        looked_at.check();
        untouched.drip(&words).code(0);
        assert_eq!(contacts(&untouched, "drip.db"), PEOPLE, "{moment:?}");
        let kept = ["drip.db.before-restore-1", "drip.db.before-restore-2"];
        assert!(kept.iter().any(|file| contacts(&untouched, file) == 2 * PEOPLE), "{moment:?}: nothing was kept");
        untouched.check();
        killed
    });
    format!("{kills} kills: drip.db is as it was or as the copy is")
}
