//! Mail that comes in and is not what it says: reports that nobody sent, and drip's own mails.

use crate::case::{Case, Effort};
use crate::support::smtp::{Mail, Script, SmtpServer};
use crate::support::{Sandbox, eml};

const GROUP: &str = "Incoming mail";
const MONDAY: &str = "2026-03-02T02:00:00Z";
const TUESDAY: &str = "2026-03-03T02:00:00Z";
const SETTINGS: &str =
    "bounce_address: bounces@acme.example\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "S17",
            group: GROUP,
            fault: "somebody makes up bounces, complaints and answers to have others suppressed",
            answer: "a report counts only with the proof that stands in the mail's own bounce address, a complaint with that or the one in its Message-ID; others are kept and counted",
            needs: &[],
            story: made_up,
        },
        Case {
            id: "S18",
            group: GROUP,
            fault: "drip's own mails come back to it, by a forwarding or a loop",
            answer: "they are known by their Message-ID and dropped; drip answers no mail at all",
            needs: &[],
            story: loops,
        },
    ]
}

fn mailed(relay: &SmtpServer) -> Sandbox {
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail", "id: more, delay: 1d, send: mail"])
        .contacts("email", &["lan@example.com", "minh@example.com", "hoa@example.com"])
        .through(relay);
    sandbox.run(MONDAY);
    assert_eq!(relay.mails().len(), 3);
    sandbox
}

fn hear(sandbox: &Sandbox, message: &str) -> String {
    sandbox.piped(&["--now", MONDAY, "inbound"], message).code(0).stderr
}

fn returns_to(mail: &Mail) -> String {
    mail.from.trim_matches(['<', '>']).split('>').next().unwrap().to_owned()
}

fn message_id(mail: &Mail) -> String {
    let text = String::from_utf8_lossy(&mail.bytes).replace("\r\n", "\n");
    eml::header(text.split("\n\n").next().unwrap(), "message-id")
}

fn bounce(to: &str, who: &str, id: &str) -> String {
    format!(
        "Return-Path: <>\nDelivered-To: {to}\nFrom: MAILER-DAEMON@mx.example.net\nTo: {to}\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\n<{who}>: 550 5.1.1 user unknown\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; {who}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n\
         --b\nContent-Type: text/rfc822-headers\n\nTo: {who}\nMessage-ID: {id}\nSubject: hello\n\n--b--\n"
    )
}

fn complaint(to: &str, who: &str, id: &str) -> String {
    format!(
        "Delivered-To: fbl@acme.example\nFrom: <feedback@provider.example>\nTo: fbl@acme.example\nSubject: complaint\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nAn abuse report.\n\n\
         --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: P/1\nVersion: 1\nOriginal-Mail-From: <{to}>\nOriginal-Rcpt-To: <{who}>\n\n\
         --b\nContent-Type: text/rfc822-headers\n\nTo: {who}\nMessage-ID: {id}\n\n--b--\n"
    )
}

fn made_up(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let mails = relay.mails();
    // Whoever got one mail knows their own address of bounces, and wants to speak for another.
    let own = returns_to(&mails[0]);
    let (local, domain) = own.split_once('@').unwrap();
    let places: Vec<usize> = (local.find('+').unwrap() + 1..local.len()).collect();
    let mut addresses =
        vec!["bounces@acme.example".to_owned(), "hello@acme.example".to_owned(), format!("{local}x@{domain}")];
    for at in places.iter().step_by(effort.choose(5, 1)) {
        for other in ["a", "1", "z"].iter().take(effort.choose(1, 3)) {
            if &local[*at..=*at] != *other {
                addresses.push(format!("{}{other}{}@{domain}", &local[..*at], &local[at + 1..]));
            }
        }
    }
    let (mut told, victim) = (0, &mails[1]);
    // The numbers of mails follow each other, and so do their Message-IDs but for the proof.
    let guessed = message_id(victim).replace(".x", ".x0");
    for to in &addresses {
        for message in [bounce(to, &victim.to[0], &guessed), complaint(to, &victim.to[0], &guessed)] {
            let said = hear(&sandbox, &message);
            assert!(said.contains("tied to no mail"), "{to}: {said}");
            told += 1;
        }
    }
    assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM contacts"), ["subscribed"]);
    sandbox.run(TUESDAY);
    assert_eq!(relay.mails().len(), 6);
    // And the true ones are believed.
    hear(&sandbox, &bounce(&returns_to(victim), &victim.to[0], &message_id(victim)));
    hear(&sandbox, &complaint(&own, &mails[0].to[0], &message_id(&mails[0])));
    let consents = sandbox.sql("SELECT consent FROM contacts ORDER BY consent");
    assert_eq!(consents, ["bounced", "complained", "subscribed"]);
    format!("{told} made-up reports suppressed nobody")
}

fn loops(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let before = sandbox.sql("SELECT email || consent FROM contacts");
    let mails = relay.mails();
    for mail in &mails {
        let text = String::from_utf8_lossy(&mail.bytes).replace("\r\n", "\n");
        for head in [
            "",
            "Delivered-To: bounces@acme.example\n",
            "Delivered-To: hello@acme.example\nReturn-Path: <hello@acme.example>\n",
        ] {
            hear(&sandbox, &format!("{head}{text}"));
        }
    }
    assert_eq!(sandbox.sql("SELECT email || consent FROM contacts"), before);
    assert_eq!(sandbox.sql("SELECT count(*) FROM events"), ["0"]);
    assert_eq!(relay.mails().len(), mails.len(), "nothing was sent in answer");
    format!("{} mails came back, and nothing followed", 3 * mails.len())
}
