//! Asked to stop, and cut off from the power: what was on its way is accounted for, and the rest stays due.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::{Child, Command};
use std::time::Duration;

use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer, Verb};

const NOW: &str = "2026-03-02T02:00:00Z";

fn everyone_due(mails: usize, relay: &SmtpServer) -> Sandbox {
    let rows: Vec<String> = (0..mails).map(|n| format!("c{n:05}@example.com,Lan {n}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Sandbox::new()
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 4 }")
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .contacts("email,first_name", &rows)
        .through(relay)
}

fn number(sandbox: &Sandbox, query: &str) -> usize {
    sandbox.sql(query)[0].parse().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a relay has seen so many of a command.
fn wait_for(relay: &SmtpServer, word: &str, times: usize) {
    while relay.count(word) < times {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_that_is_asked_to_stop_finishes_what_is_on_its_way_and_hands_back_the_rest() {
    for name in ["TERM", "INT", "HUP"] {
        let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_millis(40)));
        let sandbox = everyone_due(100, &relay);
        let mut child = sandbox.command(&["--now", NOW, "run"]).spawn().unwrap();
        wait_for(&relay, "DATA", 20);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(8), "{name}");

        let sent = number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'sent'");
        assert_eq!(relay.recipients().len(), sent, "{name}: each that arrived is known, and no other");
        assert!((16..100).contains(&sent), "{name}: {sent}");
        assert_eq!(sandbox.sql("SELECT DISTINCT state FROM v_sends WHERE state NOT IN ('sent', 'deferred')").len(), 0);
        assert_eq!(sandbox.sql("SELECT stopped IS NOT NULL FROM runs"), ["1"]);

        sandbox.run(NOW);
        let received = count(relay.recipients());
        assert_eq!((received.len(), received.values().max()), (100, Some(&1)), "{name}");
    }
}

#[test]
fn a_relay_that_says_nothing_does_not_keep_a_run_from_stopping() {
    for verb in [Verb::Connect, Verb::Rcpt] {
        let relay = SmtpServer::start(Script::new().on(verb).stall(Duration::from_secs(60)));
        let sandbox = everyone_due(3, &relay);
        let mut child = sandbox.command(&["--now", NOW, "run"]).spawn().unwrap();
        match verb {
            Verb::Rcpt => wait_for(&relay, "RCPT", 1),
            // Connected to the port, and signals are listened to by then.
            _ => while relay.connections() == 0 {},
        }
        signal(&child, "TERM");
        // It would be the relay's 60 seconds otherwise, and the mail put off.
        assert_eq!(child.wait().unwrap().code(), Some(8));
        assert!(relay.recipients().is_empty());
        assert_eq!(number(&sandbox, "SELECT count(*) FROM sends WHERE retry_at IS NOT NULL OR attempts > 0"), 0);
    }
}

#[test]
fn after_a_loss_of_power_what_has_no_outcome_is_unknown_and_never_sent_again() {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_millis(40)));
    let sandbox = everyone_due(60, &relay);
    let mut child = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    wait_for(&relay, "DATA", 20);
    child.kill().unwrap();
    child.wait().unwrap();
    let claimed = number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'claimed'");
    assert!(claimed > 0);

    // The same start of the machine: what was not begun goes out. Another one: it may have gone out.
    sandbox.database().execute("UPDATE runs SET boot = 'an earlier one' WHERE boot IS NOT NULL", []).unwrap();
    let in_hand = number(&sandbox, "SELECT count(*) FROM v_sends WHERE state IN ('claimed', 'sending')");
    let ended = sandbox.drip(&["--now", NOW, "run"]).code(6);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'unknown'"), in_hand);
    assert!(
        ended.stderr.contains(&format!("an earlier run was cut off while {in_hand} mails left")),
        "{}",
        ended.stderr
    );
    let received = count(relay.recipients());
    assert_eq!(received.values().max(), Some(&1));
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'sent'") + in_hand, 60);
}
