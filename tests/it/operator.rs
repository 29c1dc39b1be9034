//! What the operator sees at three in the morning, and what they can do about it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::documents::document;
use crate::support::Sandbox;
use crate::support::eml;
use crate::support::sandbox::{Ended, binary};
use crate::support::smtp::{Script, SmtpServer, Verb};

const NOW: &str = "2026-03-02T02:00:00Z";
const NEXT_DAY: &str = "2026-03-03T02:00:00Z";

/// Five contacts and two steps; mail goes to `relay`.
fn five(relay: &SmtpServer, steps: &[&str]) -> Sandbox {
    Sandbox::new()
        .settings("smtp: { url: \"smtp://localhost\", connections: 1 }")
        .campaign("w", "trigger: { segment: 'true' }", steps)
        .contacts("email", &["a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"])
        .through(relay)
}

const TWO: [&str; 2] = ["id: hello, send: mail", "id: more, delay: 1d, send: mail"];

/// A relay that takes the mails to these addresses and says nothing, once each.
fn silent_to(addresses: &[&str]) -> SmtpServer {
    let all = addresses
        .iter()
        .fold(Script::new(), |script, address| script.on(Verb::Rcpt).to(address).times(1).reply("250 2.1.5 ok"));
    SmtpServer::start((1..=addresses.len()).fold(all, |script, mail| script.on(Verb::Content).mail(mail).close()))
}

#[test]
fn status_says_that_all_is_well_and_what_is_not() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = five(&relay, &TWO);
    let status = |now: &str, code: i32| sandbox.drip(&["--now", now, "status"]).code(code).stdout;
    assert!(status(NOW, 6).contains("!  last good run  none yet"), "nothing ran yet");
    sandbox.run(NOW);
    assert_eq!(
        status("2026-03-02T02:30:00Z", 0),
        "  last run       2026-03-02 09:00 (30 min ago)\n  last good run  2026-03-02 09:00 (30 min ago)\n  w              next: 2026-03-03 09:00\nAll is well.\n"
    );
    // Cron stopped: first nobody ran, then people wait.
    let late = status("2026-03-06T02:00:00Z", 6);
    assert!(late.contains("!  last good run  2026-03-02 09:00 (4 d ago)"), "{late}");
    assert!(late.contains("!  w              5 people are due, the first since 2026-03-03 09:00 (3 d ago)"), "{late}");
    assert!(late.ends_with("2 things need a person, marked with `!`.\n"), "{late}");
    let strict = sandbox.drip(&["--now", "2026-03-03T03:00:00Z", "status", "--max-late", "30m", "--max-idle", "2d"]);
    assert!(strict.code(6).stdout.contains("!  w "));
    let lax = sandbox.drip(&["--now", "2026-03-06T02:00:00Z", "status", "--max-late", "1w", "--max-idle", "1w"]);
    lax.code(0);
    sandbox.drip(&["status", "--max-late", "soon"]).code(2);
    // What a person paused is meant to wait.
    sandbox.drip(&["campaign", "pause", "w"]).code(0);
    let paused =
        sandbox.drip(&["--now", "2026-03-03T12:00:00Z", "status", "--max-late", "1h", "--max-idle", "2d"]).code(0);
    assert!(paused.stdout.contains("paused: "), "{}", paused.stdout);
}

#[test]
fn a_run_that_found_no_relay_is_no_good_run() {
    let relay = SmtpServer::start(Script::new());
    let mut sandbox = five(&relay, &TWO);
    sandbox.run(NOW);
    sandbox.send_to_port(None);
    sandbox.drip(&["--now", NEXT_DAY, "run"]).code(5);
    let said = sandbox.drip(&["--now", NEXT_DAY, "status", "--max-idle", "23h"]).code(6).stdout;
    assert!(said.contains("last run       2026-03-03 09:00 (0 s ago), the run stopped"), "{said}");
    assert!(said.contains("!  last good run  2026-03-02 09:00 (1 d ago)"), "{said}");
}

