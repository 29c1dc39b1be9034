//! The threads that hand mail over, one for each connection, and what they ask of the run's thread.
//!
//! A thread never touches the store. It asks with an [`Offer`] before the content of a mail leaves and waits
//! for the answer; without a clear yes the content stays here. While it waits it renders the mail after
//! that one, so that the relay hears of it together with the content.
//!
//! A fault of drip ends the thread and not the run: what it had in hand is accounted for all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::{Builder, Scope};

use super::advance::{Job, Task};
use super::call::{self, Trouble};
use super::compose::compose;
use super::pace::Pace;
use super::ramp::Ramp;
use super::{Known, Parts, notice};
use crate::mail::transport::{self, ConnectError, Parcel, Permit, Transport};
use crate::model::campaign::Campaign;
use crate::model::id::SendId;
use crate::webhook::{Answer, Request};

/// Templates and their tools recurse; a deep one must not overflow the stack.
const STACK: usize = 32 << 20;

/// What is said of a mail over which drip failed.
const FAULT: &str = "drip failed over this mail; please report it";

/// What a thread says to the run.
pub(super) enum Report {
    /// The relay waits for a mail's content: may it leave?
    Offer(Offer),
    /// A mail is done with, one way or the other.
    Done(Box<Job>, Handover),
    /// The connection could not be opened; the mail was not begun, and the thread has ended.
    NoConnection(Box<Job>, ConnectError),
    /// The thread has ended by a fault of drip; what becomes of the mail that it had in hand.
    Failed(Option<(Box<Job>, Handover)>),
}

impl Report {
    fn is_about_every_mail(&self) -> bool {
        use transport::{Outcome::Deferred, Scope::Relay};
        matches!(self, Self::Done(_, Handover::Answered(Deferred { scope: Relay, .. })))
    }
}

/// A mail whose content the relay waits for, or a call that is ready to be made.
pub(super) struct Offer {
    pub(super) send: SendId,
    pub(super) is_call: bool,
    /// The mail before it, of which is known by now what became of it.
    pub(super) last: Option<(Box<Job>, Handover)>,
    pub(super) answer: SyncSender<bool>,
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
    pub(super) pace: Pace,
    pub(super) ramp: Ramp,
    pub(super) stopping: AtomicBool,
    /// For each campaign, whether it was paused since the run began.
    pub(super) resting: Vec<AtomicBool>,
}

impl Desk {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Starts a thread for one connection, counted from 0.
pub(super) fn start<'scope, 'a: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    desk: &'scope Desk,
    parts: &'a Parts<'a>,
    campaigns: &'scope [&'a Campaign],
    number: usize,
    transport: Box<dyn Transport>,
    reports: Sender<Report>,
) -> std::io::Result<()> {
    let builder = Builder::new().name("connection".to_owned()).stack_size(STACK);
    let worker =
        Worker { desk, parts, campaigns, number, reports, last: None, at_hand: None, is_leaving: false, ahead: None };
    builder.spawn_scoped(scope, move || worker.live(transport)).map(drop)
}

struct Worker<'a> {
    desk: &'a Desk,
    parts: &'a Parts<'a>,
    campaigns: &'a [&'a Campaign],
    number: usize,
    reports: Sender<Report>,
    /// The mail before, where it is reported with the next offer.
    last: Option<(Box<Job>, Handover)>,
    /// What is being handed over.
    at_hand: Option<Box<Job>>,
    /// Whether the content of that may have left.
    is_leaving: bool,
    /// Taken and rendered before its turn.
    ahead: Option<(Box<Job>, Prepared)>,
}

/// What is ready to leave.
enum Prepared {
    Mail(Arc<Parcel>),
    Call(Request),
    /// It is settled already, and nothing leaves.
    Over(Handover),
}

/// The run's thread is gone, or there is no more work.
struct Ended;

