//! Sending: the run's own thread hands mails to the connections, and writes what they report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::advance::Job;
use super::deliver::{self, Desk, Offer, Report};
use super::outcome::REST;
use super::pace::Pace;
use super::ramp::Ramp;
use super::stock::Stock;
use super::{Happening, Options, Run, Stop};
use crate::mail::transport::{ConnectError, ConnectErrorKind};
use crate::model;
use crate::model::plain::unnamed;
use crate::store::{Store, StoreError, Work};

/// Claims made in one transaction, at the least.
const FEW: usize = 16;
/// People looked at in one transaction while no thread has anything to do.
const CROWD: usize = 256;
/// Claims for each connection that make it worth waiting for the disk.
const MANY: usize = 8;
/// How long the store is left to another process that writes, too: it has to meet a moment in which nobody does.
const COURTESY: Duration = Duration::from_millis(2);
/// How long a signal may go unnoticed.
const GLANCE: Duration = Duration::from_millis(100);

/// The state of sending that is not in the store.
pub(super) struct Progress<'o> {
    pub(super) options: &'o Options,
    /// Mails claimed and not settled.
    pub(super) in_hand: usize,
    /// Those of them whose claims may not be on the disk yet.
    #[expect(clippy::vec_box, reason = "they come as boxes and go on as such")]
    pub(super) waiting: Vec<Box<Job>>,
    pub(super) claimed: u64,
    /// Which campaign is being worked through.
    pub(super) at: usize,
    connections: usize,
    pub(super) silent: u32,
    pub(super) policy: Vec<u32>,
    pub(super) stopped: Option<Stop>,
}

impl Progress<'_> {
    pub(super) fn may_claim(&self) -> bool {
        self.stopped.is_none() && self.options.limit.is_none_or(|limit| self.claimed < limit)
    }

    pub(super) fn stop(&mut self, why: Stop) {
        // What is wrong weighs more than what was asked for.
        if self.stopped.as_ref().is_none_or(|earlier| earlier.is_gentle() && !why.is_gentle()) {
            self.stopped = Some(why);
        }
    }
}

