//! A backup that is put back: nothing that left since leaves again, and nobody who left the list is on it again.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::server::{Server, path_of};
use crate::support::smtp::{Script, SmtpServer, Verb};

const MONDAY: &str = "2026-03-02T02:00:00Z";
const TUESDAY: &str = "2026-03-03T02:00:00Z";
const WEDNESDAY: &str = "2026-03-04T02:00:00Z";
const SETTINGS: &str = "frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
const STEPS: [&str; 2] =
    ["id: hello, send: mail, subject: hello, hours: \"00:00-24:00\"", "id: more, delay: 1d, send: mail, subject: more"];

fn people(relay: &SmtpServer, trigger: &str, number: usize) -> Sandbox {
    let rows: Vec<String> = (0..number).map(|n| format!("p{n}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new().settings(SETTINGS).campaign("w", &format!("trigger: {trigger}"), &STEPS);
    sandbox.contacts("email", &rows).through(relay)
}

fn back_up(sandbox: &Sandbox) {
    sandbox.drip(&["backup", "--force", "copy.db"]).code(0);
}

fn restore(sandbox: &Sandbox) -> String {
    sandbox.drip(&["restore", "copy.db"]).code(0).stderr
}

fn adopt(sandbox: &Sandbox, now: &str) {
    let refused = sandbox.drip(&["-q", "--now", now, "run"]).code(6);
    assert!(refused.stderr.contains("drip run --adopt"), "{}", refused.stderr);
    let ended = sandbox.drip(&["-q", "--now", now, "run", "--adopt"]);
    assert!([0, 6].contains(&ended.code), "{}", ended.stderr);
}

/// Asserts that no address got a subject twice; returns how many mails there were.
#[track_caller]
fn nobody_twice(relay: &SmtpServer) -> usize {
    let got: BTreeMap<String, usize> = count(relay.mails().into_iter().map(|mail| {
        let text = String::from_utf8(mail.bytes).unwrap();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
        format!("{} {subject}", mail.to[0])
    }));
    assert!(got.values().all(|times| *times == 1), "{got:?}");
    got.len()
}

fn states(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT step || ' ' || state || ' ' || count(*) FROM v_sends GROUP BY step, state ORDER BY step, state")
}

#[test]
fn whatever_was_lost_with_the_folder_a_copy_waits_for_a_person() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 3);
    back_up(&sandbox);
    sandbox.run(MONDAY);
    for name in ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"] {
        let _ = fs::remove_file(sandbox.path(name));
    }
    restore(&sandbox);
    let status = sandbox.drip(&["--now", MONDAY, "status"]).code(6).stdout;
    assert!(
        status.contains("!  drip.db        this drip.db is a copy that was put back: no run sends before"),
        "{status}"
    );
    adopt(&sandbox, MONDAY);
    assert_eq!(nobody_twice(&relay), 3);
    assert!(states(&sandbox).contains(&"hello unknown 3".to_owned()), "{:?}", states(&sandbox));

    // A file that was run from, with its lock gone.
    sandbox.run(TUESDAY);
    fs::copy(sandbox.path("copy.db"), sandbox.path("drip.db")).unwrap();
    fs::remove_file(sandbox.path("drip.lock")).unwrap();
    sandbox.drip(&["-q", "--now", TUESDAY, "run"]).code(0);
    let _ = fs::remove_file(sandbox.path("drip.lock"));
    sandbox.drip(&["-q", "--now", WEDNESDAY, "run"]).code(6);
}

#[test]
fn a_copy_made_while_a_run_sends_does_not_pass_for_the_file_after_it() {
    let slow = Script::new().on(Verb::Content).stall(Duration::from_millis(20));
    let relay = SmtpServer::start(slow);
    let sandbox = people(&relay, "{ segment: 'true' }", 30);
    let mut run = sandbox.command(&["-q", "--now", MONDAY, "run"]).spawn().unwrap();
    while relay.mails().len() < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    back_up(&sandbox);
    let had = relay.mails().len();
    assert!(run.wait().unwrap().success() && had < 30, "the run was done too soon to tell");
    // By hand, as one who does not know `drip restore` would.
    for name in ["drip.db-wal", "drip.db-shm"] {
        let _ = fs::remove_file(sandbox.path(name));
    }
    fs::copy(sandbox.path("copy.db"), sandbox.path("drip.db")).unwrap();
    adopt(&sandbox, MONDAY);
    assert_eq!(nobody_twice(&relay), 30);
    restore(&sandbox);
    adopt(&sandbox, MONDAY);
    assert_eq!(nobody_twice(&relay), 30);
}

