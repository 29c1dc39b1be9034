//! Reports of mails whose row is not what it was: made under other settings, in the hands of a run that died, or lost with
//! the file before a copy was put back.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use crate::inbound::{MONDAY, SETTINGS, STEPS, complaint, consent, heard, people, report};
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer, Verb};

#[test]
fn a_mail_that_left_under_another_address_for_bounces_is_known_by_its_proof() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan", "minh"]);
    let mails = relay.mails();
    let reports = [0, 1].map(|number| report(&mails[number], "failed", "5.1.1", "550 5.1.1 user unknown"));
    let sandbox = sandbox.settings(&SETTINGS.replace("bounces@acme.example", "returns@mail.acme.example"));
    heard(&sandbox, &reports[0], "1 hard bounce.");
    let sandbox = sandbox.settings(&SETTINGS.replace("bounce_address: bounces@acme.example\n", ""));
    heard(&sandbox, &reports[1], "1 hard bounce.");
    assert_eq!(["lan", "minh"].map(|name| consent(&sandbox, name)), ["bounced", "bounced"]);
}

#[test]
fn a_bounce_before_the_next_run_settles_a_mail_of_a_run_that_died() {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_secs(30)));
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &["lan@example.com", "minh@example.com"])
        .through(&relay);
    let mut run = sandbox.command(&["-q", "--now", MONDAY, "run"]).spawn().unwrap();
    while relay.mails().is_empty() {
        assert!(run.try_wait().unwrap().is_none(), "the run waits for the answer");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mail = relay.mails().remove(0);
    // While the run is alive the row is its own; the report is noted, and takes nothing out of its hands.
    heard(&sandbox, &report(&mail, "delayed", "4.4.1", "connection timed out"), "1 notice.");
    let state = || sandbox.sql("SELECT state FROM v_sends WHERE message_id IS NOT NULL ORDER BY state DESC LIMIT 1");
    assert_eq!(state(), ["sending"]);
    run.kill().unwrap();
    run.wait().unwrap();
    heard(&sandbox, &report(&mail, "failed", "5.1.1", "550 5.1.1 user unknown"), "1 hard bounce.");
    let other = SmtpServer::start(Script::new());
    let sandbox = sandbox.through(&other);
    // Nothing is unknown, or this would be 6.
    sandbox.drip(&["--now", MONDAY, "run"]).code(0);
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE state <> 'sent'"), ["0"]);
    assert_eq!(other.recipients().len(), 1, "the one who did not bounce");
    assert_ne!(other.recipients(), mail.to);
    sandbox.check();
}

#[test]
fn a_report_while_the_run_is_alive_takes_nothing_out_of_its_hands() {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).times(1).stall(Duration::from_secs(2)));
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &["lan@example.com"])
        .through(&relay);
    let mut run = sandbox.command(&["-q", "--now", MONDAY, "run"]).spawn().unwrap();
    while relay.mails().is_empty() {
        assert!(run.try_wait().unwrap().is_none(), "the run waits for the answer");
        std::thread::sleep(Duration::from_millis(5));
    }
    heard(&sandbox, &report(&relay.mails()[0], "failed", "4.2.2", "452 4.2.2 mailbox full"), "1 soft bounce.");
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(sandbox.sql("SELECT state || ' ' || coalesce(reason, '') FROM v_sends"), ["sent "]);
    sandbox.check();
}

#[test]
fn what_comes_of_a_mail_that_a_copy_does_not_know_counts_for_whom_it_went_to() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &["lan@example.com", "angry@example.com", "full@example.com"])
        .through(&relay);
    sandbox.drip(&["backup", "--force", "copy.db"]).code(0);
    sandbox.import("email", &["late@example.com", "cross@example.com"]);
    sandbox.run(MONDAY);
    sandbox.drip(&["restore", "copy.db"]).code(0);
    let mails = relay.mails();
    let of = |name: &str| mails.iter().find(|mail| mail.to[0].starts_with(name)).unwrap();
    for name in ["lan", "late"] {
        let dead = report(of(name), "failed", "5.1.1", "550 5.1.1 user unknown");
        heard(&sandbox, &dead, "1 hard bounce.");
    }
    for name in ["angry", "cross"] {
        heard(&sandbox, &complaint(of(name)), "1 complaint.");
    }
    heard(&sandbox, &report(of("full"), "failed", "4.2.2", "452 4.2.2 mailbox full"), "1 soft bounce.");
    assert_eq!(["lan", "angry", "full"].map(|name| consent(&sandbox, name)), ["bounced", "complained", "subscribed"]);
    // Nor does an import bring those back as willing whom the copy never knew.
    sandbox.import("email", &["late@example.com", "cross@example.com"]);
    sandbox.drip(&["-q", "--now", MONDAY, "run", "--adopt"]);
    for now in ["2026-03-03T02:00:00Z", "2026-03-04T02:00:00Z"] {
        sandbox.run(now);
    }
    let again: Vec<String> = relay.recipients().split_off(mails.len());
    assert!(again.iter().all(|to| to == "full@example.com"), "{again:?}");
}
