//! People who are due for mail, and the account of who received what.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Mail, SmtpServer};

/// The moment at which everyone is due for the first step.
pub(crate) const NOW: &str = "2026-03-02T02:00:00Z";
/// One run at that moment.
pub(crate) const RUN: [&str; 4] = ["-q", "--now", NOW, "run"];
/// A moment at which whoever had the first step is due for the second.
const LATER: &str = "2026-03-03T02:00:00Z";

/// A step, and to whom.
pub(crate) type Piece = (String, String);

/// What became of everything that was due.
pub(crate) struct Account {
    pub(crate) sent: usize,
    /// Of unknown fate, and listed.
    pub(crate) unknown: usize,
    /// How many of those the relay took.
    pub(crate) arrived: usize,
}

/// Makes a project in which so many people are due for these steps, one after the other.
pub(crate) fn everyone_due(people: usize, steps: &[&str], connections: usize) -> Sandbox {
    let rows: Vec<String> = (0..people).map(|n| format!("c{n:05}@example.com,Lan {n}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let steps: Vec<String> = steps.iter().map(|id| format!("id: {id}, send: mail")).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    Sandbox::new()
        .settings(&format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: {connections} }}"))
        .campaign("w", "trigger: { segment: 'true' }", &steps)
        .contacts("email,first_name", &rows)
}

pub(crate) fn number(sandbox: &Sandbox, query: &str) -> usize {
    sandbox.sql(query)[0].parse().unwrap()
}

/// Runs as cron does until nothing is left to do, today and on the day after.
pub(crate) fn run_until_idle(sandbox: &Sandbox) {
    for now in [NOW, LATER] {
        let idle = (0..10).any(|_| {
            let ended = sandbox.drip(&["--now", now, "run"]);
            assert!([0, 6].contains(&ended.code), "{}{}", ended.stdout, ended.stderr);
            ended.stdout.starts_with("Nothing was due.")
        });
        assert!(idle, "ten runs at {now}, and still something to do");
    }
}

/// Returns what a relay took.
pub(crate) fn received(relay: &SmtpServer) -> Vec<Piece> {
    relay.wait_for_silence();
    relay.mails().iter().map(|Mail { to, bytes, .. }| (step_of(bytes), to[0].clone())).collect()
}

/// Returns the step that the template `mail` names in its text.
pub(crate) fn step_of(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    text.lines().find_map(|line| line.strip_prefix("w ")).expect("the line that names the step").trim_end().to_owned()
}

/// Asserts that of these steps everyone got each exactly once, or that it is `unknown` and listed.
pub(crate) fn settle_accounts(sandbox: &Sandbox, steps: &[&str], received: Vec<Piece>) -> Account {
    sandbox.check();
    let received: BTreeMap<Piece, usize> = count(received);
    let twice: Vec<_> = received.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "left twice: {twice:?}");
    let rows = sandbox.sql("SELECT step || ' ' || email || ' ' || state FROM v_sends");
    let mut by_state: BTreeMap<&str, BTreeSet<Piece>> = BTreeMap::new();
    for row in &rows {
        let [step, email, state] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        by_state.entry(state).or_default().insert((step.to_owned(), email.to_owned()));
    }
    let sent = by_state.remove("sent").unwrap_or_default();
    let unknown = by_state.remove("unknown").unwrap_or_default();
    assert!(by_state.is_empty(), "neither sent nor unknown: {by_state:?}");

    let due: BTreeSet<Piece> = sandbox
        .sql("SELECT email FROM v_contacts")
        .iter()
        .flat_map(|email| steps.iter().map(|step| ((*step).to_owned(), email.clone())))
        .collect();
    let known: BTreeSet<Piece> = sent.union(&unknown).cloned().collect();
    assert_eq!(rows.len(), due.len(), "each in one state");
    assert_eq!(known, due, "everyone, and each step");
    let lost: Vec<_> = sent.iter().filter(|piece| !received.contains_key(piece)).collect();
    assert!(lost.is_empty(), "said to be sent, and never received: {lost:?}");
    assert!(received.keys().all(|piece| due.contains(piece)), "received, and due to nobody");
    let arrived = unknown.iter().filter(|piece| received.contains_key(piece)).count();
    if !unknown.is_empty() {
        assert_eq!(listed(sandbox), unknown, "drip resolve lists what is unknown");
        let status = sandbox.drip(&["--now", LATER, "status"]).code(6);
        // Thousands have a comma.
        let said = status.stdout.replace(',', "");
        let mails = if unknown.len() == 1 { "mail" } else { "mails" };
        assert!(said.contains(&format!("{} {mails} unknown", unknown.len())), "{said}");
    }
    Account { sent: sent.len(), unknown: unknown.len(), arrived }
}

fn listed(sandbox: &Sandbox) -> BTreeSet<Piece> {
    let list = sandbox.drip(&["--json", "resolve"]).code(0).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|mail| (text(&mail["step"]), text(&mail["email"]))).collect()
}
