//! `drip inbound` hears what comes back to mails that a run sent, from a pipe, a Maildir and an mbox.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use crate::support::Sandbox;
use crate::support::eml;
use crate::support::smtp::{Mail, Script, SmtpServer};

pub(crate) const MONDAY: &str = "2026-03-02T02:00:00Z";
pub(crate) const SETTINGS: &str = "bounce_address: bounces@acme.example\nfrequency_cap: none\nsoft_bounces: 2\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
pub(crate) const STEPS: [&str; 3] =
    ["id: hello, send: mail", "id: more, delay: 1d, send: mail", "id: last, delay: 1d, send: mail"];

pub(crate) fn people(relay: &SmtpServer, settings: &str, names: &[&str]) -> Sandbox {
    let rows: Vec<String> = names.iter().map(|name| format!("{name}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new()
        .settings(settings)
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &rows)
        .through(relay);
    sandbox.run(MONDAY);
    sandbox
}

pub(crate) fn message_id(mail: &Mail) -> String {
    let text = String::from_utf8_lossy(&mail.bytes).replace("\r\n", "\n");
    eml::header(text.split("\n\n").next().unwrap(), "message-id")
}

/// The address that the mail's bounces go to.
pub(crate) fn returns_to(mail: &Mail) -> String {
    mail.from.trim_matches(['<', '>']).split('>').next().unwrap().to_owned()
}

/// A report of RFC 3464 about a mail, as Postfix writes it.
pub(crate) fn report(mail: &Mail, action: &str, status: &str, says: &str) -> String {
    let (to, address) = (returns_to(mail), &mail.to[0]);
    let id = message_id(mail);
    format!(
        "Return-Path: <>\nDelivered-To: {to}\nDate: Mon, 2 Mar 2026 09:05:00 +0700\nFrom: MAILER-DAEMON@mx.example.net (Mail Delivery System)\n\
         Subject: Undelivered Mail Returned to Sender\nTo: {to}\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n\
         --b1\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n\
         This is the mail system at host mx.example.net.\n\n<{address}>: {says}\n\n\
         --b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n\
         Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {says}\n\n\
         --b1\nContent-Type: text/rfc822-headers\n\nFrom: Acme <hello@acme.example>\nTo: {address}\nMessage-ID: {id}\nSubject: hello\n\n--b1--\n"
    )
}

pub(crate) fn complaint(mail: &Mail) -> String {
    let (to, id, address) = (returns_to(mail), message_id(mail), &mail.to[0]);
    format!(
        "Delivered-To: fbl@acme.example\nFrom: <feedback@provider.example>\nTo: fbl@acme.example\nSubject: complaint\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b2\"\n\n--b2\nContent-Type: text/plain\n\nThis is an abuse report.\n\n\
         --b2\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Provider/1.0\nVersion: 1\nOriginal-Mail-From: <{to}>\nOriginal-Rcpt-To: <{address}>\n\n\
         --b2\nContent-Type: text/rfc822-headers\n\nFrom: Acme <hello@acme.example>\nTo: {address}\nMessage-ID: {id}\nSubject: hello\n\n--b2--\n"
    )
}

pub(crate) fn answer(from: &str, subject: &str, more: &str, text: &str) -> String {
    format!(
        "From: {from}\nTo: hello@acme.example\nDate: Mon, 2 Mar 2026 10:00:00 +0700\nSubject: {subject}\n{more}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
}

/// Pipes a message in, as a mail server's alias does; returns the exit code and what was said.
pub(crate) fn pipe(sandbox: &Sandbox, message: &str) -> (i32, String) {
    let ended = sandbox.piped(&["--now", MONDAY, "inbound"], message);
    (ended.code, ended.stderr)
}

#[track_caller]
pub(crate) fn heard(sandbox: &Sandbox, message: &str, says: &str) {
    let (code, said) = pipe(sandbox, message);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with(says), "{said}");
}

pub(crate) fn consent(sandbox: &Sandbox, name: &str) -> String {
    sandbox.sql(&format!("SELECT consent FROM contacts WHERE email = '{name}@example.com'")).remove(0)
}

#[test]
fn each_sort_of_mail_does_what_it_should_and_the_next_run_heeds_it() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["dead", "full", "late", "angry", "leaves", "writes", "away"]);
    let mails = relay.mails();
    let of = |name: &str| mails.iter().find(|mail| mail.to[0].starts_with(name)).unwrap();
    let dead = report(of("dead"), "failed", "5.1.1", "550 5.1.1 <dead@example.com>: user unknown");
    heard(&sandbox, &dead, "1 hard bounce.");
    heard(&sandbox, &dead, "1 heard before.");
    heard(&sandbox, &report(of("full"), "failed", "4.2.2", "452 4.2.2 mailbox full"), "1 soft bounce.");
    heard(&sandbox, &report(of("late"), "delayed", "4.4.1", "connection timed out"), "1 notice.");
    heard(&sandbox, &complaint(of("angry")), "1 complaint.");
    let takes_back = complaint(of("late")).replace("Feedback-Type: abuse", "Feedback-Type: not-spam");
    heard(&sandbox, &takes_back, "1 notice.");
    let subject = format!("unsubscribe {}", message_id(of("leaves")).trim_matches(['<', '>']));
    // Whoever got one mail does not know the Message-ID of another.
    let guessed = subject.replace(&format!("{}.x", subject.split('.').nth(1).unwrap()), "1.x");
    assert_ne!(guessed, subject);
    heard(&sandbox, &answer("<else@example.net>", &guessed, "", "a guess"), "1 report that is tied to no mail.");
    heard(&sandbox, &answer("Somebody <else@example.net>", &subject, "", ""), "1 wish to leave.");
    let re = format!("In-Reply-To: {}\n", message_id(of("writes")));
    let written = answer("Writer <writes@example.com>", "Re: hello", &re, "Yes, I would like to buy.\n\n> hello");
    heard(&sandbox, &written, "1 reply.\n1 for a person to see in ");
    let more = format!("Auto-Submitted: auto-replied\nIn-Reply-To: {}\n", message_id(of("away")));
    heard(&sandbox, &answer("<away@example.com>", "Out of office", &more, "I am away."), "1 automatic answer.");

    let all = ["dead", "full", "late", "angry", "leaves", "writes", "away"].map(|name| consent(&sandbox, name));
    assert_eq!(all, ["bounced", "subscribed", "subscribed", "complained", "unsubscribed", "subscribed", "subscribed"]);
    let events = sandbox.sql(
        "SELECT email || ' ' || event || ' ' || coalesce(json_extract(properties, '$.step'), '') || ' ' ||
                coalesce(json_extract(properties, '$.reason'), '') FROM v_events ORDER BY email",
    );
    assert_eq!(
        events,
        [
            "angry@example.com complained hello ",
            "away@example.com auto_replied hello ",
            "dead@example.com bounced hello user_unknown",
            "full@example.com bounced hello mailbox_full",
            "writes@example.com replied hello ",
        ]
    );
    assert!(sandbox.sql("SELECT reason FROM consent_changes WHERE consent = 'bounced'")[0].contains("5.1.1"));
    // What a person wrote is there for a person, and what machines wrote is not.
    let kept: Vec<_> = fs::read_dir(sandbox.path("inbound/new")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let kept: Vec<_> = kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(kept.len() == 2 && kept.contains(&written), "the answer, and the guess");

    sandbox.run("2026-03-03T02:00:00Z");
    let mut second: Vec<String> = relay.recipients().split_off(mails.len());
    second.sort();
    assert_eq!(second, ["away@example.com", "full@example.com", "late@example.com", "writes@example.com"]);
    // The second soft bounce in a row is one too many.
    let again = relay.mails().into_iter().rev().find(|mail| mail.to[0].starts_with("full")).unwrap();
    heard(
        &sandbox,
        &report(&again, "failed", "4.2.2", "452 4.2.2 mailbox full"),
        "1 address given up after soft bounces.",
    );
    assert_eq!(consent(&sandbox, "full"), "bounced");
    // An import revives nobody of them.
    sandbox.import("email", &["dead@example.com", "angry@example.com", "full@example.com", "leaves@example.com"]);
    sandbox.run("2026-03-04T02:00:00Z");
    assert_eq!(relay.recipients().len(), mails.len() + 4 + 3);
    sandbox.check();
}

