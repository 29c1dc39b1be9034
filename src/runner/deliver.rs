//! The threads that hand mail over, one for each connection, and what they ask of the run's thread.
//!
//! A thread never touches the store. It asks with [`Report::Offer`] before the content of a mail
//! leaves and waits for the answer; without a clear yes the content stays here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

use super::advance::{Job, Task};
use super::call::{self, Trouble};
use super::compose::{Composed, compose};
use super::{Known, Parts, notice};
use crate::mail::transport::{self, Transport};
use crate::model::campaign::Campaign;
use crate::model::id::SendId;
use crate::webhook::{Answer, Request};

/// Templates and their tools recurse; a deep one must not overflow the stack.
const STACK: usize = 32 << 20;

/// What a thread says to the run.
pub(super) enum Report {
    /// The relay waits for this mail's content: may it leave?
    Offer(SendId, SyncSender<bool>),
    /// A mail is done with, one way or the other.
    Done(Box<Job>, Handover),
    /// The connection could not be opened; the mail was not begun, and the thread has ended.
    NoConnection(Box<Job>, String),
}

/// How handing over a mail or making a call ended.
pub(super) enum Handover {
    /// It could not be rendered.
    Held(String),
    /// A web address was called.
    Called(Answer),
    /// The run was stopping, or said no to the offer: nothing left.
    GivenBack,
    Answered(transport::Outcome),
}

/// The mails in hand, and whether to go on with them.
pub(super) struct Desk {
    pub(super) jobs: Mutex<Receiver<Box<Job>>>,
    pub(super) stopping: AtomicBool,
}

/// Starts a thread for one connection.
pub(super) fn start<'scope, 'a: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    desk: &'scope Desk,
    parts: &'a Parts<'a>,
    campaigns: &'scope [&'a Campaign],
    transport: Box<dyn Transport>,
    reports: Sender<Report>,
) -> std::io::Result<()> {
    let builder = Builder::new().name("connection".to_owned()).stack_size(STACK);
    builder.spawn_scoped(scope, move || work(desk, parts, campaigns, transport, &reports)).map(drop)
}

fn work(
    desk: &Desk,
    parts: &Parts<'_>,
    campaigns: &[&Campaign],
    mut transport: Box<dyn Transport>,
    reports: &Sender<Report>,
) {
    loop {
        // Taken in a statement of its own, so that the lock is free while the mail is under way.
        let job = desk.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { break };
        let report = if desk.stopping.load(Ordering::Acquire) {
            Report::Done(job, Handover::GivenBack)
        } else {
            match prepare(parts, campaigns[job.known], &job) {
                Prepared::Over(handover) => Report::Done(job, handover),
                Prepared::Call(request) => {
                    let answer = parts.caller.call(&request);
                    Report::Done(job, Handover::Called(answer))
                }
                Prepared::Mail(mail) => match transport.connect() {
                    Ok(()) => {
                        let handover = hand_over(transport.as_mut(), &mail, job.claim.send, reports);
                        Report::Done(job, handover)
                    }
                    Err(error) => {
                        // The run hands the mail to another connection, or back to the ledger.
                        let _ = reports.send(Report::NoConnection(job, error.to_string()));
                        break;
                    }
                },
            }
        };
        if reports.send(report).is_err() {
            break;
        }
    }
    transport.close();
}

/// What is ready to leave.
enum Prepared {
    Mail(Composed),
    Call(Request),
    /// It is settled already, and nothing leaves.
    Over(Handover),
}

fn prepare(parts: &Parts<'_>, campaign: &Campaign, job: &Job) -> Prepared {
    let composed = match &job.task {
        Task::Mail { mail, sender } => compose(parts, campaign, job, mail, sender.as_deref()),
        Task::Notify(notify) => notice::compose(parts, campaign, job, notify),
        Task::Webhook(webhook) => {
            return match call::request(parts, campaign, job, webhook) {
                Ok(request) => Prepared::Call(request),
                Err(Trouble::Held(reason)) => Prepared::Over(Handover::Held(reason)),
                Err(Trouble::NotNow(reason)) => {
                    Prepared::Over(Handover::Called(Answer::Deferred { reason, after: None }))
                }
            };
        }
    };
    match composed {
        Ok(mail) => Prepared::Mail(mail),
        Err(reason) => Prepared::Over(Handover::Held(reason)),
    }
}

fn hand_over(transport: &mut dyn Transport, mail: &Composed, send: SendId, reports: &Sender<Report>) -> Handover {
    let mut commit = || {
        let (answer, answered) = sync_channel(1);
        reports.send(Report::Offer(send, answer)).is_ok() && answered.recv() == Ok(true)
    };
    match transport.deliver(&mail.envelope, &mail.bytes, &mut commit) {
        Ok(outcome) => Handover::Answered(outcome),
        Err(transport::NotCommitted) => Handover::GivenBack,
    }
}

/// Returns the campaigns by the number under which jobs name them.
pub(super) fn campaigns<'a>(known: &[Known<'a>]) -> Vec<&'a Campaign> {
    known.iter().map(|known| known.campaign).collect()
}
