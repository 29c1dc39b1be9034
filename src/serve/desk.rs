//! The one thread that reads and writes the store for every request, as many at a time as have come in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

use crate::store::{Result, Store, StoreError, Work};

/// Requests that wait for the store; beyond them it is said to be busy.
const QUEUE: usize = 4096;
/// How often a batch waits for another writer, for as long as the store waits.
const TRIES: u32 = 30;
/// Requests in one transaction.
const BATCH: usize = 512;

/// What is done for a request inside the transaction, and how its answer goes out once it is on the disk.
type Task = Box<dyn FnOnce(&Work<'_>) -> Result<Answer> + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// Where requests are handed in.
#[derive(Clone)]
pub(super) struct Desk {
    tasks: SyncSender<Task>,
    waiting: Arc<AtomicUsize>,
}

/// Starts the thread; it ends when every desk is gone and what was handed in is done.
pub(super) fn open(store: Store) -> std::io::Result<(Desk, JoinHandle<()>)> {
    let (tasks, inbox) = sync_channel(QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let taken = Arc::clone(&waiting);
    let clerk = Builder::new().name("store".to_owned()).spawn(move || work_off(store, &inbox, &taken))?;
    Ok((Desk { tasks, waiting }, clerk))
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
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |work| {
            let result = what(work)?;
            Ok(Box::new(move || drop(answer.send(result))) as Answer)
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

fn work_off(mut store: Store, inbox: &Receiver<Task>, waiting: &AtomicUsize) {
    while let Ok(first) = inbox.recv() {
        let mut batch: Vec<Task> = std::iter::once(first).chain(inbox.try_iter().take(BATCH - 1)).collect();
        waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        let mut tries = 0;
        loop {
            match together(&mut store, &mut batch) {
                Ok(answers) => {
                    for answer in answers {
                        answer();
                    }
                    break;
                }
                // Another writer, such as a large import: nothing was begun, and whoever asked waits.
                Err(StoreError::Busy(_)) if !batch.is_empty() && tries < TRIES => tries += 1,
                // Whoever asked gets no answer but that it failed; the next batch may fare better.
                Err(_) => break,
            }
        }
    }
}

/// Does each task for itself: one that fails takes no other with it.
fn together(store: &mut Store, batch: &mut Vec<Task>) -> Result<Vec<Answer>> {
    let work = store.begin()?;
    let mut answers = Vec::new();
    for task in batch.drain(..) {
        work.savepoint()?;
        match catch_unwind(AssertUnwindSafe(|| task(&work))) {
            Ok(Ok(answer)) => {
                work.release()?;
                answers.push(answer);
            }
            Ok(Err(_)) | Err(_) => work.roll_back_to_savepoint()?,
        }
    }
    work.commit()?;
    Ok(answers)
}
