//! Reads incoming mail: the bytes of one message → what it is and which mail of drip's it speaks of.
//!
//! Reading is pure: no store, no files, no network, no clock; [`act`] does in the store what a message asks for. Every step takes time in proportion to the message,
//! whatever stands in it, and nothing in a message makes it panic. The rules come from the standards (RFC 3464
//! reports, RFC 3463 status codes, RFC 5965 complaints, RFC 3834 automatic answers) and, where mail servers
//! keep to none, from the words they are known to write. A mail is taken for a dead address only where that
//! is said plainly: a wrong guess would silence a customer for good.

mod act;
mod answer;
mod automatic;
mod complaint;
mod consequence;
mod doubt;
mod family;
mod message;
mod mime;
mod notification;
mod original;
mod prose;
mod reason;
mod reply;
mod report;
mod sender;
mod text;
mod unsubscribe;
mod verb;
mod verdict;
mod words;

use std::fmt;

pub use act::{Deed, Rules, act};
pub use consequence::{Failure, complained, failed};
pub use message::LONGEST_MESSAGE;
pub use reason::Reason;
pub use verdict::{Called, verdict};

use message::Message;

/// What one message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub kind: Kind,
    pub original: Original,
}

/// The sorts of mail that come back to a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A server tells what became of a mail, for each recipient.
    Report(Vec<Recipient>),
    /// A reader pressed the spam button, or a receiver complains on its own.
    Complaint {
        recipients: Vec<String>,
        /// As `abuse`, `fraud`, `opt-out`, `auth-failure`; lower case.
        feedback_type: String,
    },
    /// Somebody leaves by mail.
    Unsubscribe,
    /// A machine answers for a person: out of office, ticket received.
    AutoReply,
    /// A person answers.
    Reply,
    /// A mail of drip's own that came back as it was: a loop.
    Ours,
    /// Nothing that could be told from these bytes, and why.
    Unreadable(&'static str),
    /// Anything else: a new mail by a person, a newsletter, spam.
    Other,
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address that the mail did (not) reach; behind an alias not the one it was sent to.
    pub address: String,
    /// The address that the mail was sent to, where the report names it beside the other.
    pub original_recipient: Option<String>,
    pub action: Action,
    pub status: Option<Status>,
    /// The three digits of the SMTP answer, 400 to 599.
    pub reply_code: Option<u16>,
    /// The server's own words, on one line.
    pub diagnostic: String,
    pub reason: Reason,
    pub permanence: Permanence,
}

impl Recipient {
    /// Returns the address that the mail was sent to, as far as the report tells.
    pub fn sent_to(&self) -> &str {
        self.original_recipient.as_deref().unwrap_or(&self.address)
    }
}

/// What a server did (RFC 3464, section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Failed,
    /// Not yet; the server goes on trying. No bounce.
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

/// Whether an address is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permanence {
    /// The address itself is dead.
    Hard,
    /// This mail, this sender or this day was the trouble.
    Soft,
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u8, pub u16, pub u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What ties a message to a mail that drip sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Original {
    /// Message-IDs without brackets: of the returned mail, or of what a reply answers. The likeliest first.
    pub message_ids: Vec<String>,
    /// Where this message was delivered to; an address made for one send (VERP) is found here.
    pub to: Vec<String>,
    /// Where bounces of the returned mail were to go, by its `Return-Path` or a complaint's `Original-Mail-From`.
    pub returns_to: Vec<String>,
    /// Who wrote this message, by its `From`.
    pub from: Option<String>,
    pub subject: String,
    /// `List-ID` of the returned mail, without brackets.
    pub list_id: Option<String>,
    /// `Feedback-ID` of the returned mail.
    pub feedback_id: Option<String>,
}

/// Returns what a message is.
pub fn read(bytes: &[u8]) -> Reading {
    let message = Message::read(bytes);
    let original = original::of(&message);
    let kind = kind(&message, &original);
    Reading { kind, original }
}

fn kind(message: &Message, original: &Original) -> Kind {
    if message.is_empty() {
        return Kind::Unreadable("the message is empty");
    }
    if let Some(complaint) = complaint::read(message) {
        return complaint;
    }
    if let Some(kind) = notification::read(message) {
        return kind;
    }
    if let Some(recipients) = report::read(message) {
        return Kind::Report(recipients);
    }
    if message.headers.is_empty() {
        return Kind::Unreadable("it has no headers");
    }
    if unsubscribe::is_our_own(message) {
        return Kind::Ours;
    }
    // Before the answers of machines: mail programs leave a list for their reader, and mark that as automatic.
    if unsubscribe::asks_to_leave(message) {
        return Kind::Unsubscribe;
    }
    if automatic::is_automatic(message) {
        return Kind::AutoReply;
    }
    if reply::is_reply(message, original) { Kind::Reply } else { Kind::Other }
}

#[cfg(test)]
mod tests;
