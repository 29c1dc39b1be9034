//! The power goes, at any moment: what was not synchronised is lost, and neither promise is.
//!
//! A command is recorded, and for each moment of the record the disk is made as a cut may have left it. The machine starts
//! again, which is another boot id, and drip goes on from what it finds.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::all_or_nothing::{PEOPLE, SCHEMAS, contacts, of_schema, quiet_project, rows, schema_of, with_copy};
use crate::case::{Case, Effort};
use crate::crowd::{Account, Piece, RUN, everyone_due, received, run_until_idle, settle_accounts};
use crate::record::Record;
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};
use crate::trace::{self, Event};

const GROUP: &str = "Loss of power";
const CONNECTIONS: usize = 2;
/// Claims that a run has in hand for each connection, as docs/operating.md says.
const IN_HAND: usize = 32;
/// Pages in the log before a run.
const LOG: usize = 3940;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "P01",
            group: GROUP,
            fault: "the power goes at any write, sync or mail of a run, and with it whatever was not synchronised",
            answer: "nobody gets a mail twice; whoever may have got one is `unknown`, at most 32 a connection; the others get theirs",
            needs: &["strace"],
            story: sending,
        },
        Case {
            id: "P01b",
            group: GROUP,
            fault: "the same while the log grew so long that it is written into drip.db and begun anew",
            answer: "the same",
            needs: &["strace"],
            story: sending_with_a_long_log,
        },
        Case {
            id: "P01c",
            group: GROUP,
            fault: "`kill -9` in the midst of a run, and then the power goes at any moment up to the end of the next run",
            answer: "the same; what the first run did not synchronise may be lost as well",
            needs: &["strace"],
            story: after_a_kill,
        },
        Case {
            id: "P02",
            group: GROUP,
            fault: "the power goes at any write or sync of an import, also of the very first",
            answer: "all of it is in, or nothing; the same import again completes it",
            needs: &["strace"],
            story: import,
        },
        Case {
            id: "P03",
            group: GROUP,
            fault: "the power goes at any write or sync of a migration from an older schema",
            answer: "the file is of the old schema or of the new one, with all that it held",
            needs: &["strace"],
            story: migration,
        },
        Case {
            id: "P04",
            group: GROUP,
            fault: "the power goes at any write or sync of `drip restore` or `drip backup`",
            answer: "drip.db, and the copy, is as it was or as it should be",
            needs: &["strace"],
            story: copies,
        },
    ]
}

/// Goes on from what a cut in a run left; mails had left for the relay before.
fn go_on(sandbox: Sandbox, before: &[Piece], steps: &[&str]) -> Account {
    // The machine starts again. drip tells by the kernel's boot id, which no test can change.
    sandbox.database().execute("UPDATE runs SET boot = 'an earlier one' WHERE boot IS NOT NULL", []).unwrap();
    let relay = SmtpServer::start(Script::new());
    let sandbox = sandbox.through(&relay);
    run_until_idle(&sandbox);
    let account = settle_accounts(&sandbox, steps, [before, &received(&relay)].concat());
    assert!(account.unknown <= CONNECTIONS * IN_HAND, "{} unknown", account.unknown);
    account
}

