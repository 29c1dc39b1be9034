//! How mail leaves: senders, limits, signatures, envelopes, logins.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer, Verb};

const ALL: &str = "segment: 'contact.email != \"\"'";

/// A project with so many contacts who all get one mail at once.
fn crowd(people: usize, settings: &str) -> Sandbox {
    let sandbox = Sandbox::new().settings(&format!("frequency_cap: none\n{settings}"));
    sandbox.edit("w", &format!("trigger: {{ {ALL} }}"), &["id: a, send: mail"]);
    let rows: Vec<_> = (0..people).map(|n| format!("p{n:02}@example.com")).collect();
    sandbox.import("email", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox
}

fn sent(sandbox: &Sandbox) -> usize {
    sandbox.sql("SELECT email FROM v_sends WHERE state = 'sent'").len()
}

#[test]
fn a_campaign_and_a_step_may_have_senders_of_their_own() {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsenders:\n  lan: \"Lan <lan@acme.example>\"\n  ha: { from: ha@acme.example, reply_to: team@acme.example }")
        .campaign("w", "trigger: { tag: go }\nsender: lan", &["id: a, send: mail", "id: b, send: mail, sender: ha, delay: 1h"])
        .contacts("email,tags", &["minh@example.com,"]);
    sandbox.drip(&["contact", "tag", "minh@example.com", "--add", "go"]).code(0);
    sandbox.run("2026-03-01T01:00:00Z");
    let first = sandbox.outbox().remove(0).raw;
    assert!(
        first.contains("\nFrom: Lan <lan@acme.example>") || first.starts_with("From: Lan <lan@acme.example>"),
        "{first}"
    );
    assert!(first.contains("mailto:lan@acme.example"), "{first}");
    sandbox.run("2026-03-01T02:00:00Z");
    let all: String = sandbox.outbox().into_iter().map(|mail| mail.raw).collect();
    assert!(all.contains("From: ha@acme.example") && all.contains("Reply-To: team@acme.example"), "{all}");
}

#[test]
fn an_hour_and_a_day_let_so_many_through_and_the_rest_stays_due() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = crowd(10, "smtp: { url: \"smtp://localhost\", rate: \"1000/s, 4/h, 6/day\" }").through(&relay);
    let said = sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]).code(0);
    assert!(said.stderr.contains("4 mails an hour are used up; everyone else stays due"), "{}", said.stderr);
    assert_eq!(sent(&sandbox), 4);
    sandbox.drip(&["--now", "2026-03-01T01:59:00Z", "run"]).code(0);
    assert_eq!(sent(&sandbox), 4);
    sandbox.drip(&["--now", "2026-03-01T02:01:00Z", "run"]).code(0);
    assert_eq!(sent(&sandbox), 6, "the day's limit");
    sandbox.drip(&["--now", "2026-03-02T01:01:00Z", "run"]).code(0);
    assert_eq!(sent(&sandbox), 10);
    assert_eq!(relay.recipients().len(), 10);
}

#[test]
fn a_new_sender_warms_up_day_by_day() {
    let sandbox = crowd(12, "warm_up: { first_day: 2, growth: 100%, until: 100 }");
    for (now, expected) in [
        ("2026-03-01T01:00:00Z", 2),
        ("2026-03-01T16:59:00Z", 2),
        // The next day begins at 17:00Z in Viet Nam.
        ("2026-03-01T17:00:00Z", 6),
        ("2026-03-02T18:00:00Z", 12),
    ] {
        sandbox.drip(&["--now", now, "run"]).code(0);
        assert_eq!(sent(&sandbox), expected, "{now}");
    }
}

#[test]
fn each_mail_has_an_envelope_sender_of_its_own_that_nobody_can_make_up() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = crowd(3, "bounce_address: bounces@acme.example").through(&relay);
    sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]).code(0);
    let mut from: Vec<_> = relay.mails().into_iter().map(|mail| mail.from).collect();
    from.sort();
    from.dedup();
    assert_eq!(from.len(), 3);
    for from in from {
        let local = from.strip_prefix("<bounces+").and_then(|rest| rest.split_once("@acme.example>")).unwrap().0;
        let (send, token) = local.split_once('.').unwrap();
        assert!(send.parse::<u32>().is_ok() && token.len() == 20, "{local}");
    }
}

#[test]
fn mails_are_signed_with_a_key_that_nobody_else_reads() {
    let sandbox = crowd(1, "dkim: { selector: s1, key_file: keys/dkim.pem }");
    // RFC 8463 appendix A.2, as PKCS #8.
    sandbox.write("keys/dkim.pem", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n");
    fs::set_permissions(sandbox.path("keys/dkim.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]).code(3);
    assert!(said.stderr.contains("can be read by others") && said.stderr.contains("chmod 600"), "{}", said.stderr);
    fs::set_permissions(sandbox.path("keys/dkim.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]).code(0);
    let mail = sandbox.outbox().remove(0).raw;
    assert!(mail.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=acme.example;"), "{mail}");
    for header in ["from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-id"] {
        assert!(mail.contains(&format!("{header}:")), "{header}");
    }
}

#[test]
fn a_password_comes_from_a_command_and_a_token_logs_in() {
    let relay = SmtpServer::start(
        Script::new()
            .offering("AUTH PLAIN XOAUTH2")
            .on(Verb::Auth)
            .to("XOAUTH2")
            .times(1)
            .reply("334 eyJzdGF0dXMiOiI0MDAifQ=="),
    );
    let settings = |command: &str| {
        format!(
            "smtp: {{ url: \"smtp://lan@127.0.0.1:{}\", auth: xoauth2, connections: 1, password_command: \"{command}\" }}",
            relay.port()
        )
    };
    let sandbox = crowd(1, &settings("echo t0ken; echo more"));
    let run = |sandbox: &Sandbox| sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]);
    assert!(run(&sandbox).code(5).stderr.contains("refused the access token of `lan`"));
    run(&sandbox).code(0);
    // user=lan^Aauth=Bearer t0ken^A^A
    assert!(
        relay.commands().contains(&"AUTH XOAUTH2 dXNlcj1sYW4BYXV0aD1CZWFyZXIgdDBrZW4BAQ==".to_owned()),
        "{:?}",
        relay.commands()
    );
    assert_eq!(sent(&sandbox), 1);
    let sandbox = crowd(1, &settings("echo no key here >&2; exit 3"));
    let said = run(&sandbox).code(3).stderr;
    assert!(said.contains("`password_command` failed (exit status: 3)") && said.contains("no key here"), "{said}");
}

#[test]
fn a_key_that_git_tracks_is_spoken_of() {
    let sandbox = crowd(1, "dkim: { selector: s1, key_file: keys/dkim.pem }");
    sandbox.write("keys/dkim.pem", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n");
    fs::set_permissions(sandbox.path("keys/dkim.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let git = |words: &[&str]| {
        let git = std::process::Command::new("git").arg("-C").arg(sandbox.path("")).args(words).output();
        git.is_ok_and(|ended| ended.status.success())
    };
    if !git(&["init", "--quiet"]) {
        return;
    }
    let said = || sandbox.drip(&["check"]).code(0).stderr;
    assert!(!said().contains("git"), "{}", said());
    assert!(git(&["add", "keys/dkim.pem"]));
    assert!(said().contains("warning: git tracks the DKIM key `keys/dkim.pem`"), "{}", said());
    assert!(git(&["rm", "--cached", "--quiet", "keys/dkim.pem"]));
    assert!(!said().contains("git"), "{}", said());
}