#[test]
fn whoever_came_in_after_the_copy_gets_nothing_twice() {
    // By an event, by a day, and by what a contact is: none of them in the copy yet.
    for trigger in ["{ event: signed_up }", "{ date: birthday, yearly: true }", "{ tag: buyer }"] {
        let relay = SmtpServer::start(Script::new());
        let sandbox = people(&relay, trigger, 0);
        sandbox.run("2026-03-01T02:00:00Z");
        sandbox.import("email,birthday,tags", &["lan@example.com,1990-03-02,buyer"]);
        sandbox.drip(&["--now", "2026-03-01T03:00:00Z", "track", "lan@example.com", "signed_up"]).code(0);
        back_up(&sandbox);
        for now in [MONDAY, TUESDAY] {
            sandbox.run(now);
        }
        let had = relay.mails().len();
        assert_eq!(had, 2, "{trigger}");
        restore(&sandbox);
        adopt(&sandbox, TUESDAY);
        for now in [TUESDAY, WEDNESDAY, "2026-03-05T02:00:00Z"] {
            sandbox.run(now);
        }
        assert_eq!(nobody_twice(&relay), had, "{trigger}");
    }
}

#[test]
fn a_campaign_that_was_paused_or_without_its_file_in_the_copy_gets_nothing_twice() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 3);
    sandbox.run(MONDAY);
    sandbox.drip(&["campaign", "pause", "w"]).code(0);
    back_up(&sandbox);
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    sandbox.run(TUESDAY);
    assert_eq!(nobody_twice(&relay), 6);
    restore(&sandbox);
    adopt(&sandbox, TUESDAY);
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    sandbox.run(WEDNESDAY);
    assert_eq!(
        (nobody_twice(&relay), states(&sandbox)),
        (6, vec!["hello sent 3".to_owned(), "more unknown 3".to_owned()])
    );

    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 3);
    sandbox.run(MONDAY);
    back_up(&sandbox);
    sandbox.run(TUESDAY);
    restore(&sandbox);
    let file = fs::read(sandbox.path("campaigns/w.yaml")).unwrap();
    fs::remove_file(sandbox.path("campaigns/w.yaml")).unwrap();
    adopt(&sandbox, TUESDAY);
    fs::write(sandbox.path("campaigns/w.yaml"), file).unwrap();
    sandbox.drip(&["--now", WEDNESDAY, "run"]).code(6);
    assert_eq!(
        (nobody_twice(&relay), states(&sandbox)),
        (6, vec!["hello sent 3".to_owned(), "more unknown 3".to_owned()])
    );
}

#[test]
fn a_frequency_cap_hides_no_mail_that_may_have_left() {
    let relay = SmtpServer::start(Script::new());
    let campaign = |sandbox: Sandbox, id: &str, delay: &str| {
        let step = format!("id: x, delay: {delay}, send: mail, subject: {id}");
        sandbox.campaign(id, "trigger: { segment: 'true' }\nhours: \"00:00-24:00\"\ndays: mon-sun", &[&step])
    };
    let sandbox = Sandbox::new().settings("frequency_cap: 1 per day\nsmtp: { url: \"smtp://localhost\" }");
    let sandbox =
        campaign(campaign(sandbox, "a", "41h"), "b", "16h").contacts("email", &["lan@example.com"]).through(&relay);
    sandbox.run(MONDAY);
    back_up(&sandbox);
    for hour in ["02T19:00", "03T20:00"] {
        sandbox.run(&format!("2026-03-{hour}:00Z"));
    }
    assert_eq!(nobody_twice(&relay), 2);
    restore(&sandbox);
    adopt(&sandbox, "2026-03-03T20:30:00Z");
    for day in 4..8 {
        sandbox.run(&format!("2026-03-0{day}T13:00:00Z"));
    }
    assert_eq!(nobody_twice(&relay), 2);
}

