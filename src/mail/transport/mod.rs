//! Handing a mail over, and what the other side said.
//!
//! A relay makes one transport for each worker thread; a transport keeps one connection over many mails.
//! It knows phases, because the ledger depends on them: nothing of the content leaves before `commit`
//! said yes, and once it did, an answer that never came is [`Outcome::Unknown`] and nothing else.
//!
//! Must not know: contacts, campaigns, the store, the wall clock. Only a monotonic clock bounds the waiting.

mod discard;
mod distrust;
mod outbox;
mod removal;
mod reply;
mod smtp;
mod socket;
mod trust;
pub(super) mod wire;

use std::fmt;
use std::sync::Arc;

pub use discard::Discard;
pub use outbox::Outbox;
pub use smtp::{Offer, SmtpRelay, Timeouts};
pub(super) use trust::{client_config, server_name};

use crate::model::address::Address;

/// Somewhere mail goes.
pub trait Relay: Send + Sync {
    /// Makes a transport for one worker; nothing is opened yet.
    fn transport(&self) -> Box<dyn Transport>;

    /// Names the place for people, without secrets: `smtps://relay.example:465`.
    fn describe(&self) -> String;

    /// Returns how many transports may be used at once.
    fn connections(&self) -> usize;
}

/// One worker's way to the relay.
pub trait Transport: Send {
    /// Opens the connection if it is not open.
    fn connect(&mut self) -> Result<(), ConnectError>;

    /// Hands over one mail.
    ///
    /// `commit` is called at most once: when the other side is ready for the content and before the first
    /// byte of it. It is not called when the mail is refused before that. It may name the mail that is
    /// delivered next, which then saves a round trip.
    ///
    /// # Errors
    /// When `commit` says no, or the run stops before it is asked: nothing of the content left.
    fn deliver(&mut self, mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted>;

    /// Says whether the answer to the mail that was named as the next has begun to come in.
    fn is_ahead(&self) -> bool {
        false
    }

    /// Takes leave and closes the connection.
    fn close(&mut self);
}

/// A mail ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub envelope: Envelope,
    /// Header and body, with line ends as CRLF.
    pub bytes: Vec<u8>,
}

/// Whether the content of a mail may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    No,
    /// Yes; and this one comes next, if that is known by now.
    Yes {
        next: Option<Arc<Parcel>>,
    },
}

/// Who sends and who receives, in the form SMTP carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    from: String,
    to: String,
}

impl Envelope {
    /// Takes checked addresses, so that no command can be smuggled into the dialogue.
    pub fn new(from: &Address, to: &Address) -> Self {
        Self { from: from.for_smtp(), to: to.for_smtp() }
    }

    /// Returns the same envelope to someone else.
    #[must_use]
    pub fn to_another(&self, to: &Address) -> Self {
        Self { from: self.from.clone(), to: to.for_smtp() }
    }

    /// Returns the sender, its domain as A-labels.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Returns the recipient, its domain as A-labels.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Says whether only a relay with SMTPUTF8 (RFC 6531) can carry it.
    pub fn needs_smtputf8(&self) -> bool {
        !self.from.is_ascii() || !self.to.is_ascii()
    }
}

/// What became of one mail. Each `reply` is one bounded line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took responsibility.
    Sent { reply: String },
    /// A definite "not now", or the content never left: may be tried again.
    Deferred { reply: String, scope: Scope },
    /// A definite no.
    Rejected { reply: String, kind: Rejection },
    /// The content may have arrived; the answer to it never came.
    Unknown { reason: String },
}

/// What else a deferral concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This mail alone.
    Mail,
    /// This connection: it is gone, and a new one may do.
    Connection,
    /// Every mail: the relay cannot be reached, or will not serve this sender now.
    Relay,
    /// Every mail: the relay says that it gets too many, too fast.
    Rate,
}

/// What a refusal says about the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The address does not exist (5.1.x): never mailed again.
    Address,
    /// The mailbox cannot take it (5.2.x, or an address the relay cannot carry); it may on another day.
    Mailbox,
    /// Policy, content or anything else: says nothing against the contact.
    Policy,
}

/// The content was not handed over: the intent to do so could not be recorded, or the run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mail was not handed over")]
pub struct NotCommitted;

/// Why there is no connection; no contact is to blame for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    pub kind: ConnectErrorKind,
    pub message: String,
    /// What the user may do about it.
    pub hint: String,
}

/// The stage at which connecting failed, or why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectErrorKind {
    /// No such host, nobody listening, or lost on the way.
    Unreachable,
    /// No trustworthy encryption.
    Tls,
    /// The login was refused or would not be safe.
    Auth,
    /// The relay does not want to talk.
    Greeting,
    /// The relay says that it gets too much, too fast; the message is what it said.
    Rate,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}
