//! A file that another process holds, that may not be written, or that another drip wrote.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::all_or_nothing::SCHEMAS;
use crate::case::{Case, Effort};
use crate::people::{NOW, below, due, everyone_once, number};
use crate::support::Sandbox;
use crate::support::sandbox::{Ended, binary};
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "A hostile machine";
/// The user who owns nothing.
const NOBODY: u32 = 65534;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F24",
            group: GROUP,
            fault: "another process holds the database",
            answer: "a run waits for 20 seconds, then ends with code 7, before it has claimed or connected to anything",
            needs: &[],
            story: busy,
        },
        Case {
            id: "F25",
            group: GROUP,
            fault: "database, `-wal`, `-shm`, lock or folder belong to somebody else, or may not be written",
            answer: "code 7 before anything is connected to, with the file and who must own it",
            needs: &["root", "setpriv"],
            story: without_rights,
        },
        Case {
            id: "F27",
            group: GROUP,
            fault: "the database is of an older drip, of a newer one, or of another program",
            answer: "an older one is copied aside (mode 600) and migrated in one transaction; the others are refused with code 7 and not touched",
            needs: &[],
            story: versions,
        },
        Case {
            id: "F27b",
            group: GROUP,
            fault: "no room at any moment of a migration",
            answer: "code 7, and the file is as it was; the next command migrates it",
            needs: &["strace"],
            story: migration_without_room,
        },
    ]
}

fn busy(effort: Effort) -> String {
    let people = 3;
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(people, 1).through(&relay);
    let mut other = sandbox.database();
    let hold = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let mut waiting = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");
    if effort == Effort::Quick {
        drop(hold);
        assert!(waiting.wait().unwrap().success());
    } else {
        let output = waiting.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.contains("another process keeps the database busy") && said.contains("run again"), "{said}");
        assert_eq!(relay.connections(), 0);
        drop(hold);
        assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends"), 0);
        let mut child = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
        while relay.mails().is_empty() {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        let hold = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        std::thread::sleep(Duration::from_secs(25));
        drop(hold);
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(everyone_once(&sandbox, &relay, people), 0);
    match effort {
        Effort::Quick => "held for a moment: the run went on after it",
        _ => "held for longer: stopped before any claim; with mails in hand it waited; sent once it was free",
    }
    .to_owned()
}

/// Runs as a user who owns the project's folder and everything in it but for what a case takes away.
fn as_nobody(sandbox: &Sandbox) -> Ended {
    let inner = sandbox.command(&["-q", "--now", NOW, "run"]);
    let user = NOBODY.to_string();
    // The program under test may lie where that user cannot go; in its place stands a copy.
    let mut copy = std::process::Command::new(sandbox.path("drip"));
    copy.args(inner.get_args()).current_dir(sandbox.path("."));
    copy.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ended::of(&mut below(&["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"], &copy))
}

fn without_rights(_: Effort) -> String {
    let people = 3;
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(people, 1).through(&relay);
    fs::copy(binary(), sandbox.path("drip")).unwrap();
    for name in ["drip.db-wal", "drip.db-shm", "drip.lock"] {
        sandbox.write(name, "");
    }
    let give = |name: &str, user: u32| chown(sandbox.path(name), Some(user), Some(user)).unwrap();
    let mode =
        |name: &str, mode: u32| fs::set_permissions(sandbox.path(name), PermissionsExt::from_mode(mode)).unwrap();
    let files = ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"];
    let all_right = || {
        for name in files {
            if !sandbox.path(name).exists() {
                sandbox.write(name, "");
            }
            give(name, NOBODY);
            mode(name, 0o600);
        }
        give(".", NOBODY);
        mode(".", 0o700);
    };
    let mut tried = 0;
    let mut refused = |what: &str| {
        let ended = as_nobody(&sandbox);
        let said = format!("{what}: {}", ended.stderr);
        assert_eq!(ended.code, 7, "{said}");
        assert!(said.contains("error: ") && said.contains("whoever runs drip must own"), "{said}");
        assert_eq!(relay.connections(), 0, "{said}");
        tried += 1;
    };
    for name in files {
        all_right();
        give(name, 0);
        refused(&format!("{name} belongs to root"));
        all_right();
        mode(name, 0o400);
        // SQLite gives its owner's log the mode of the database back.
        if name != "drip.db-wal" {
            refused(&format!("{name} may only be read"));
        }
    }
    all_right();
    fs::remove_file(sandbox.path("drip.db-wal")).unwrap();
    fs::remove_file(sandbox.path("drip.db-shm")).unwrap();
    mode(".", 0o500);
    refused("nothing may be made in the folder");
    all_right();
    as_nobody(&sandbox).code(0);
    everyone_once(&sandbox, &relay, people);
    format!("{tried} ways, no connection; sent once the rights were right")
}

/// Puts a database of an older drip in the place of the project's: one contact, who had `hello` and waits for `more`.
fn older(sandbox: &Sandbox, version: usize) {
    for name in ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"] {
        let _ = fs::remove_file(sandbox.path(name));
    }
    let database = Connection::open(sandbox.path("drip.db")).unwrap();
    for migration in &SCHEMAS[..version] {
        database.execute_batch(migration).unwrap();
    }
    database
        .execute_batch(&format!(
            "INSERT INTO contacts (id, email, email_key, consent, created_at)
                 VALUES (1, 'old@example.com', 'old@example.com', 'subscribed', 1772323200000);
             INSERT INTO campaigns (id, name, fingerprint, first_seen_at, first_event)
                 VALUES (1, 'w', 'x', 1772323200000, 0);
             INSERT INTO members VALUES (1, 1);
             INSERT INTO enrolments (id, contact_id, campaign_id, round, position, entered_at, due_at)
                 VALUES (1, 1, 1, 1, 'more', 1772323200000, 1772416800000);
             INSERT INTO sends (enrolment_id, step, state, due_at, made_at, at, message_id)
                 VALUES (1, 'hello', 2, 1772323200000, 1772323200000, 1772323200000, 'x.1@acme.example');
             PRAGMA application_id = {}; PRAGMA user_version = {version}; PRAGMA journal_mode = WAL;",
            0x6472_6970
        ))
        .unwrap();
}

