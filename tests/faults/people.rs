//! People who are due for mails, and what must hold of them whatever went wrong.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::support::Sandbox;
use crate::support::sandbox::{Ended, count};
use crate::support::smtp::SmtpServer;

/// A Monday at nine in Hanoi.
pub(crate) const NOW: &str = "2026-03-02T02:00:00Z";
pub(crate) const NEXT_DAY: &str = "2026-03-03T02:00:00Z";

/// A project in which so many people are due for `hello`, and a day later for `more`.
pub(crate) fn due(people: usize, connections: usize) -> Sandbox {
    let rows: Vec<String> = (0..people).map(|n| format!("c{n:04}@example.com,Lan {n}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Sandbox::new()
        .settings(&format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: {connections} }}"))
        .campaign(
            "w",
            "trigger: { segment: 'true' }\nhours: \"00:00-24:00\"\ndays: mon-sun",
            &["id: hello, send: mail, subject: hello", "id: more, delay: 1d, send: mail, subject: more"],
        )
        .contacts("email,first_name", &rows)
}

/// Runs, and returns how it ended.
pub(crate) fn run(sandbox: &Sandbox, now: &str) -> Ended {
    sandbox.drip(&["-q", "--now", now, "run"])
}

/// Returns a command that another program starts: `strace`, `unshare`, …
pub(crate) fn below(words: &[&str], inner: &Command) -> Command {
    let mut outer = Command::new(words[0]);
    outer.env_clear().args(&words[1..]).arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = inner.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// The state of a project, to begin from again and again.
pub(crate) struct Beginning {
    database: Vec<u8>,
    lock: Option<Vec<u8>>,
}

impl Beginning {
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self { database: fs::read(sandbox.path("drip.db")).unwrap(), lock: fs::read(sandbox.path("drip.lock")).ok() }
    }

    /// Puts the project back to it, with a relay that has heard nothing yet.
    pub(crate) fn again(&self, sandbox: &mut Sandbox, relay: &SmtpServer) {
        for name in ["drip.db", "drip.db-wal", "drip.db-shm", "drip.lock"] {
            let _ = fs::remove_file(sandbox.path(name));
        }
        fs::write(sandbox.path("drip.db"), &self.database).unwrap();
        if let Some(lock) = &self.lock {
            fs::write(sandbox.path("drip.lock"), lock).unwrap();
        }
        sandbox.send_to_port(Some(relay.port()));
    }
}

/// Returns how often each step reached each address.
pub(crate) fn received(relay: &SmtpServer) -> BTreeMap<String, usize> {
    count(relay.mails().into_iter().map(|mail| {
        let text = String::from_utf8_lossy(&mail.bytes).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned();
        format!("{subject} {}", mail.to[0])
    }))
}

/// Asserts that nobody got a step twice, and that the ledger accounts for everything the relay took.
#[track_caller]
pub(crate) fn nobody_twice(sandbox: &Sandbox, relay: &SmtpServer) {
    sandbox.check();
    let received = received(relay);
    let twice: Vec<_> = received.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "got it twice: {twice:?}");
    let known =
        |states: &str| sandbox.sql(&format!("SELECT step || ' ' || email FROM v_sends WHERE state IN ({states})"));
    let gone = known("'sent', 'unknown', 'sending'");
    let secret: Vec<_> = received.keys().filter(|mail| !gone.contains(mail)).collect();
    assert!(secret.is_empty(), "received, and not in the ledger: {secret:?}");
    let lost: Vec<_> = known("'sent'").into_iter().filter(|mail| !received.contains_key(mail)).collect();
    assert!(lost.is_empty(), "said to be sent, and never received: {lost:?}");
}

/// Asserts the same, and that each of so many people had their `hello`, or may have had it; returns how many may have.
#[track_caller]
pub(crate) fn everyone_once(sandbox: &Sandbox, relay: &SmtpServer, people: usize) -> usize {
    nobody_twice(sandbox, relay);
    let of = |state: &str| {
        number(sandbox, &format!("SELECT count(*) FROM v_sends WHERE step = 'hello' AND state = '{state}'"))
    };
    let (sent, unknown) = (of("sent"), of("unknown"));
    assert_eq!(sent + unknown, people, "{:?}", sandbox.sends());
    unknown
}

pub(crate) fn number(sandbox: &Sandbox, query: &str) -> usize {
    sandbox.sql(query)[0].parse().unwrap()
}
