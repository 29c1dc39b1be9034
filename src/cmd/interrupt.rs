//! Signals. Those that ask a run to stop: it finishes what is on its way, and a second one ends it at once. And the one
//! that says a file may not grow.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// What a shell says of a program that an interrupt ended.
const ENDED: i32 = 130;

/// Returns what is set once such a signal came.
pub(super) fn listen() -> io::Result<Arc<AtomicBool>> {
    let came = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        // In this order, so that the first signal does not end what it only marks.
        flag::register_conditional_shutdown(signal, ENDED, Arc::clone(&came))?;
        flag::register(signal, Arc::clone(&came))?;
    }
    Ok(came)
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail like one to a full disk; otherwise the system
/// ends the program without a word.
pub(super) fn survive_limits() {
    // Where that cannot be, the program ends as it would have.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
