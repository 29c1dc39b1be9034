//! drip runs e-mail sequences that live as files in git: YAML says who enters and what they get when,
//! one SQLite file remembers where each contact stands, and `drip run`, called by cron, sends exactly
//! what is due.
//!
//! # Layers
//! Imports point downwards only; a test keeps it so.
//!
//! ```text
//! main → lib → cmd → runner, report, import, doctor, serve → inbound
//!                     │
//!           ┌─────────┬────┴─────┬──────────┬─────────┬─────────┐
//!         store     mail      webhook      dns     project    decide
//!           └─────────┴────┬─────┴──────────┴─────────┴─────────┘
//!                   model, error              ui, clock, exit: used by main, lib, cmd alone
//!                                             stats: used by model, store, decide, runner, report and cmd, uses nothing
//! ```
//!
//! `runner` is handed a function that tells the time.
//!
//! # The life of one run
//! 1. `main` parses; `project::load` checks everything, and an error stops here, before the store opens.
//!    Templates that the run before found right are compiled when a mail needs them.
//! 2. `store` opens, migrates, takes the run lock, notes the run, turns rows left `sending` into `unknown`.
//! 3. `runner::enter`: new events, changed contacts and silences become new enrolments.
//! 4. Due enrolments stream out of an index on `due_at`; `decide` says wait, send, skip, set, exit, finish.
//! 5. A mail is claimed in the transaction that tested consent, then rendered strictly.
//! 6. After the relay's 354 the row is committed as `sending`, then the content leaves; the answer closes the row.
//! 7. `ui` draws what the runner reports; the run's row is closed with totals; the funnel is printed.

pub mod cli;
pub mod clock;
mod cmd;
pub mod decide;
pub mod dns;
pub mod doctor;
pub mod error;
pub mod exit;
pub mod import;
pub mod inbound;
pub mod mail;
pub mod model;
pub mod project;
pub mod report;
pub mod runner;
pub mod serve;
pub mod stats;
pub mod store;
pub mod ui;
pub mod webhook;

use std::ffi::OsString;

use exit::Exit;

/// Runs drip with a command line, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    cmd::main(arguments)
}
