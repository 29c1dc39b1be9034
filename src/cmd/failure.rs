//! Why a command failed, how it is said, and with which code drip ends.

use crate::error::{Diagnostic, Diagnostics};
use crate::exit::Exit;
use crate::store::StoreError;
use crate::ui::Output;

/// What stops a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user asked for something that is not there or cannot be.
    Usage(Diagnostic),
    /// The files of the project are wrong.
    Project(Diagnostics),
    Store(StoreError),
    /// A person must look first.
    Attention(Diagnostic),
    /// Anything else: I/O beside the store.
    Other(anyhow::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Project(diagnostics)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Usage(diagnostic)
    }
}

/// How many things wrong with the files are shown at once; each shows the line it is on.
const SHOWN: usize = 50;

impl Failure {
    /// Returns what it says first, and what one can do.
    pub(super) fn told(self) -> (String, Option<String>) {
        let diagnostic = match self {
            Self::Usage(diagnostic) | Self::Attention(diagnostic) => diagnostic,
            Self::Project(Diagnostics(diagnostics)) => {
                diagnostics.into_iter().next().unwrap_or_else(|| Diagnostic::error("a file of the project is wrong"))
            }
            Self::Store(error) => store_diagnostic(&error),
            Self::Other(error) => chain(&*error),
        };
        let causes = diagnostic.causes.iter().fold(String::new(), |text, cause| text + ": " + cause);
        (format!("{diagnostic}{causes}"), diagnostic.hints.into_iter().next())
    }

    /// Says what is wrong, and returns the exit code for it.
    pub(super) fn print(self, output: &Output) -> Exit {
        let say = |diagnostic: &Diagnostic| output.diagnostic(diagnostic);
        match self {
            Self::Usage(diagnostic) => {
                say(&diagnostic);
                Exit::Usage
            }
            Self::Project(Diagnostics(diagnostics)) => {
                diagnostics.iter().take(SHOWN).for_each(say);
                if let Some(more) = diagnostics.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                    say(&Diagnostic::error(format!("{more} more are not shown")).hint("mend these first"));
                }
                Exit::Project
            }
            Self::Attention(diagnostic) => {
                say(&diagnostic);
                Exit::Attention
            }
            Self::Store(error) => {
                say(&store_diagnostic(&error));
                Exit::Store
            }
            Self::Other(error) => {
                say(&chain(&*error));
                Exit::Failure
            }
        }
    }
}

pub(super) fn store_diagnostic(error: &StoreError) -> Diagnostic {
    let diagnostic = chain(error);
    match error {
        StoreError::Full(_) | StoreError::NoRoom { .. } => {
            diagnostic.hint("free some space and run again; nothing more is sent before that")
        }
        StoreError::Busy(_) => diagnostic.hint("another command is writing; run again when it is done"),
        StoreError::Damaged(_) | StoreError::Foreign { .. } | StoreError::Unsound { .. } | StoreError::Row(_) => diagnostic
            .hint("drip does not send from a damaged file: put a backup in its place with `drip restore FILE`")
            .hint("keep the damaged file, as `drip restore` does: it may tell who got what"),
        StoreError::Log { .. } => diagnostic
            .hint("put a backup in its place with `drip restore FILE`, which keeps the damaged files; then `drip run --adopt`")
            .hint("without a backup, move that log away, and drip.db is as it was a while before; then `drip run --adopt`"),
        StoreError::Failing(_) => diagnostic
            .hint("nothing is sent any more; see what the system's log says of the disk")
            .hint("then `drip backup FILE` reads the whole database, and says whether it is sound"),
        StoreError::Gone { .. } => diagnostic
            .hint("put it back with `drip restore FILE`; to begin anew, delete it together with drip.lock"),
        StoreError::Link { .. } => diagnostic
            .hint("put the file itself there: two folders that share one file do not share its lock, and would send twice"),
        StoreError::Open { .. } | StoreError::Rights(_) | StoreError::Create { .. } | StoreError::Lock { .. } => diagnostic
            .hint("whoever runs drip must own drip.db, drip.lock and what is called drip.db-…, and may write in their folder"),
        StoreError::Sqlite(_) => diagnostic.hint(
            "`drip backup FILE` reads the whole database and says whether it is sound; if it is not: `drip restore FILE`",
        ),
        StoreError::Newer { .. } => diagnostic,
    }
}

/// Makes a diagnostic of an error and what is behind it.
fn chain(error: &dyn std::error::Error) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(error.to_string());
    let mut source = error.source();
    while let Some(cause) = source {
        diagnostic = diagnostic.cause(cause.to_string());
        source = cause.source();
    }
    diagnostic
}
