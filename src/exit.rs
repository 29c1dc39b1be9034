//! How drip ends: what a cron wrapper can tell from the exit code.

use std::process::ExitCode;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well; also when there was nothing to do, or another run was under way.
    Success = 0,
    /// Something failed that is none of the others: a bug, or a machine out of order.
    Failure = 1,
    /// The command line is wrong, or names something that is not there.
    Usage = 2,
    /// A file of the project is wrong; nothing was sent.
    Project = 3,
    /// Some of what was given could not be taken: rows of an import that were rejected.
    Partial = 4,
    /// The relay could not be reached or refused to talk; everyone it did not reach stays due.
    Relay = 5,
    /// Something needs a person: mails held, rejected or unknown, or what `status` and `doctor` find.
    Attention = 6,
    /// The database could not be read or written; a run stops at once.
    Store = 7,
    /// A signal stopped a run; what was on its way was waited for, and everyone else stays due.
    Interrupted = 8,
    /// A message that was piped in could not be dealt with: whoever pipes it keeps it and tries again (`EX_TEMPFAIL`).
    TryAgain = 75,
}

impl Exit {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Project,
        Self::Partial,
        Self::Relay,
        Self::Attention,
        Self::Store,
        Self::Interrupted,
        Self::TryAgain,
    ];

    /// Returns what the code means, for the help.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "all well, nothing to do, or another run was under way",
            Self::Failure => "something else failed",
            Self::Usage => "the command line is wrong, or names something that is not there",
            Self::Project => "a file of the project is wrong; nothing was sent",
            Self::Partial => "some rows of an import were rejected; the others are in",
            Self::Relay => "the relay could not be reached or refused; everyone it did not reach stays due",
            Self::Attention => {
                "mails were held, rejected or are unknown, or something else needs a person: see the output"
            }
            Self::Store => "the database could not be read or written; a run stops at once",
            Self::TryAgain => "a message piped to `inbound` could not be dealt with; the mail server tries again",
            Self::Interrupted => "a signal stopped the run; everyone it did not reach stays due",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
