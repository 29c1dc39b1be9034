//! How many connections may be used: all of them; or, after the relay said that it gets too much, one at first, and twice
//! as many each time that it took a score of mails.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many mails the relay takes before the connections double.
const STEP: usize = 20;

/// The connections that are open to mail.
#[derive(Debug)]
pub(super) struct Ramp {
    connections: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    open: usize,
    /// Mails taken since there were so many.
    taken: usize,
}

impl Ramp {
    /// Opens all connections, or the first alone.
    pub(super) fn new(connections: usize, careful: bool) -> Self {
        let open = if careful { 1 } else { connections };
        Self { connections, state: Mutex::new(State { open, taken: 0 }), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a connection, counted from 0, may be used.
    pub(super) fn wait(&self, number: usize) {
        let waiting = self.changed.wait_while(self.state(), |state| state.open <= number);
        drop(waiting.unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that the relay took a mail.
    pub(super) fn took(&self) {
        let mut state = self.state();
        state.taken += 1;
        if state.taken >= STEP && state.open < self.connections {
            (state.open, state.taken) = (state.open * 2, 0);
            self.changed.notify_all();
        }
    }

    /// Opens one more in the place of one that was lost.
    pub(super) fn lost(&self) {
        self.state().open += 1;
        self.changed.notify_all();
    }

    /// Opens all, so that nobody waits any longer.
    pub(super) fn finish(&self) {
        self.state().open = usize::MAX;
        self.changed.notify_all();
    }

    /// Says whether all are open.
    pub(super) fn is_over(&self) -> bool {
        self.state().open >= self.connections
    }
}
