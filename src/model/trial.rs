//! How a test of contents stands: what was tried so far, and what follows from it for who comes next.

use super::Instant;
use super::id::StepId;

/// What came of one content's mails that had the time to work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    pub variant: String,
    pub sent: u64,
    /// Goals that are credited to them.
    pub goals: u64,
    /// How many of them somebody followed a link in.
    pub clicks: u64,
}

/// What is settled of a step's test, other than by its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub step: StepId,
    pub choice: Choice,
}

/// Who gets what.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Everyone the winner.
    Winner(String),
    /// Each content this share, in the order of the file; together they make 1.
    Shares(Vec<f64>),
}

/// A look that was taken at a test with a `winner`.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Which of the planned looks it was, counted from 0.
    pub number: u32,
    pub at: Instant,
    /// How sure it is, over all pairs of contents.
    pub confidence: f64,
    /// Each content with how many had it, and how many of them did what counts.
    pub counts: Vec<(String, u64, u64)>,
    /// `None`: none was clear of the others.
    pub winner: Option<String>,
}
