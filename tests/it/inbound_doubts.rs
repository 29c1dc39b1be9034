//! Reports of mails whose row is not what it was: made under other settings, in the hands of a run that died, or lost with
//! the file before a copy was put back.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use crate::inbound::{
    MONDAY, SETTINGS, STEPS, answer, complaint, consent, heard, message_id, people, report, returns_to,
};
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
    sandbox.import("email", &["late@example.com", "cross@example.com", "gone@example.com", "loop@example.com"]);
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
    // A provider that returns the mail without the address that it left from; and what somebody makes up.
    let bare = complaint(of("loop")).replace(&format!("Original-Mail-From: <{}>\n", returns_to(of("loop"))), "");
    let proof = message_id(of("loop"));
    let forged = proof.replacen(".x", ".x0", 1);
    heard(&sandbox, &bare.replace(&proof, &forged), "1 report that is tied to no mail.");
    heard(&sandbox, &bare, "1 complaint.");
    let subject = format!("unsubscribe {}", message_id(of("gone")).trim_matches(['<', '>']));
    heard(&sandbox, &answer("<gone@example.com>", &subject, "", ""), "1 wish to leave.");
    heard(&sandbox, &report(of("full"), "failed", "4.2.2", "452 4.2.2 mailbox full"), "1 soft bounce.");
    assert_eq!(["lan", "angry", "full"].map(|name| consent(&sandbox, name)), ["bounced", "complained", "subscribed"]);
    // Nor does an import bring those back as willing whom the copy never knew.
    sandbox.import("email", &["late@example.com", "cross@example.com", "gone@example.com", "loop@example.com"]);
    sandbox.drip(&["-q", "--now", MONDAY, "run", "--adopt"]);
    for now in ["2026-03-03T02:00:00Z", "2026-03-04T02:00:00Z"] {
        sandbox.run(now);
    }
    let again: Vec<String> = relay.recipients().split_off(mails.len());
    assert!(again.iter().all(|to| to == "full@example.com"), "{again:?}");
}

#[test]
fn a_refusal_of_the_sender_does_not_count_against_the_recipient() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan"]);
    let come_back = |now: &str, status: &str, words: &str, says: &str| {
        heard(&sandbox, &report(relay.mails().last().unwrap(), "failed", status, words), says);
        sandbox.run(now);
    };
    let blocked = "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org";
    let full = "452 4.2.2 mailbox full";
    come_back("2026-03-03T02:00:00Z", "4.2.2", full, "1 soft bounce.");
    // It is the second of two, and neither counts nor says that the mailbox is alive.
    come_back("2026-03-04T02:00:00Z", "5.7.1", blocked, "1 soft bounce.");
    assert_eq!((consent(&sandbox, "lan").as_str(), relay.mails().len()), ("subscribed", 3));
    come_back("2026-03-05T02:00:00Z", "4.2.2", full, "1 address given up after soft bounces.");
    assert!(
        sandbox.sql("SELECT reason FROM consent_changes WHERE consent = 'bounced'")[0].starts_with("2 mails in a row")
    );
}

#[test]
fn one_member_who_is_gone_is_no_end_of_an_alias() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["team", "group", "list"]);
    let mails = relay.mails();
    let of = |name: &str| mails.iter().find(|mail| mail.to[0].starts_with(name)).unwrap();
    let behind = |name: &str, fields: &str| {
        report(of(name), "failed", "5.1.1", "550 5.1.1 user unknown")
            .replace(&format!("rfc822; {name}@example.com"), "rfc822; old-member@firm.example")
            .replace(
                "\n\n--b1\nContent-Type: text/rfc822-headers",
                &format!("\n\n{fields}\n\n--b1\nContent-Type: text/rfc822-headers"),
            )
    };
    let delivered = "Final-Recipient: rfc822; lan@firm.example\nAction: delivered\nStatus: 2.0.0";
    heard(&sandbox, &behind("team", delivered), "1 notice.");
    let full = "Final-Recipient: rfc822; lan@firm.example\nAction: failed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 mailbox full";
    heard(&sandbox, &behind("group", full), "1 soft bounce.");
    let itself = "Final-Recipient: rfc822; list@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown";
    heard(&sandbox, &behind("list", itself), "1 hard bounce.");
    assert_eq!(["team", "group", "list"].map(|name| consent(&sandbox, name)), ["subscribed", "subscribed", "bounced"]);
}

#[test]
fn whoever_had_a_mail_may_complain_of_it_and_leave_from_wherever_they_write() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["angry", "leaves", "stays"]);
    let mails = relay.mails();
    let of = |name: &str| mails.iter().find(|mail| mail.to[0].starts_with(name)).unwrap();
    // As many feedback loops send it: nothing but the Message-ID is left of the mail.
    let angry = of("angry");
    let bare = complaint(angry).replace(&format!("Original-Mail-From: <{}>\n", returns_to(angry)), "");
    let bare = bare.replace("angry@example.com", "hidden@provider.example");
    heard(&sandbox, &bare.replace(".x", ".x0"), "1 report that is tied to no mail.");
    heard(&sandbox, &bare, "1 complaint.");
    let re = format!("In-Reply-To: {}\n", message_id(of("leaves")));
    let from = "Private <private@example.net>";
    heard(
        &sandbox,
        &answer(from, "Re: hello", &re.replace(".x", ".x0"), "unsubscribe"),
        "1 report that is tied to no mail.",
    );
    heard(&sandbox, &answer(from, "Re: hello", &re, "unsubscribe"), "1 wish to leave.");
    let all = ["angry", "leaves", "stays"].map(|name| consent(&sandbox, name));
    assert_eq!(all, ["complained", "unsubscribed", "subscribed"]);
}

#[test]
fn a_slip_in_a_campaign_does_not_deafen_drip() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan"]);
    sandbox.write("campaigns/w.yaml", "stepz: [");
    heard(&sandbox, &report(&relay.mails()[0], "failed", "5.1.1", "550 5.1.1 user unknown"), "1 hard bounce.");
}

#[test]
fn a_message_counts_once_whatever_way_it_comes() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan"]);
    let bounce = report(&relay.mails()[0], "failed", "4.2.2", "452 4.2.2 mailbox full");
    heard(&sandbox, &bounce, "1 soft bounce.");
    heard(&sandbox, &format!("From x Mon Mar  2 09:05:00 2026\n{bounce}"), "1 heard before.");
    heard(&sandbox, &format!("Received: from a\n by b\n{bounce}").replace('\n', "\r\n"), "1 heard before.");
}

#[test]
fn a_note_of_ses_that_comes_by_mail_is_tied_by_the_sender_in_it() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan", "minh"]);
    let note = |number: usize, kind: &str, more: &str| {
        let mail = &relay.mails()[number];
        let note = format!(
            r#"{{"notificationType":"{kind}",{more},"mail":{{"source":"{}","messageId":"0100-a","destination":["{}"]}}}}"#,
            returns_to(mail),
            mail.to[0]
        )
        .replace("EMAIL", &mail.to[0]);
        let envelope = serde_json::json!({ "Type": "Notification", "Message": note }).to_string();
        answer("AWS Notifications <no-reply@sns.amazonaws.com>", "AWS Notification Message", "", &envelope)
    };
    let dead = r#""bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"EMAIL","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}"#;
    heard(&sandbox, &note(0, "Bounce", dead), "1 hard bounce.");
    let angry = r#""complaint":{"complainedRecipients":[{"emailAddress":"EMAIL"}],"complaintFeedbackType":"abuse"}"#;
    heard(&sandbox, &note(1, "Complaint", angry), "1 complaint.");
}
