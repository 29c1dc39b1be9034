//! A fault of drip itself in a connection: it costs that connection, and the mail it had in hand is accounted for.
//!
//! No relay can bring one about, so here the way to the relay is one that fails.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drip::mail::template::Templates;
use drip::mail::token::Keys;
use drip::mail::transport::{ConnectError, NotCommitted, Outcome, Parcel, Permit, Relay, Transport};
use drip::project::{self, Overrides};
use drip::runner::{self, Happening, Options, Parts, Stop};
use drip::store::Store;
use drip::webhook::Nobody;

use crate::support::Sandbox;
use crate::support::sandbox::count;

const NOW: &str = "2026-03-02T02:00:00Z";
const LATER: &str = "2026-03-02T02:30:00Z";

/// A relay that takes every mail, where the way to it fails for some people before the content and for some after.
#[derive(Clone, Default)]
struct Stumbling {
    connections: usize,
    before: Vec<String>,
    after: Vec<String>,
    /// From this connection on, opening one fails.
    at_connection: Option<usize>,
    opened: Arc<AtomicUsize>,
    is_open: bool,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Relay for Stumbling {
    fn transport(&self) -> Box<dyn Transport> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "stumbling".to_owned()
    }

    fn connections(&self) -> usize {
        self.connections
    }
}

impl Transport for Stumbling {
    fn connect(&mut self) -> Result<(), ConnectError> {
        if !self.is_open {
            let number = self.opened.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(self.at_connection.is_none_or(|at| number < at), "a fault at connection {number}");
            self.is_open = true;
        }
        Ok(())
    }

    fn deliver(&mut self, mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted> {
        let to = mail.envelope.to().to_owned();
        assert!(!self.before.contains(&to), "a fault before the content to {to}");
        if commit() == Permit::No {
            return Err(NotCommitted);
        }
        self.taken.lock().unwrap().push(to.clone());
        assert!(!self.after.contains(&to), "a fault after the content to {to}");
        Ok(Outcome::Sent { reply: String::new() })
    }

    fn close(&mut self) {}
}

fn people(number: usize) -> Sandbox {
    let rows: Vec<String> = (0..number).map(|n| format!("c{n:02}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Sandbox::new()
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail", "id: b, delay: 1d, send: mail"])
        .contacts("email", &rows)
}

/// Runs, and returns why it stopped and how many connections it was told had failed.
fn run(sandbox: &Sandbox, relay: &Stumbling, now: &str) -> (Option<Stop>, usize) {
    let (root, relay) = (sandbox.path(""), relay.clone());
    let now = now.parse().unwrap();
    let (ended, end) = channel();
    // In a thread of its own: what is tested here once had a run wait for ever.
    std::thread::spawn(move || {
        let project = project::load(&root, &Overrides::default()).unwrap();
        let templates = Templates::compile(&project.templates, &project.assets, "en").unwrap();
        let mut store = Store::open(&root.join("drip.db")).unwrap();
        let parts = Parts {
            settings: &project.settings,
            campaigns: &project.campaigns,
            templates: &templates,
            relay: &relay,
            caller: &Nobody,
            variable: &|_| None,
            keys: &Keys::new(vec![(0, vec![0; 32])]),
            secret: "",
            signer: None,
            clock: &move || now,
            boot: None,
            interrupted: &AtomicBool::new(false),
        };
        let mut failed = 0;
        let outcome = runner::run(&mut store, &parts, &Options::default(), &mut |happening| {
            failed += usize::from(matches!(happening, Happening::ConnectionFailed));
        });
        let _ = ended.send((outcome.unwrap().stopped, failed));
    });
    end.recv_timeout(Duration::from_secs(60)).expect("the run ends")
}

fn states(sandbox: &Sandbox) -> Vec<String> {
    let states = count(sandbox.sql("SELECT state || coalesce(' ' || reason, '') FROM v_sends"));
    states.into_iter().map(|(state, number)| format!("{number} {state}")).collect()
}

const DEFERRED: &str = "1 deferred drip failed over this mail; please report it";
const UNKNOWN: &str = "1 unknown drip failed over this mail; please report it";

#[test]
fn a_fault_in_a_connection_costs_that_connection_and_no_mail() {
    let to = |n: usize| vec![format!("c{n:02}@example.com")];
    let relay = Stumbling { connections: 3, before: to(4), after: to(7), ..Stumbling::default() };
    let sandbox = people(30);
    assert_eq!(run(&sandbox, &relay, NOW), (None, 2));
    assert_eq!(states(&sandbox), [DEFERRED, "28 sent", UNKNOWN]);
    // The one that was deferred fails again, and holds nobody up.
    assert_eq!(run(&sandbox, &relay, LATER), (None, 1));
    let well = Stumbling { connections: 1, taken: Arc::clone(&relay.taken), ..Stumbling::default() };
    assert_eq!(run(&sandbox, &well, "2026-03-02T04:00:00Z"), (None, 0));
    let taken = count(relay.taken.lock().unwrap().clone());
    assert_eq!((taken.len(), taken.values().max()), (30, Some(&1)), "{taken:?}");
    sandbox.check_file();
}

#[test]
fn a_fault_in_the_last_connection_ends_the_run_and_everyone_else_stays_due() {
    let to = vec!["c02@example.com".to_owned()];
    for (relay, left) in [
        (Stumbling { connections: 1, after: to.clone(), ..Stumbling::default() }, UNKNOWN),
        (Stumbling { connections: 1, before: to, ..Stumbling::default() }, DEFERRED),
    ] {
        let sandbox = people(30);
        assert_eq!(run(&sandbox, &relay, NOW), (Some(Stop::Failed), 1));
        let shown = states(&sandbox);
        assert!(shown.contains(&left.to_owned()) && shown.contains(&"2 sent".to_owned()), "{shown:?}");
        assert_eq!(sandbox.sql("SELECT email FROM v_sends WHERE state IN ('claimed', 'sending')").len(), 0);
        let well = Stumbling { connections: 1, taken: Arc::clone(&relay.taken), ..Stumbling::default() };
        assert_eq!(run(&sandbox, &well, LATER), (None, 0));
        let taken = count(relay.taken.lock().unwrap().clone());
        assert_eq!((taken.len(), taken.values().max()), (30, Some(&1)), "{taken:?}");
        sandbox.check_file();
    }
}

#[test]
fn a_fault_in_opening_connections_leaves_the_ones_there_are() {
    let relay = Stumbling { connections: 4, at_connection: Some(2), ..Stumbling::default() };
    let sandbox = people(30);
    let (stopped, failed) = run(&sandbox, &relay, NOW);
    // The first connection may have sent everything before another was asked for.
    assert!(stopped.is_none() && failed <= 3, "{stopped:?}, {failed}");
    let well = Stumbling { connections: 1, taken: Arc::clone(&relay.taken), ..Stumbling::default() };
    assert_eq!(run(&sandbox, &well, LATER), (None, 0));
    let taken = count(relay.taken.lock().unwrap().clone());
    assert_eq!((taken.len(), taken.values().max()), (30, Some(&1)), "{taken:?}");
}