#[test]
fn what_nobody_proves_harms_nobody() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["lan", "minh"]);
    let mails = relay.mails();
    let lan = mails.iter().find(|mail| mail.to[0].starts_with("lan")).unwrap();
    let true_one = report(lan, "failed", "5.1.1", "550 5.1.1 user unknown");
    let address = returns_to(lan);
    let token = address.split(['.', '@']).nth(1).unwrap();
    let mut forged = vec![
        true_one.replace(token, &"0".repeat(token.len())),
        // The Message-ID alone is known to whoever got the mail, and to their friends.
        true_one.replace(&address, "bounces@acme.example"),
        true_one.replace(&address, &address.replace("+1.", "+2.")),
        complaint(lan).replace(token, &"f".repeat(token.len())).replace(".x", ".y"),
    ];
    forged.sort();
    forged.dedup();
    assert_eq!(forged.len(), 4);
    for message in &forged {
        heard(&sandbox, message, "1 report that is tied to no mail.");
    }
    heard(&sandbox, &answer("<stranger@example.net>", "unsubscribe", "", ""), "1 report that is tied to no mail.");
    // A person quotes a bounce, or speaks of leaving.
    let quoted = answer(
        "<minh@example.com>",
        "Re: hello",
        "",
        "How do I unsubscribe my friend? I got this:\n\n> 550 5.1.1 <lan@example.com>: user unknown\n> unsubscribe",
    );
    heard(&sandbox, &quoted, "1 reply.");
    assert_eq!([consent(&sandbox, "lan"), consent(&sandbox, "minh")], ["subscribed", "subscribed"]);
    heard(&sandbox, &true_one, "1 hard bounce.");
    assert_eq!(consent(&sandbox, "lan"), "bounced");
    // Whoever writes to leave from their own address is believed.
    heard(&sandbox, &answer("<minh@example.com>", "unsubscribe", "", ""), "1 wish to leave.");
    assert_eq!(consent(&sandbox, "minh"), "unsubscribed");
    // And drip's own mail that comes back is nobody's answer.
    heard(&sandbox, &String::from_utf8(lan.bytes.clone()).unwrap(), "1 mail of our own.");
}