#[test]
fn status_speaks_to_machines_too() {
    let relay = silent_to(&["a@"]);
    let sandbox = five(&relay, &TWO);
    sandbox.run_ends(NOW, 6);
    let json = sandbox.drip(&["--now", "2026-03-03T03:00:00Z", "--json", "status"]).code(6).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["last_good_run"], "2026-03-02T02:00:00Z");
    assert_eq!(json["campaigns"][0]["open"]["unknown"], 1);
    assert_eq!(json["campaigns"][0]["late"], 5);
    let metrics = sandbox.drip(&["--now", "2026-03-03T03:00:00Z", "status", "--format", "prometheus"]).code(6).stdout;
    for line in [
        "drip_ok 0",
        "drip_last_good_run_timestamp_seconds 1772416800",
        "drip_late_people{campaign=\"w\"} 5",
        "drip_late_seconds{campaign=\"w\"} 3600",
        "drip_open_mails{campaign=\"w\",state=\"unknown\"} 1",
        "drip_open_mails{campaign=\"w\",state=\"held\"} 0",
        "# TYPE drip_paused gauge",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line}:\n{metrics}");
    }
}

#[test]
fn monitoring_hears_of_a_project_that_cannot_be_looked_at() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = five(&relay, &TWO);
    let guide = document("docs/operating.md");
    let recipe = guide.lines().find(|line| line.contains("--format prometheus >")).unwrap();
    let recipe = recipe
        .replace("/var/lib/node_exporter/", "")
        .replace("-C /srv/tea-shop", "--now 2026-03-02T02:30:00Z -C \"$PROJECT\"");
    let folder = tempfile::tempdir().unwrap();
    let collected = || {
        let path = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &recipe]).current_dir(folder.path()).env_clear().env("PATH", path);
        let said = Ended::of(shell.env("PROJECT", sandbox.path("."))).code(0).stderr;
        (fs::read_to_string(folder.path().join("drip.prom")).unwrap(), said)
    };
    let alarm = "# HELP drip_ok 1 while nothing needs a person.\n# TYPE drip_ok gauge\ndrip_ok 0\n";
    sandbox.run(NOW);
    assert!(collected().0.contains("\ndrip_ok 1\n"), "{}", collected().0);
    let status = |code: i32| sandbox.drip(&["--now", NOW, "status", "--format", "prometheus"]).code(code);
    let whole = fs::read(sandbox.path("campaigns/w.yaml")).unwrap();
    sandbox.write("campaigns/w.yaml", "steps: [\n");
    assert_eq!((status(3).stdout.as_str(), collected().0.as_str()), (alarm, alarm));
    assert!(collected().1.contains("campaigns/w.yaml:"), "{}", collected().1);
    fs::write(sandbox.path("campaigns/w.yaml"), whole).unwrap();
    sandbox.write("drip.db", "not a database, but as long as the head of one: ".repeat(100).as_str());
    assert_eq!((status(7).stdout.as_str(), collected().0.as_str()), (alarm, alarm));
    assert!(collected().1.contains("drip restore FILE"), "{}", collected().1);
    assert_eq!(sandbox.drip(&["status"]).code(7).stdout, "", "to people it is said in words");
}

#[test]
fn an_unknown_mail_is_taken_for_sent_sent_again_or_passed_over_as_a_person_says() {
    let relay = silent_to(&["a@", "b@", "c@"]);
    let sandbox = five(&relay, &TWO);
    sandbox.run_ends(NOW, 6);
    let listed = sandbox.drip(&["--now", NOW, "resolve"]).code(0).stdout;
    assert_eq!(listed.lines().filter(|line| line.contains(" unknown ")).count(), 3, "{listed}");
    assert!(listed.contains("hello  a@example.com  unknown  2026-03-02 09:00  no answer to the content"), "{listed}");

    let id = sandbox.sql("SELECT message_id FROM v_sends WHERE email = 'b@example.com'").remove(0);
    sandbox.drip(&["--now", NOW, "resolve", "--sent"]).code(2);
    sandbox.drip(&["--now", NOW, "resolve", "nobody@example.com", "--sent"]).code(2);
    for (words, missing) in [
        (&["--state", "held", "--resend"][..], "no mail is held"),
        (&["--step", "more", "--sent"], "no mail of step `more` is held or unknown"),
        (&["--campaign", "w", "--step", "more", "--skip"], "no mail of step `more` of campaign `w` is held or unknown"),
        (
            &["a@example.com", "b@example.com", "--state", "held", "--skip"],
            "no mail to or with `a@example.com` and `b@example.com` is held",
        ),
    ] {
        let said = sandbox.drip(&[&["--now", NOW, "resolve"], words].concat()).code(2).stderr;
        assert_eq!(said, format!("error: {missing}\nhint: `drip resolve` lists all that are\n"), "{words:?}");
    }
    assert_eq!(
        sandbox.drip(&["--now", NOW, "resolve", "A@example.com", "--sent"]).code(0).stdout,
        "1 mail taken for sent.\n"
    );
    assert_eq!(
        sandbox.drip(&["--now", NOW, "resolve", &format!("<{id}>"), "--resend"]).code(0).stdout,
        "1 mail sent by the next run.\n"
    );
    sandbox.drip(&["--now", NOW, "resolve", "--campaign", "w", "--step", "hello", "--skip"]).code(0);
    assert_eq!(sandbox.drip(&["resolve"]).code(0).stdout, "No mail is held or unknown.\n");
    // All that are held, of which there are none: as a cron would say it.
    sandbox.drip(&["resolve", "--all", "--state", "held", "--skip"]).code(0);
    assert_eq!(sandbox.drip(&["resolve", "--all", "--skip"]).code(0).stdout, "No mail is held or unknown.\n");
    sandbox.drip(&["resolve", "--campaign", "w", "--skip"]).code(2);
    assert_eq!(
        sandbox.sql("SELECT email || ' ' || state FROM v_sends ORDER BY email LIMIT 3"),
        ["a@example.com sent", "b@example.com deferred", "c@example.com skipped"]
    );

    sandbox.run("2026-03-02T02:10:00Z");
    let to_b: Vec<_> = relay.mails().into_iter().filter(|mail| mail.to == ["b@example.com"]).collect();
    assert_eq!(to_b.len(), 2, "the very same mail, once more");
    assert_eq!(to_b[0].bytes, to_b[1].bytes);
    // The sequence goes on for all of them, from when their first mail left, or was passed over.
    sandbox.run(NEXT_DAY);
    sandbox.run("2026-03-03T02:10:00Z");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE step = 'more' AND state = 'sent'"), ["5"]);
}

