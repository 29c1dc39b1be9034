//! What people see: the only writer to the standard output and the standard error.
//!
//! Results go to stdout, everything else to stderr. It knows nothing of campaigns or the store, and
//! reads neither the environment nor the clock: whether `NO_COLOR` is set is handed in.

pub mod columns;
pub mod diagnostic;
pub mod output;
pub mod progress;
pub mod sanitise;
pub mod words;

pub use output::{Color, Level, Options, Output};