impl Worker<'_> {
    /// Works until there is no more to do, no connection, or a fault of drip; accounts for what is in hand then.
    fn live(mut self, transport: Box<dyn Transport>) {
        let worker = &mut self;
        let ended = catch_unwind(AssertUnwindSafe(move || worker.work(transport)));
        // In none of these is there more to do than to tell; nobody hears it when the run's thread is gone.
        let _ = self.put_down();
        if let Some((job, _)) = self.ahead.take() {
            let _ = self.reports.send(Report::Done(job, Handover::GivenBack));
        }
        let at_hand = self.at_hand.take();
        match ended {
            // The run hands the mail to another connection, or back to the ledger.
            Ok(Err(error)) => drop(at_hand.map(|job| self.reports.send(Report::NoConnection(job, error)))),
            Ok(Ok(())) => {}
            Err(_) => {
                let handover = Handover::Answered(failed(self.is_leaving));
                // In one report: a run whose last mail is settled listens no more.
                let _ = self.reports.send(Report::Failed(at_hand.map(|job| (job, handover))));
            }
        }
    }

    /// Hands over what there is.
    ///
    /// # Errors
    /// When the connection cannot be opened; the mail stays at hand.
    fn work(&mut self, mut transport: Box<dyn Transport>) -> Result<(), ConnectError> {
        while let Ok((job, prepared)) = self.next() {
            let send = job.claim.send;
            (self.at_hand, self.is_leaving) = (Some(job), false);
            let handover = match prepared {
                Prepared::Over(handover) => handover,
                Prepared::Call(request) if self.may_call(send) => Handover::Called(self.parts.caller.call(&request)),
                Prepared::Call(_) => Handover::GivenBack,
                Prepared::Mail(mail) => {
                    transport.connect()?;
                    self.hand_over(transport.as_mut(), &mail, send)
                }
            };
            let Some(job) = self.at_hand.take() else { break };
            // Its answer came together with the one to the next: both go into one transaction.
            if transport.is_ahead() && self.ahead.is_some() && self.last.is_none() {
                self.last = Some((job, handover));
                continue;
            }
            let report = Report::Done(job, handover);
            let is_over = report.is_about_every_mail();
            if self.put_down().is_err() || self.reports.send(report).is_err() {
                break;
            }
            if is_over {
                // The run will say so as well, but by then a next mail would have knocked at the same door.
                self.desk.stopping.store(true, Ordering::Release);
            }
        }
        transport.close();
        Ok(())
    }

    /// Reports the mail before, where it was not reported with an offer.
    fn put_down(&mut self) -> Result<(), Ended> {
        let last = self.last.take();
        last.map_or(Ok(()), |(job, handover)| self.reports.send(Report::Done(job, handover)).map_err(|_| Ended))
    }

    /// Returns what to do next; waits for it where there is nothing.
    fn next(&mut self) -> Result<(Box<Job>, Prepared), Ended> {
        let (job, prepared) = match self.ahead.take() {
            Some(next) => next,
            None => {
                self.put_down()?;
                self.desk.ramp.wait(self.number);
                // Taken in a statement of its own, so that the lock is free while the mail is under way.
                let job = self.desk.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let job = job.map_err(|_| Ended)?;
                let prepared =
                    if self.desk.is_stopping() { Prepared::Over(Handover::GivenBack) } else { self.prepare(&job) };
                (job, prepared)
            }
        };
        let rests = self.desk.resting[job.known].load(Ordering::Acquire);
        if rests
            || self.desk.is_stopping()
            || (matches!(prepared, Prepared::Mail(_)) && !self.desk.pace.wait(&self.desk.stopping))
        {
            return Ok((job, Prepared::Over(Handover::GivenBack)));
        }
        Ok((job, prepared))
    }

    /// Takes and renders one more, if one waits; returns it where it is a mail.
    fn look_ahead(&mut self) -> Option<Arc<Parcel>> {
        if self.desk.pace.is_held_back() || self.desk.is_stopping() {
            return None;
        }
        if self.ahead.is_none() {
            let job = match self.desk.jobs.try_lock() {
                Ok(jobs) => jobs.try_recv().ok()?,
                Err(TryLockError::Poisoned(jobs)) => jobs.into_inner().try_recv().ok()?,
                // Another thread waits for the very same.
                Err(TryLockError::WouldBlock) => return None,
            };
            let prepared = self.prepare(&job);
            self.ahead = Some((job, prepared));
        }
        match &self.ahead {
            Some((_, Prepared::Mail(mail))) => Some(Arc::clone(mail)),
            _ => None,
        }
    }

    /// Asks whether somebody who is to be called about has not said no meanwhile.
    fn may_call(&mut self, send: SendId) -> bool {
        let (answer, answered) = sync_channel(1);
        let offer = Offer { send, is_call: true, last: self.last.take(), answer };
        self.reports.send(Report::Offer(offer)).is_ok() && answered.recv() == Ok(true)
    }

    fn hand_over(&mut self, transport: &mut dyn Transport, mail: &Arc<Parcel>, send: SendId) -> Handover {
        let mut commit = || {
            let (answer, answered) = sync_channel(1);
            if self.reports.send(Report::Offer(Offer { send, is_call: false, last: self.last.take(), answer })).is_err()
            {
                return Permit::No;
            }
            let next = self.look_ahead();
            self.is_leaving = answered.recv() == Ok(true);
            if self.is_leaving { Permit::Yes { next } } else { Permit::No }
        };
        match transport.deliver(mail, &mut commit) {
            Ok(outcome) => Handover::Answered(outcome),
            Err(transport::NotCommitted) => Handover::GivenBack,
        }
    }

    /// Renders; a fault of drip there holds the one mail, and leaves the run going.
    fn prepare(&self, job: &Job) -> Prepared {
        catch_unwind(AssertUnwindSafe(|| self.rendered(job)))
            .unwrap_or_else(|_| Prepared::Over(Handover::Held(FAULT.to_owned())))
    }

    fn rendered(&self, job: &Job) -> Prepared {
        let (parts, campaign) = (self.parts, self.campaigns[job.known]);
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
            Ok(mail) => Prepared::Mail(Arc::new(Parcel { envelope: mail.envelope, bytes: mail.bytes })),
            Err(reason) => Prepared::Over(Handover::Held(reason)),
        }
    }
}

/// Returns what becomes of the mail at hand when drip fails: nobody knows, or it goes again later, as it would after the
/// connection was lost; not at once, when it could fail every connection one after the other.
fn failed(is_leaving: bool) -> transport::Outcome {
    if is_leaving {
        return transport::Outcome::Unknown { reason: FAULT.to_owned() };
    }
    transport::Outcome::Deferred { reply: FAULT.to_owned(), scope: transport::Scope::Connection }
}

/// Returns the campaigns by the number under which jobs name them.
pub(super) fn campaigns<'a>(known: &[Known<'a>]) -> Vec<&'a Campaign> {
    known.iter().map(|known| known.campaign).collect()
}