#[test]
fn a_mail_is_not_sent_again_behind_what_came_after_it() {
    let relay = silent_to(&["a@", "b@"]);
    let sandbox = five(&relay, &TWO);
    sandbox.run_ends(NOW, 6);
    sandbox.run(NEXT_DAY);
    let refused = sandbox.drip(&["--now", NEXT_DAY, "resolve", "a@example.com", "--resend"]).code(4);
    assert!(refused.stderr.contains("a sequence never runs backwards"), "{}", refused.stderr);

    // The last mail of a sequence can be: it is reopened for it.
    let relay = silent_to(&["a@"]);
    let sandbox = five(&relay, &["id: only, send: mail"]);
    sandbox.run_ends(NOW, 6);
    assert_eq!(sandbox.sql("SELECT DISTINCT state FROM v_enrolments"), ["finished"]);
    sandbox.drip(&["--now", NEXT_DAY, "resolve", "--all", "--resend"]).code(0);
    sandbox.run(NEXT_DAY);
    assert_eq!(relay.mails().iter().filter(|mail| mail.to == ["a@example.com"]).count(), 2);
    assert_eq!(sandbox.sql("SELECT state || ' ' || count(*) FROM v_enrolments GROUP BY state"), ["finished 5"]);

    // Nobody who said no in the meantime.
    let relay = silent_to(&["a@"]);
    let sandbox = five(&relay, &["id: only, send: mail"]);
    sandbox.run_ends(NOW, 6);
    sandbox.drip(&["contact", "unsubscribe", "a@example.com"]).code(0);
    sandbox.drip(&["--now", NEXT_DAY, "resolve", "--all", "--resend"]).code(0);
    sandbox.run(NEXT_DAY);
    assert_eq!(relay.mails().iter().filter(|mail| mail.to == ["a@example.com"]).count(), 1);
}

#[test]
fn a_mail_that_is_sent_again_is_rendered_anew() {
    let relay = silent_to(&["a@"]);
    let sandbox = five(&relay, &["id: only, send: mail"]);
    sandbox.run_ends(NOW, 6);
    sandbox.drip(&["contact", "set", "a@example.com", "first_name=Lan"]).code(0);
    sandbox.drip(&["--now", NOW, "resolve", "--all", "--resend"]).code(0);
    sandbox.run(NEXT_DAY);
    let mails = relay.mails().into_iter().filter(|mail| mail.to == ["a@example.com"]);
    let letters: Vec<_> = mails.map(|mail| eml::read(&String::from_utf8(mail.bytes).unwrap())).collect();
    assert_eq!(letters.iter().map(|letter| &letter.subject).collect::<Vec<_>>(), ["Chào bạn", "Chào Lan"]);
    assert_eq!(letters[0].message_id, letters[1].message_id);
}

