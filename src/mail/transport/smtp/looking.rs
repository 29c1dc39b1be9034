//! A look at the relay up to the login: no mail is begun.

use super::SmtpRelay;
use super::SmtpTransport;
use crate::mail::transport::{ConnectError, Transport as _};

/// What a relay offers to whoever has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The version of TLS; `None` in the clear.
    pub tls: Option<String>,
    /// Whether the relay is on this machine.
    pub is_local: bool,
    /// The largest mail, in bytes; `None` where it says no limit.
    pub size: Option<usize>,
    /// Whether it carries addresses outside ASCII (RFC 6531).
    pub takes_utf8: bool,
}

impl SmtpRelay {
    /// Connects, logs in, and takes leave.
    ///
    /// # Errors
    /// Returns where and why it failed.
    pub fn look(&self) -> Result<Offer, ConnectError> {
        let mut transport = SmtpTransport { relay: self.clone(), session: None };
        let session = transport.open()?;
        let offer = Offer {
            tls: session.wire.tls_version(),
            is_local: session.wire.is_local(),
            size: session.extensions.size(),
            takes_utf8: session.extensions.has("SMTPUTF8"),
        };
        transport.session = Some(session);
        transport.close();
        Ok(offer)
    }
}
