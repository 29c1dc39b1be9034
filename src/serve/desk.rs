//! The one thread that reads and writes the store for every request, as many at a time as have come in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::store::{Result, Store, StoreError, Work};

/// Requests that wait for the store; beyond them it is said to be busy.
const QUEUE: usize = 4096;
/// How often a batch waits for another writer, for as long as the store waits.
const TRIES: u32 = 30;
/// Requests in one transaction.
const BATCH: usize = 512;
/// So many at once are a crowd. While there is one, the store is written once in a while for all that have come by then: each
/// transaction waits for the disk, and another process that writes has to read anew what it had in memory.
const CROWD: usize = 16;
const WHILE: Duration = Duration::from_millis(10);

/// So many of a crowd may be put by before they are recorded in its midst: some 100 MB.
const MOST: usize = 1_000_000;
/// How long the store is left alone that could not take what was put by.
const RESPITE: Duration = Duration::from_secs(1);

/// Whether there is time to do all of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Calm,
    Crowded,
}

/// What is done for a request inside the transaction, and how its answer goes out once it is on the disk.
type Task = Box<dyn FnOnce(&Work<'_>, Pace) -> Result<Answer> + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// Where requests are handed in.
#[derive(Clone)]
pub(super) struct Desk {
    tasks: SyncSender<Task>,
    waiting: Arc<AtomicUsize>,
}

/// Starts the thread; it ends when every desk is gone and what was handed in is done. It tells the names of events that it
/// records of what was put by.
pub(super) fn open(store: Store, tell: impl Fn(&str) + Send + 'static) -> std::io::Result<(Desk, JoinHandle<()>)> {
    let (tasks, inbox) = sync_channel(QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut clerk = Clerk { store, inbox, waiting: Arc::clone(&waiting), behind: true, tell };
    let thread = Builder::new().name("store".to_owned()).spawn(move || clerk.work_off())?;
    Ok((Desk { tasks, waiting }, thread))
}

impl Desk {
    /// Returns how many requests wait to be begun.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Does something in the store, and returns its result once it is committed and on the disk. `None`: it could not be
    /// done, and nothing of it was.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Work<'_>) -> Result<T> + Send + 'static,
    ) -> Option<T> {
        self.ask_at_pace(|work, _| what(work), |_| {}).await
    }

    /// The same of what takes its time only where there is any; tells of it, also where nobody waits for the result any more.
    pub(super) async fn ask_at_pace<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Work<'_>, Pace) -> Result<T> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |work, pace| {
            let result = what(work, pace)?;
            Ok(Box::new(move || {
                then(&result);
                drop(answer.send(result));
            }) as Answer)
        });
        // Before it is there: the other thread may take it at once.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.tasks.try_send(task) {
            Ok(()) => answered.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                None
            }
        }
    }
}

/// Who works for all desks.
struct Clerk<F> {
    store: Store,
    inbox: Receiver<Task>,
    waiting: Arc<AtomicUsize>,
    /// Whether something may be put by; at first what a server left that was killed.
    behind: bool,
    tell: F,
}

impl<F: Fn(&str)> Clerk<F> {
    fn work_off(&mut self) {
        let mut put_by = 0;
        loop {
            let first = if self.behind { self.inbox.try_recv() } else { self.inbox.recv().map_err(Into::into) };
            let first = match first {
                Ok(first) => first,
                Err(TryRecvError::Empty) => match self.catch_up() {
                    Ok(()) => continue,
                    Err(_) => match self.inbox.recv_timeout(RESPITE) {
                        Ok(first) => first,
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => break,
                    },
                },
                Err(TryRecvError::Disconnected) => break,
            };
            let begun = Instant::now();
            let mut batch: Vec<Task> = std::iter::once(first).chain(self.inbox.try_iter().take(BATCH - 1)).collect();
            self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
            let size = batch.len();
            let pace = if size < CROWD { Pace::Calm } else { Pace::Crowded };
            self.work_through(&mut batch, pace);
            if pace == Pace::Crowded {
                self.behind = true;
                put_by += size;
                if put_by >= MOST && self.catch_up().is_ok() {
                    put_by -= BATCH;
                }
                if size < BATCH {
                    std::thread::sleep(WHILE.saturating_sub(begun.elapsed()));
                }
            }
            if !self.behind {
                put_by = 0;
            }
        }
        while self.behind && self.catch_up().is_ok() {}
    }

    fn work_through(&mut self, batch: &mut Vec<Task>, pace: Pace) {
        let mut tries = 0;
        loop {
            match together(&mut self.store, batch, pace) {
                Ok(answers) => {
                    for answer in answers {
                        answer();
                    }
                    return;
                }
                // Another writer, such as a large import: nothing was begun, and whoever asked waits.
                Err(StoreError::Busy(_)) if !batch.is_empty() && tries < TRIES => tries += 1,
                // Whoever asked gets no answer but that it failed; the next batch may fare better.
                Err(_) => return,
            }
        }
    }

    /// Records some of what was put by.
    fn catch_up(&mut self) -> Result<()> {
        let work = self.store.begin()?;
        let (done, names) = work.record_arrivals(BATCH)?;
        work.commit()?;
        for name in &names {
            (self.tell)(name);
        }
        self.behind = done == BATCH;
        Ok(())
    }
}

/// Does each task for itself: one that fails takes no other with it.
fn together(store: &mut Store, batch: &mut Vec<Task>, pace: Pace) -> Result<Vec<Answer>> {
    let work = store.begin()?;
    let mut answers = Vec::new();
    for task in batch.drain(..) {
        let done = work.whole(|| match catch_unwind(AssertUnwindSafe(|| task(&work, pace))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(()),
        })?;
        answers.extend(done);
    }
    work.commit()?;
    Ok(answers)
}