#[test]
fn a_held_mail_can_be_passed_over() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = five(&relay, &["id: hello, send: mail, subject: 'Chào {{first_name}}'", TWO[1]]);
    sandbox.run_ends(NOW, 6);
    let listed = sandbox.drip(&["--now", NOW, "resolve", "--state", "held"]).code(0).stdout;
    assert_eq!(listed.lines().count(), 6, "{listed}");
    assert!(listed.contains("first_name"), "{listed}");
    sandbox.drip(&["--now", NOW, "resolve", "--state", "held", "--sent"]).code(2);
    sandbox.drip(&["--now", NOW, "resolve", "--all", "--skip"]).code(0);
    sandbox.run(NEXT_DAY);
    sandbox.run("2026-03-04T02:00:00Z");
    assert_eq!(relay.recipients().len(), 5);
    assert_eq!(sandbox.sql("SELECT DISTINCT reason FROM v_sends WHERE state = 'skipped'"), ["settled by hand"]);
}

#[test]
fn a_log_names_nobody_unless_it_is_asked_to_and_machines_can_read_it() {
    let relay =
        SmtpServer::start(Script::new().on(Verb::Rcpt).to("b@").reply("550 5.7.1 <b@example.com> is not welcome"));
    let sandbox = five(&relay, &["id: hello, send: mail"]);
    let said = sandbox.drip(&["--now", NOW, "run"]).code(6).stderr;
    assert!(said.contains("w hello: b***@example.com rejected: 550 5.7.1 <b***@example.com> is not welcome"), "{said}");
    assert!(!said.contains("b@example.com"), "{said}");

    let relay =
        SmtpServer::start(Script::new().on(Verb::Rcpt).to("b@").reply("550 5.7.1 <b@example.com> is not welcome"));
    let sandbox = five(&relay, &["id: hello, send: mail"]);
    let log = sandbox.drip(&["--now", NOW, "--log-format", "json", "-v", "run"]).code(6).stderr;
    let records: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.iter().all(|record| record["time"].is_string() && record["message"].is_string()));
    let of = |event: &str| records.iter().filter(|record| record["event"] == event).collect::<Vec<_>>();
    assert_eq!((of("entered").len(), of("sent").len()), (5, 4));
    let rejected = of("rejected").remove(0);
    assert_eq!(rejected["level"], "warning");
    assert_eq!(rejected["contact"], "b@example.com");
    assert_eq!((&rejected["campaign"], &rejected["step"]), (&"w".into(), &"hello".into()));

    sandbox.write("campaigns/broken.yaml", "steps: [\n");
    let log = sandbox.drip(&["--log-format", "json", "run"]).code(3).stderr;
    assert_eq!(
        without_time(&log),
        [json!({
            "level": "error", "message": "this is not valid YAML: unclosed bracket '['",
            "file": "campaigns/broken.yaml", "line": 1, "column": 8,
            "hint": ["check the indentation, and put texts with `: ` or `#` in quotes"],
        })]
    );
}

/// Returns the records of a log without the time that each has.
fn without_time(log: &str) -> Vec<serde_json::Value> {
    let read = |line: &str| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(record.as_object_mut().unwrap().remove("time").unwrap().is_string());
        record
    };
    log.lines().map(read).collect()
}

#[test]
fn a_log_ends_with_what_the_run_did() {
    let relay = SmtpServer::start(Script::new().on(Verb::Rcpt).to("b@").reply("550 5.1.1 no such user"));
    let sandbox = five(&relay, &TWO);
    let run = |now: &str, words: &[&str], code: i32| {
        sandbox.drip(&[&["--now", now, "--log-format", "json"], words].concat()).code(code)
    };
    let ended = run(NOW, &["--json", "run"], 6);
    let last = without_time(&ended.stderr).pop().unwrap();
    assert_eq!(last["event"], "run");
    assert_eq!((&last["totals"]["sent"], &last["totals"]["rejected"]), (&json!(4), &json!(1)));
    assert_eq!(last["totals"], serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()["totals"]);
    assert_eq!(last["message"], "4 mails sent, 5 enrolled, 1 rejected and 1 left early.");
    let idle = without_time(&run(NOW, &["run"], 0).stderr);
    assert_eq!((idle.len(), &idle[0]["message"]), (1, &json!("Nothing was due.")));
    assert_eq!(run(NOW, &["-q", "run"], 0).stderr, "", "it is no trouble");
    assert!(!sandbox.drip(&["--now", NOW, "run"]).code(0).stderr.contains("Nothing was due"), "people read stdout");

    let log = without_time(&run(NEXT_DAY, &["run", "--limit", "1"], 0).stderr);
    assert!(log.last().unwrap()["stopped"].as_str().unwrap().contains("limit"), "{log:?}");
}

