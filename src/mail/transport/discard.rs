//! A transport for dry runs: takes every mail and keeps none.

use super::{ConnectError, Envelope, NotCommitted, Outcome, Relay, Transport};

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

    fn deliver(
        &mut self,
        _envelope: &Envelope,
        _message: &[u8],
        commit: &mut dyn FnMut() -> bool,
    ) -> Result<Outcome, NotCommitted> {
        if commit() { Ok(Outcome::Sent { reply: "discarded (dry run)".to_owned() }) } else { Err(NotCommitted) }
    }

    fn close(&mut self) {}
}
