//! Signals that ask a run to stop: it finishes what is on its way. A second one ends it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
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
