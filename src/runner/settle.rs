//! Sending: due enrolments out of the index, claims a batch at a time, and what the connections report, all of it that
//! has come in by now in one transaction.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::time::{Duration, Instant};

use super::advance::{Advanced, Job};
use super::deliver::{self, Desk, Offer, Report};
use super::outcome::REST;
use super::pace::Pace;
use super::ramp::Ramp;
use super::stock::Stock;
use super::{Options, Run, Stop};
use crate::model::send::SendKind;
use crate::store::{Store, StoreError};

/// People looked at in one transaction, at the least: each such transaction waits for the disk.
const BATCH: usize = 64;
/// How long a signal may go unnoticed.
const GLANCE: Duration = Duration::from_millis(100);

/// The state of sending that is not in the store.
pub(super) struct Progress<'o> {
    options: &'o Options,
    /// Mails claimed and not settled.
    pub(super) in_hand: usize,
    claimed: u64,
    /// Which campaign is being worked through.
    at: usize,
    connections: usize,
    pub(super) silent: u32,
    pub(super) policy: Vec<u32>,
    stopped: Option<Stop>,
}

impl Progress<'_> {
    fn may_claim(&self) -> bool {
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
            let interrupted = self.is_interrupted();
            return Ok(Some(if interrupted { Stop::Interrupted } else { Stop::NoConnection(error) }));
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
            let result = self.work_off(store, &mut progress, &jobs, &inbox, &desk);
            // Whatever happened, threads that ask from now on are told no, and find no more work.
            desk.stopping.store(true, Ordering::Release);
            let over = desk.ramp.is_over();
            desk.ramp.finish();
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

    fn anyone_due(&self, store: &mut Store, options: &Options) -> Result<bool, StoreError> {
        let work = store.read()?;
        for index in 0..self.known.len() {
            if self.is_wanted(index, options) && !work.due(self.known[index].row, self.now, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_wanted(&self, index: usize, options: &Options) -> bool {
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
        loop {
            if self.is_interrupted() {
                progress.stop(Stop::Interrupted);
                desk.stopping.store(true, Ordering::Release);
            }
            while progress.stopped.is_none() && stock.is_low(progress.in_hand) && progress.at < self.known.len() {
                self.claim_batch(store, progress, &mut stock, jobs, desk)?;
            }
            if progress.in_hand == 0 {
                // A notice or a call may have been followed by a mail that is due at once, and an `enrol`
                // by one of a campaign that was worked through before.
                if progress.stopped.is_none() && self.anyone_due(store, progress.options)? {
                    progress.at = 0;
                    continue;
                }
                return Ok(());
            }
            let first = match inbox.recv_timeout(GLANCE) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => {
                    // Every thread has ended, each with a report before it; what is left was never begun.
                    progress.stop(Stop::Relay("every connection failed".to_owned()));
                    return Ok(());
                }
            };
            self.settle(store, progress, first, inbox, jobs, desk)?;
            if progress.stopped.as_ref().is_some_and(|why| !why.is_gentle()) {
                desk.stopping.store(true, Ordering::Release);
            }
        }
    }

    /// Decides the next due enrolments of the campaign at hand, and claims those that have a mail to send.
    fn claim_batch(
        &mut self,
        store: &mut Store,
        progress: &mut Progress<'_>,
        stock: &mut Stock,
        jobs: &Sender<Box<Job>>,
        desk: &Desk,
    ) -> Result<(), StoreError> {
        if !self.is_wanted(progress.at, progress.options) {
            progress.at += 1;
            return Ok(());
        }
        let work = store.begin()?;
        self.version = work.version()?;
        // Somebody may have paused it since the run began.
        if let Some(reason) = work.paused(self.known[progress.at].row)? {
            self.rest(progress.at, reason, desk);
            return Ok(());
        }
        if let Some(limit) = self.budget.reached().filter(|_| progress.stopped.is_none()) {
            progress.stop(Stop::Ceiling(limit.to_owned()));
            return Ok(());
        }
        let room = stock.size().saturating_sub(progress.in_hand);
        let due = work.due(self.known[progress.at].row, self.now, room.max(BATCH))?;
        if due.is_empty() {
            progress.at += 1;
            return Ok(());
        }
        let mut claimed = Vec::new();
        for id in due {
            if claimed.len() >= room {
                break;
            }
            let may_send = progress.may_claim() && self.budget.reached().is_none();
            match self.advance(&work, progress.at, id, may_send)? {
                Advanced::Settled => {}
                Advanced::Claimed(job) => {
                    progress.claimed += 1;
                    if job.task.kind() != SendKind::Webhook {
                        self.budget.take();
                    }
                    claimed.push(job);
                }
                Advanced::OverLimit => {
                    progress.stop(match self.budget.reached() {
                        Some(limit) => Stop::Ceiling(limit.to_owned()),
                        None => Stop::Limit,
                    });
                    break;
                }
            }
        }
        work.commit()?;
        if !claimed.is_empty() {
            stock.claimed(Instant::now());
        }
        for job in claimed {
            progress.in_hand += 1;
            // A receiver that is gone means that no thread is left; `work_off` finds out.
            let _ = jobs.send(job);
        }
        Ok(())
    }

    /// Writes what the threads report, everything that has come in by now in one transaction.
    fn settle(
        &mut self,
        store: &mut Store,
        progress: &mut Progress<'_>,
        first: Report,
        inbox: &Receiver<Report>,
        jobs: &Sender<Box<Job>>,
        desk: &Desk,
    ) -> Result<(), StoreError> {
        let at = (self.parts.clock)();
        let mut answers: Vec<(SyncSender<bool>, bool)> = Vec::new();
        let mut again = Vec::new();
        let mut leaving = 0;
        let work = if self.parts.boot.is_some() { store.begin_group()? } else { store.begin()? };
        self.version = work.version()?;
        for report in std::iter::once(first).chain(inbox.try_iter()) {
            match report {
                Report::Offer(Offer { send, last, answer }) => {
                    if let Some((job, handover)) = last {
                        progress.in_hand -= 1;
                        self.outcome(&work, progress, job, handover, at, desk)?;
                    }
                    let stopping = progress.stopped.as_ref().is_some_and(|why| !why.is_gentle());
                    let may_leave = !stopping && work.set_sending(send, self.id, at)?;
                    leaving += u64::from(may_leave);
                    answers.push((answer, may_leave));
                }
                Report::Done(job, handover) => {
                    progress.in_hand -= 1;
                    self.outcome(&work, progress, job, handover, at, desk)?;
                }
                Report::NoConnection(job, error) => {
                    progress.connections -= 1;
                    desk.ramp.lost();
                    if progress.connections == 0 || progress.stopped.is_some() {
                        progress.in_hand -= 1;
                        self.give_back(&work, &job, at)?;
                        progress.stop(Stop::NoConnection(error));
                    } else {
                        again.push(job);
                    }
                }
            }
        }
        if leaving > 0 {
            work.count_outflow(leaving, at)?;
        }
        work.commit()?;
        // Only what is committed may be acted on.
        for (answer, may_leave) in answers {
            let _ = answer.send(may_leave);
        }
        for job in again {
            let _ = jobs.send(job);
        }
        Ok(())
    }
}