#[test]
fn a_log_takes_errors_apart_whatever_they_are_about() {
    let mut sandbox = five(&SmtpServer::start(Script::new()), &TWO);
    let said = |sandbox: &Sandbox, words: &[&str], code: i32| {
        without_time(&sandbox.drip(&[&["--log-format", "json", "--now", NOW], words].concat()).code(code).stderr)
    };
    // A command line that cannot be read.
    let wrong = said(&sandbox, &["status", "--format", "prometeus"], 2).remove(0);
    assert_eq!(
        wrong["message"],
        "invalid value 'prometeus' for '--format <FORMAT>' [possible values: text, json, prometheus]"
    );
    assert_eq!(wrong["hint"], json!(["a similar value exists: 'prometheus'"]));
    let wrong = said(&sandbox, &["import"], 2);
    assert_eq!(wrong[0]["message"], "the following required arguments were not provided: <FILE>...");
    assert!(wrong[0]["hint"][0].as_str().unwrap().starts_with("Usage: drip import"), "{wrong:?}");
    assert_eq!(said(&sandbox, &["contact"], 2)[0]["level"], "error");
    let text = sandbox.drip(&["import", "--", "--log-format=json", "--no"]).stderr;
    assert!(text.starts_with("error: "), "those are names of files: {text}");

    let wrong = said(&sandbox, &["resolve", "nobody@example.com"], 2);
    let (message, hint) =
        ("no mail to or with `nobody@example.com` is held or unknown", "`drip resolve` lists all that are");
    assert_eq!(wrong, [json!({ "level": "error", "message": message, "hint": [hint] })]);
    // Nobody is at the port.
    sandbox.send_to_port(Some(1));
    let refused = said(&sandbox, &["run"], 5);
    let refused = refused.iter().find(|record| record["level"] == "error").unwrap();
    assert!(refused["hint"].is_array() && !refused["message"].as_str().unwrap().starts_with("error"), "{refused}");
    sandbox.write("drip.db", "not a database, but as long as the head of one: ".repeat(100).as_str());
    let damaged = said(&sandbox, &["run"], 7).remove(0);
    assert_eq!(damaged["hint"].as_array().map(Vec::len), Some(2), "{damaged}");
}

#[test]
fn a_row_that_cannot_be_read_is_told_by_its_number() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = five(&relay, &TWO);
    sandbox.database().execute("UPDATE contacts SET tags = '{' WHERE email = 'c@example.com'", []).unwrap();
    let said = sandbox.drip(&["--now", NOW, "run"]).code(7).stderr;
    assert!(
        said.starts_with("error: a row of the database cannot be read: `tags` of row 3 of the table contacts\n"),
        "{said}"
    );
    assert!(!said.contains('@'), "{said}");
}

#[test]
fn a_pause_holds_for_a_run_that_is_under_way() {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(std::time::Duration::from_millis(60)));
    let rows: Vec<String> = (0..60).map(|n| format!("c{n}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new()
        .settings("smtp: { url: \"smtp://localhost\", connections: 2 }")
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"])
        .contacts("email", &rows)
        .through(&relay);
    let mut child = sandbox.command(&["--now", NOW, "run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while relay.count("DATA") < 8 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    sandbox.drip(&["campaign", "pause", "w"]).code(0);
    let paused_at = relay.recipients().len();
    assert!(child.wait().unwrap().success());
    let after = relay.recipients().len();
    assert!(
        after <= paused_at + 4,
        "{paused_at} when it was paused, {after} in the end: what was on its way, and no more"
    );
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE state = 'sent'"), [after.to_string()]);
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    sandbox.run(NOW);
    assert_eq!(relay.recipients().len(), 60);
}

/// Where Linux gives them, a connection that needs a few kilobytes takes a page of two megabytes.
#[cfg(target_os = "linux")]
#[test]
fn no_connection_takes_a_huge_page() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(&["import", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let refused = || fs::read_to_string(&status).unwrap().lines().any(|line| line == "THP_enabled:\t0");
    let known = fs::read_to_string(&status).unwrap().contains("THP_enabled");
    // It waits for its standard input, so it will have come that far.
    let refused = !known
        || (0..500).any(|_| {
            refused() || {
                std::thread::sleep(Duration::from_millis(20));
                false
            }
        });
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(refused, "huge pages are allowed");
}