#[test]
fn without_an_address_for_bounces_the_message_id_and_the_recipient_prove_it() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, &SETTINGS.replace("bounce_address: bounces@acme.example\n", ""), &["lan", "minh"]);
    let mails = relay.mails();
    let (lan, minh) = (&mails[0], &mails[1]);
    let about = |id_of: &Mail, address_of: &Mail| {
        report(id_of, "failed", "5.1.1", "550 5.1.1 user unknown").replace(&id_of.to[0], &address_of.to[0])
    };
    heard(&sandbox, &about(lan, minh), "1 report that is tied to no mail.");
    // Nor does a server report that its own address is dead.
    let signed = about(lan, lan).replace("MAILER-DAEMON@mx.example.net (Mail Delivery System)", &lan.to[0]);
    heard(&sandbox, &signed, "1 report that is tied to no mail.");
    heard(&sandbox, &about(lan, lan), "1 hard bounce.");
    assert_eq!(
        [&lan.to[0], &minh.to[0]].map(|to| consent(&sandbox, to.split('@').next().unwrap())),
        ["bounced", "subscribed"]
    );
}

#[test]
fn a_bounce_proves_that_a_mail_of_unknown_fate_left() {
    let relay = SmtpServer::start(Script::new().on(crate::support::smtp::Verb::Content).close());
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &STEPS)
        .contacts("email", &["lan@example.com"])
        .through(&relay);
    sandbox.drip(&["--now", MONDAY, "run"]).code(6);
    assert_eq!(sandbox.sql("SELECT state FROM v_sends"), ["unknown"]);
    let mail = &relay.mails()[0];
    heard(&sandbox, &report(mail, "failed", "4.2.2", "452 4.2.2 mailbox full"), "1 soft bounce.");
    assert_eq!(sandbox.sql("SELECT state FROM v_sends"), ["sent"]);
    sandbox.check();
}

#[test]
fn a_maildir_and_an_mbox_are_worked_through_and_nothing_is_lost_or_counted_twice() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = people(&relay, SETTINGS, &["a", "b", "c"]);
    let reports: Vec<String> =
        relay.mails().iter().map(|mail| report(mail, "failed", "5.1.1", "550 5.1.1 user unknown")).collect();
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(sandbox.path(&format!("Maildir/{part}"))).unwrap();
    }
    sandbox.write("Maildir/new/1.a", &reports[0]);
    sandbox.write("Maildir/new/2.b", &reports[1]);
    sandbox.write("Maildir/new/3.c", "\u{0}\u{1}no mail at all");
    let words = ["--now", MONDAY, "inbound", "--maildir", "Maildir"];
    // As long as the store cannot be written, everything stays where it is.
    let mut other = sandbox.database();
    let version: i64 = other.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    sandbox.drip(&words).code(7);
    assert_eq!(pipe(&sandbox, &reports[2]).0, 75, "the mail server is to try again");
    assert_eq!(fs::read_dir(sandbox.path("Maildir/new")).unwrap().count(), 3);
    other.pragma_update(None, "user_version", version).unwrap();
    drop(other.transaction().unwrap());
    let said = sandbox.drip(&words).code(0).stderr;
    assert!(said.starts_with("2 hard bounces and 1 other mail."), "{said}");
    assert_eq!(fs::read_dir(sandbox.path("Maildir/new")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(sandbox.path("Maildir/cur")).unwrap().count(), 3);
    let mbox = reports.iter().fold(String::new(), |mbox, report| {
        mbox + "From MAILER-DAEMON Mon Mar  2 09:05:00 2026\n" + &report.replace("\nFrom ", "\n>From ") + "\n"
    });
    sandbox.write("bounces.mbox", &mbox);
    let said = sandbox.drip(&["--now", MONDAY, "--json", "inbound", "--mbox", "bounces.mbox"]).code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&json["messages"]["hard_bounce"], &json["heard_before"]), (&1.into(), &2.into()), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_events WHERE event = 'bounced'"), ["3"]);
    assert!(sandbox.drip(&["inbound", "--mbox", "drip.yaml"]).code(2).stderr.contains("is no mbox"));
}
