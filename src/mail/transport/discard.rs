//! A transport for dry runs: takes every mail and keeps none.

use std::sync::Arc;

use super::{ConnectError, NotCommitted, Outcome, Parcel, Permit, Relay, Transport};

/// Takes everything, keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Relay for Discard {
    fn transport(&self) -> Box<dyn Transport> {
        Box::new(*self)
    }

    fn describe(&self) -> String {
        "nowhere (dry run)".to_owned()
    }

    fn connections(&self) -> usize {
        1
    }
}

impl Transport for Discard {
    fn connect(&mut self) -> Result<(), ConnectError> {
        Ok(())
    }

    fn deliver(&mut self, _mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted> {
        match commit() {
            Permit::Yes { .. } => Ok(Outcome::Sent { reply: "discarded (dry run)".to_owned() }),
            Permit::No => Err(NotCommitted),
        }
    }

    fn close(&mut self) {}
}
