//! The ledger: one row for one step of one enrolment, and the states it passes through.

use super::Instant;

/// Where a row of the ledger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendState {
    /// Taken by a run; no content has left.
    Claimed,
    /// The content may be on its way: committed after the relay's 354, before the first byte.
    Sending,
    /// The relay answered 250.
    Sent,
    /// A definite "not now"; tried again.
    Deferred,
    /// A definite no.
    Rejected,
    /// Could not be rendered; a person mends it.
    Held,
    /// The step was not for this contact.
    Skipped,
    /// The answer to the content never came; not sent again by itself, and counts as sent.
    Unknown,
    /// A step that sends nothing (`set`, `exit`) was carried out.
    Done,
}

impl SendState {
    /// Every value; the store keeps the index.
    pub const ALL: [Self; 9] = [
        Self::Claimed,
        Self::Sending,
        Self::Sent,
        Self::Deferred,
        Self::Rejected,
        Self::Held,
        Self::Skipped,
        Self::Unknown,
        Self::Done,
    ];

    /// Returns the word for it in output and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
            Self::Done => "done",
        }
    }

    /// Says whether the step is over for this enrolment, so that its position moves on.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Sent | Self::Rejected | Self::Skipped | Self::Unknown | Self::Done)
    }

    /// Says whether something left, or may have left, or is about to.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Claimed | Self::Sending | Self::Sent | Self::Unknown)
    }
}

/// What a row of the ledger is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SendKind {
    /// A mail to the contact, or a step that sends nothing.
    #[default]
    Mail,
    /// A mail to someone of the firm.
    Notify,
    Webhook,
}

impl SendKind {
    /// Returns the word for it in SQL; `None` for a mail.
    pub fn as_word(self) -> Option<&'static str> {
        match self {
            Self::Mail => None,
            Self::Notify => Some("notify"),
            Self::Webhook => Some("webhook"),
        }
    }

    /// Returns the kind that a word of SQL names.
    pub fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("notify") => Self::Notify,
            Some("webhook") => Self::Webhook,
            _ => Self::Mail,
        }
    }
}

/// How a `wait_for` step ended: the reason of its row in the ledger.
pub const CAME: &str = "came";
pub const TIMED_OUT: &str = "timed out";

/// What `decide` needs of a row of the ledger.
#[derive(Debug, Clone)]
pub struct SendRecord {
    /// The step's id when the row was written.
    pub step: String,
    pub kind: SendKind,
    /// The mail of a test that was chosen.
    pub variant: Option<String>,
    pub reason: Option<String>,
    pub state: SendState,
    /// When the row reached its state: for a closed row, the origin of the next delay.
    pub at: Instant,
    /// For a deferred row, the earliest moment of the next attempt.
    pub retry_at: Option<Instant>,
}

impl SendRecord {
    /// Says whether a mail to the contact left, or may have left, or is about to: what the frequency cap counts.
    pub fn is_mail(&self) -> bool {
        self.kind == SendKind::Mail && self.state.has_left()
    }
}