#[test]
fn whoever_wanted_no_more_mail_or_was_forgotten_stays_so() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 6);
    sandbox.run(MONDAY);
    back_up(&sandbox);
    sandbox.import("email", &["late@example.com"]);
    let used = sandbox.sql("SELECT max(id) FROM sends")[0].parse::<i64>().unwrap();
    sandbox.drip(&["contact", "unsubscribe", "p0@example.com"]).code(0);
    sandbox.drip(&["contact", "unsubscribe", "late@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "p1@example.com"]).code(0);
    sandbox.drip(&["contact", "forget", "--yes", "p2@example.com"]).code(0);
    let said = restore(&sandbox);
    assert!(said.contains("2 who want no more mail are kept so"), "{said}");
    assert!(said.contains("1 who were forgotten are forgotten again"), "{said}");
    assert!(sandbox.sql("SELECT email FROM contacts WHERE email LIKE 'p2%'").is_empty());
    adopt(&sandbox, MONDAY);
    sandbox.import("email", &["p0@example.com", "late@example.com", "p1@example.com"]);
    sandbox.run(TUESDAY);
    sandbox.run(WEDNESDAY);
    let more: Vec<_> = relay.recipients().split_off(6);
    assert_eq!(more.len(), 3, "{more:?}");
    assert!(["p3@", "p4@", "p5@"].iter().all(|who| more.iter().any(|to| to.starts_with(who))), "{more:?}");
    // No Message-ID of before comes again, whatever the copy knew.
    assert!(sandbox.sql("SELECT min(id) FROM sends WHERE step = 'more'")[0].parse::<i64>().unwrap() > used);
    sandbox.check();
}

#[test]
fn a_file_that_is_no_copy_takes_nothing_away() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 3);
    sandbox.run(MONDAY);
    fs::write(sandbox.path("drip.db"), b"damaged").unwrap();
    sandbox.write("text.db", &"no database at all\n".repeat(100));
    sandbox.drip(&["restore", "text.db"]).code(7);
    assert_eq!(fs::read(sandbox.path("drip.db")).unwrap(), b"damaged");
    assert!(!sandbox.path("drip.db.before-restore-1").exists());
}

#[test]
fn links_of_mails_that_the_copy_does_not_know_go_on_working() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings(&format!("public_url: http://localhost\n{SETTINGS}"))
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &["lan@example.com"])
        .through(&relay);
    back_up(&sandbox);
    sandbox.drip(&["key", "rotate"]).code(0);
    sandbox.import("email", &["late@example.com"]);
    sandbox.run(MONDAY);
    let server = Server::start(&sandbox);
    restore(&sandbox);
    adopt(&sandbox, MONDAY);
    assert_eq!(relay.mails().len(), 2);
    for mail in relay.mails() {
        let path = path_of(&mail.bytes);
        assert_eq!(server.ask("POST", &path, "List-Unsubscribe=One-Click").code, 200, "{path}");
    }
    assert_eq!(sandbox.sql("SELECT consent FROM contacts"), ["unsubscribed"]);
    // Whom the copy does not know an import does not bring back.
    sandbox.import("email", &["late@example.com"]);
    for now in [TUESDAY, WEDNESDAY] {
        sandbox.run(now);
    }
    assert_eq!(relay.mails().len(), 2);
}

#[test]
fn whoever_unsubscribes_while_a_copy_is_put_back_stays_unsubscribed() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, "{ segment: 'true' }", 30);
    sandbox.run(MONDAY);
    back_up(&sandbox);
    let filler = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000)
                  INSERT INTO meta SELECT 'filler-' || n, randomblob(4000) FROM n";
    sandbox.database().execute(filler, []).unwrap();
    let mut restoring = sandbox.command(&["restore", "copy.db"]).spawn().unwrap();
    let mut said_no = 0;
    while restoring.try_wait().unwrap().is_none() && said_no < 30 {
        sandbox.drip(&["contact", "unsubscribe", &format!("p{said_no}@example.com")]).code(0);
        said_no += 1;
    }
    assert!(restoring.wait().unwrap().success() && said_no > 1, "{said_no}: the copy was back at once");
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts WHERE consent = 'unsubscribed'"), [said_no.to_string()]);
    sandbox.check();
}