impl Run<'_> {
    /// Works off everything that is due.
    pub(super) fn send(&mut self, store: &mut Store, options: &Options) -> Result<Option<Stop>, StoreError> {
        let parts = self.parts;
        let mut progress = Progress {
            options,
            in_hand: 0,
            waiting: Vec::new(),
            claimed: 0,
            at: 0,
            connections: 0,
            silent: 0,
            policy: vec![0; self.known.len()],
            stopped: None,
        };
        if self.is_interrupted() {
            return Ok(Some(Stop::Interrupted));
        }
        if !self.anyone_due(store, options)? {
            return Ok(None);
        }
        let rest = store.read()?.rest()?;
        // Later than that only a clock that went back can put it.
        if let Some(until) = rest.filter(|until| (self.now..=self.now + REST).contains(until) && *until > self.now) {
            return Ok(Some(Stop::Resting(until - self.now)));
        }
        // A relay that is down is found before anyone is claimed.
        let mut first = parts.relay.transport();
        if let Err(error) = first.connect() {
            let work = store.begin()?;
            let stop = self.without_connection(&work, error, (parts.clock)())?;
            work.commit()?;
            return Ok(Some(stop));
        }
        let campaigns = deliver::campaigns(&self.known);
        let (jobs, desk) = channel();
        let rates = parts.settings.smtp.as_ref().map_or(&[][..], |smtp| &smtp.rates);
        let desk = Desk {
            jobs: Mutex::new(desk),
            pace: Pace::new(rates),
            ramp: Ramp::new(parts.relay.connections(), rest.is_some()),
            stopping: AtomicBool::new(false),
            resting: self.known.iter().map(|_| AtomicBool::new(false)).collect(),
        };
        let (reports, inbox) = channel();
        std::thread::scope(|scope| {
            let start =
                |number, transport| deliver::start(scope, &desk, parts, &campaigns, number, transport, reports.clone());
            let mut transports = vec![first];
            transports.extend((1..parts.relay.connections()).map(|_| parts.relay.transport()));
            for (number, transport) in transports.into_iter().enumerate() {
                match start(number, transport) {
                    Ok(()) => progress.connections += 1,
                    Err(error) if progress.connections == 0 => {
                        return Ok(Some(Stop::Relay(format!("no thread can be started: {error}"))));
                    }
                    Err(_) => break,
                }
            }
            // A run waits for threads that report, and not for ones that are gone.
            drop(reports);
            let dismissal = Dismissal(&desk);
            // What the relay takes while another writer is waited for, such as a large import, would else be of unknown fate.
            let result = store.wait_longer(|store| self.work_off(store, &mut progress, &jobs, &inbox, &desk));
            let over = desk.ramp.is_over();
            drop(dismissal);
            drop((inbox, jobs));
            result?;
            if rest.is_some() && over && !matches!(progress.stopped, Some(Stop::TooMuch(_))) {
                let work = store.begin()?;
                work.set_rest(None)?;
                work.commit()?;
            }
            Ok(progress.stopped)
        })
    }

    /// Returns why a run stops that has no connection; a relay that gets too much is left alone from now on.
    fn without_connection(&self, work: &Work<'_>, error: ConnectError, at: model::Instant) -> Result<Stop, StoreError> {
        if self.is_interrupted() {
            return Ok(Stop::Interrupted);
        }
        if error.kind != ConnectErrorKind::Rate {
            return Ok(Stop::NoConnection(error));
        }
        work.set_rest(Some(at + REST))?;
        Ok(Stop::TooMuch(unnamed(&error.message).into_owned()))
    }

    fn anyone_due(&self, store: &mut Store, options: &Options) -> Result<bool, StoreError> {
        let work = store.read()?;
        for index in 0..self.known.len() {
            if self.is_wanted(index, options) && !work.due(self.known[index].row, self.now, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn is_wanted(&self, index: usize, options: &Options) -> bool {
        let known = &self.known[index];
        known.stored.paused.is_none() && options.campaign.as_ref().is_none_or(|only| *only == known.campaign.id)
    }

    fn work_off(
        &mut self,
        store: &mut Store,
        progress: &mut Progress<'_>,
        jobs: &Sender<Box<Job>>,
        inbox: &Receiver<Report>,
        desk: &Desk,
    ) -> Result<(), StoreError> {
        let mut stock = Stock::new(progress.connections);
        let mut refilling = false;
        loop {
            if self.is_interrupted() {
                progress.stop(Stop::Interrupted);
                desk.stopping.store(true, Ordering::Release);
            }
            let may_claim = progress.stopped.is_none() && progress.at < self.known.len();
            refilling = may_claim && (stock.is_low(progress.in_hand) || refilling && progress.in_hand < stock.size());
            let first = if refilling || !progress.waiting.is_empty() {
                inbox.try_recv().ok()
            } else {
                if progress.in_hand == 0 {
                    // A notice or a call may have been followed by a mail that is due at once, and an `enrol`
                    // by one of a campaign that was worked through before.
                    if progress.stopped.is_none() && self.anyone_due(store, progress.options)? {
                        progress.at = 0;
                        continue;
                    }
                    return Ok(());
                }
                match inbox.recv_timeout(GLANCE) {
                    Ok(report) => Some(report),
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => {
                        // No thread is left, and something is not accounted for: the next run finds it so.
                        progress.stop(Stop::Failed);
                        return Ok(());
                    }
                }
            };
            let room = if refilling { stock.size().saturating_sub(progress.in_hand) } else { 0 };
            if self.turn(store, progress, first, room, jobs, inbox, desk)? {
                stock.claimed(Instant::now());
            }
            if progress.stopped.as_ref().is_some_and(|why| !why.is_gentle()) {
                desk.stopping.store(true, Ordering::Release);
            }
        }
    }

    /// One transaction: writes what the threads report, everything that has come in by now, and claims as many mails as
    /// there is room for, a few at a time so that no thread waits for long. What is claimed is handed out once a
    /// transaction has waited for the disk; says whether this one did.
    #[expect(clippy::too_many_arguments, reason = "it is where everything comes together")]
    fn turn(
        &mut self,
        store: &mut Store,
        progress: &mut Progress<'_>,
        first: Option<Report>,
        room: usize,
        jobs: &Sender<Box<Job>>,
        inbox: &Receiver<Report>,
        desk: &Desk,
    ) -> Result<bool, StoreError> {
        let reports: Vec<Report> = first.into_iter().chain(inbox.try_iter()).collect();
        let quota = room.min((2 * reports.len()).max(FEW));
        let begun = progress.in_hand - progress.waiting.len();
        let claims = progress.waiting.len() + quota;
        // When enough has come together, when there is no more, or when the threads run out of work.
        let waits = claims > 0 && (quota == room || claims >= begun || claims >= MANY * progress.connections);
        let work = if waits || self.parts.boot.is_none() { store.begin()? } else { store.begin_group()? };
        let beside = std::mem::replace(&mut self.version, work.version()?) != self.version;
        let acts = self.settle(&work, progress, reports, desk)?;
        if quota > 0 {
            let people = if begun == 0 { CROWD } else { quota };
            self.claim_some(&work, progress, people, quota, desk)?;
        }
        if waits {
            // Without a write there would be nothing to wait for.
            work.touch_run(self.id)?;
        }
        work.commit()?;
        // Only what is committed may be acted on.
        for (answer, may_leave) in acts.answers {
            let _ = answer.send(may_leave);
        }
        let claimed = if waits { std::mem::take(&mut progress.waiting) } else { Vec::new() };
        let any = !claimed.is_empty();
        for job in acts.again.into_iter().chain(claimed) {
            // A receiver that is gone means that no thread is left; `work_off` finds out.
            let _ = jobs.send(job);
        }
        if beside {
            std::thread::sleep(COURTESY);
        }
        Ok(any)
    }

    /// Writes what the threads report; returns what is to be done once that is committed.
    fn settle(
        &mut self,
        work: &Work<'_>,
        progress: &mut Progress<'_>,
        reports: Vec<Report>,
        desk: &Desk,
    ) -> Result<Acts, StoreError> {
        let at = (self.parts.clock)();
        let mut acts = Acts::default();
        let mut leaving = 0;
        for report in reports {
            match report {
                Report::Offer(Offer { send, is_call, last, answer }) => {
                    if let Some((job, handover)) = last {
                        progress.in_hand -= 1;
                        self.outcome(work, progress, job, handover, at, desk)?;
                    }
                    let stopping = progress.stopped.as_ref().is_some_and(|why| !why.is_gentle());
                    let may_leave = !stopping
                        && if is_call {
                            work.may_call(send, self.id, at)?
                        } else {
                            work.set_sending(send, self.id, at)?
                        };
                    leaving += u64::from(may_leave && !is_call);
                    acts.answers.push((answer, may_leave));
                }
                Report::Done(job, handover) => {
                    progress.in_hand -= 1;
                    self.outcome(work, progress, job, handover, at, desk)?;
                }
                Report::NoConnection(job, error) => {
                    progress.connections -= 1;
                    desk.ramp.lost();
                    let stopping = progress.stopped.as_ref().is_some_and(|why| !why.is_gentle());
                    if progress.connections > 0 && !stopping {
                        acts.again.push(job);
                        continue;
                    }
                    progress.in_hand -= 1;
                    self.give_back(work, &job, at)?;
                    if progress.connections == 0 {
                        progress.stop(self.without_connection(work, error, at)?);
                    }
                }
                Report::Failed(at_hand) => {
                    progress.connections -= 1;
                    desk.ramp.lost();
                    (self.tell)(Happening::ConnectionFailed);
                    if let Some((job, handover)) = at_hand {
                        progress.in_hand -= 1;
                        self.outcome(work, progress, job, handover, at, desk)?;
                    }
                    if progress.connections == 0 {
                        progress.stop(Stop::Failed);
                    }
                }
            }
        }
        if leaving > 0 {
            work.count_outflow(leaving, at)?;
        }
        if progress.connections == 0 {
            // Every thread has ended, each with a report before it: nobody would begin what is left, or report of it.
            let queue = desk.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let left = queue.try_iter().chain(progress.waiting.drain(..)).chain(acts.again.drain(..));
            for job in left {
                progress.in_hand -= 1;
                self.give_back(work, &job, at)?;
            }
        }
        Ok(acts)
    }
}

/// Whatever happens, threads that ask from then on are told no, and wait for nothing.
struct Dismissal<'d>(&'d Desk);

impl Drop for Dismissal<'_> {
    fn drop(&mut self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.ramp.finish();
    }
}

/// What follows from reports.
#[derive(Default)]
struct Acts {
    /// Whether contents may leave.
    answers: Vec<(SyncSender<bool>, bool)>,
    /// Mails for another connection.
    #[expect(clippy::vec_box, reason = "they come as boxes and go on as such")]
    again: Vec<Box<Job>>,
}