fn cut_while_sending(record: &Record, steps: &[&str], few: Option<usize>) -> String {
    let (unknown, arrived, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let cuts = record.each_cut(few, |sandbox, before| {
        let account = go_on(sandbox, before, steps);
        unknown.fetch_add(account.unknown, Ordering::SeqCst);
        arrived.fetch_add(account.arrived, Ordering::SeqCst);
        most.fetch_max(account.unknown, Ordering::SeqCst);
    });
    let (unknown, arrived, most) = (unknown.into_inner(), arrived.into_inner(), most.into_inner());
    assert!(
        arrived > 0 && (few.is_some() || unknown > arrived),
        "{unknown} unknown, {arrived} arrived: the cuts hit nothing"
    );
    format!(
        "{cuts} disks; none twice, none lost; at most {most} `unknown`, of all {unknown} of them {arrived} had arrived"
    )
}

fn sending(effort: Effort) -> String {
    trace::check_reading();
    let relay = SmtpServer::start(Script::new());
    let record = Record::of(&everyone_due(20, &["a", "b"], CONNECTIONS), Some(&relay), &RUN);
    cut_while_sending(&record, &["a", "b"], effort.choose(Some(6), None))
}

fn sending_with_a_long_log(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let project = everyone_due(20, &["a"], CONNECTIONS);
    let connection = project.database();
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0").unwrap();
    // At four thousand pages it is written into the file; each of these is one.
    for n in 0..LOG {
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('filler', ?1)", [n]).unwrap();
    }
    let record = Record::of(&project, Some(&relay), &RUN);
    let last_mail = record.events.iter().rposition(|event| matches!(event, Event::Said { .. })).unwrap();
    let midway = record.changes_of("drip.db").iter().filter(|at| **at < last_mail).count();
    assert!(midway > 0, "the log was never written into drip.db");
    let cuts = cut_while_sending(&record, &["a"], effort.choose(Some(4), None));
    format!("drip.db was written to {midway} times between mails; {cuts}")
}

fn after_a_kill(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let record = Record::of_killed(&everyone_due(20, &["a"], CONNECTIONS), &relay, &RUN, 6);
    cut_while_sending(&record, &["a"], effort.choose(Some(4), None))
}

fn import(effort: Effort) -> String {
    let words = ["import", "people.csv"];
    let first = quiet_project().file("people.csv", &rows("a"));
    let second = first.copy();
    second.drip(&words).code(0);
    second.write("people.csv", &rows("b"));
    let mut disks = 0;
    for (project, before) in [(first, 0), (second, PEOPLE)] {
        let record = Record::of(&project, None, &words);
        disks += record.each_cut(effort.choose(Some(6), None), |sandbox, _| {
            let there = contacts(&sandbox.copy(), "drip.db");
            assert!([before, before + PEOPLE].contains(&there), "{there} contacts");
            sandbox.drip(&words).code(0);
            assert_eq!(contacts(&sandbox, "drip.db"), before + PEOPLE);
            sandbox.check();
        });
    }
    format!("{disks} disks, {PEOPLE} rows: none or all")
}

fn migration(effort: Effort) -> String {
    let told: Vec<String> = (1..SCHEMAS.len())
        .map(|version| {
            let record = Record::of(&of_schema(version), None, &["report"]);
            let disks = record.each_cut(effort.choose(Some(4), None), |sandbox, _| {
                let found = schema_of(&sandbox.copy(), "after the cut");
                assert!([version, SCHEMAS.len()].contains(&found), "schema {found}");
                sandbox.drip(&["report"]).code(0);
                assert_eq!(schema_of(&sandbox, "then"), SCHEMAS.len());
            });
            format!("{disks} disks from schema {version}")
        })
        .collect();
    format!("{} to {}: the old one or the new one", told.join(", "), SCHEMAS.len())
}

fn copies(effort: Effort) -> String {
    let project = with_copy();
    let few = effort.choose(Some(4), None);
    let restore = Record::of(&project, None, &["restore", "copy.db"]);
    let restored = restore.each_cut(few, |sandbox, _| {
        let there = contacts(&sandbox.copy(), "drip.db");
        assert!([PEOPLE, 2 * PEOPLE].contains(&there), "{there} contacts");
        sandbox.drip(&["restore", "copy.db"]).code(0);
        assert_eq!(contacts(&sandbox, "drip.db"), PEOPLE);
        sandbox.check();
    });
    let backup = Record::of(&project, None, &["backup", "--force", "copy.db"]);
    let backed_up = backup.each_cut(few, |sandbox, _| {
        let there = contacts(&sandbox, "copy.db");
        assert!([PEOPLE, 2 * PEOPLE].contains(&there), "{there} contacts in the copy");
        sandbox.drip(&["backup", "--force", "copy.db"]).code(0);
        assert_eq!(contacts(&sandbox, "copy.db"), 2 * PEOPLE);
        sandbox.check();
    });
    format!("{restored} disks after a restore, {backed_up} after a backup: each file whole")
}