fn versions(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    for version in 1..SCHEMAS.len() {
        let before = relay.recipients().len();
        older(&sandbox, version);
        let kept = format!("drip.db.schema-{version}.backup");
        let _ = fs::remove_file(sandbox.path(&kept));
        let said = sandbox.drip(&["--now", NOW, "run"]).code(0).stderr;
        assert!(said.contains(&format!("as it was it lies in ./{kept}.")), "{said}");
        assert_eq!(fs::metadata(sandbox.path(&kept)).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Connection::open(sandbox.path(&kept)).unwrap();
        let was: usize = copy.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        let contacts: usize = copy.query_row("SELECT count(*) FROM contacts", [], |row| row.get(0)).unwrap();
        assert_eq!((was, contacts), (version, 1));
        sandbox.check();
        assert_eq!(number(&sandbox, "PRAGMA user_version"), SCHEMAS.len());
        assert_eq!(sandbox.sends(), ["w hello old@example.com sent", "w more old@example.com sent"]);
        assert_eq!(relay.recipients()[before..], ["old@example.com"], "schema {version}");
        assert!(!sandbox.drip(&["--now", NOW, "run"]).code(0).stderr.contains("as it was"));
    }
    let before = relay.connections();
    let refused = |change: &str, says: &str| {
        older(&sandbox, 2);
        let database = sandbox.database();
        database.execute_batch(change).unwrap();
        database.pragma_update(None, "journal_mode", "DELETE").unwrap();
        drop(database);
        let bytes = fs::read(sandbox.path("drip.db")).unwrap();
        for words in [&["run"][..], &["status"], &["import", "import.csv"], &["backup", "copy.db"]] {
            let said = sandbox.drip(words).code(7).stderr;
            assert!(said.contains(says), "{said}");
        }
        assert_eq!(fs::read(sandbox.path("drip.db")).unwrap(), bytes, "it is as it was");
    };
    refused("PRAGMA user_version = 99", "was written by a newer drip");
    refused("PRAGMA application_id = 7", "is not a drip database");
    refused("PRAGMA application_id = 0", "is not a drip database");
    assert_eq!(relay.connections(), before);
    format!("schemas 1 to {} migrated, each with a copy, and sent from; three others refused", SCHEMAS.len() - 1)
}

fn migration_without_room(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    let mut moments = 0;
    for at in (1..).step_by(effort.choose(15, 1)) {
        older(&sandbox, 1);
        let _ = fs::remove_file(sandbox.path("drip.db.schema-1.backup"));
        let inject = format!("inject=pwrite64:error=ENOSPC:when={at}+");
        let words = ["strace", "-f", "-qq", "-e", "trace=pwrite64", "-e", &inject, "-o", "trace"];
        let ended = Ended::of(&mut below(&words, &sandbox.command(&["--now", NOW, "status"])));
        if !fs::read_to_string(sandbox.path("trace")).unwrap().contains("(INJECTED)") {
            break;
        }
        let version = number(&sandbox, "SELECT user_version FROM pragma_user_version");
        assert_eq!(ended.code == 7, version == 1, "at {at}: schema {version}, {}", ended.stderr);
        if version == 1 {
            assert!(ended.stderr.contains("the disk is full"), "at {at}: {}", ended.stderr);
            for left in ["drip.db.schema-1.part", "drip.db.schema-1.part-journal"] {
                assert!(!sandbox.path(left).exists(), "at {at}: {left}");
            }
        }
        sandbox.drip(&["-q", "--now", NOW, "run"]).code(0);
        assert_eq!(sandbox.sends(), ["w hello old@example.com sent", "w more old@example.com sent"], "at {at}");
        sandbox.check();
        moments += 1;
    }
    format!("{moments} moments")
}
