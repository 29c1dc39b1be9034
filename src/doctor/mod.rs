//! What a doctor makes of what was found: whether a project can send, and hear back, and what to do where it cannot.
//!
//! Judges alone. What there is to judge comes from whoever calls: answers of DNS by the trait [`crate::dns::Dns`], pages,
//! what the relay said, modes of files, lines of crontabs. Opens nothing, and reads no clock.

pub mod clock;
pub mod dkim;
pub mod dmarc;
pub mod mailbox;
pub mod modes;
pub mod place;
pub mod relay;
pub mod reverse;
pub mod schedule;
pub mod spf;
mod tags;
pub mod web;

#[cfg(test)]
mod zone;

use serde_json::{Value, json};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// It works, and should not stay so.
    Warning,
    Wrong,
    /// It could not be looked at, and `found` says why.
    NotMade,
}

impl Verdict {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
            Self::NotMade => "not made",
        }
    }
}

/// What checks are about, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Project,
    Machine,
    Relay,
    Dns,
    Web,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 5] = [Self::Project, Self::Machine, Self::Relay, Self::Dns, Self::Web];

    /// Returns its heading.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Machine => "Machine",
            Self::Relay => "Relay",
            Self::Dns => "DNS",
            Self::Web => "Web",
        }
    }
}

/// One check and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub group: Group,
    /// A word for it: `spf`.
    pub check: &'static str,
    pub verdict: Verdict,
    /// What was found, in one line.
    pub found: String,
    /// What to do, in one line.
    pub advice: Option<String>,
}

impl Finding {
    /// Makes a finding with which all is well.
    pub fn fine(group: Group, check: &'static str, found: impl Into<String>) -> Self {
        Self { group, check, verdict: Verdict::Fine, found: found.into(), advice: None }
    }

    /// Makes a finding that should not stay as it is.
    pub fn warning(group: Group, check: &'static str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, ..Self::fine(group, check, found) }
    }

    /// Makes a finding that has to be mended.
    pub fn wrong(group: Group, check: &'static str, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, ..Self::fine(group, check, found) }
    }

    /// Makes a finding of a check that could not be made, with why.
    pub fn not_made(group: Group, check: &'static str, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotMade, ..Self::fine(group, check, why) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn json(&self) -> Value {
        json!({
            "group": self.group.as_str().to_lowercase(),
            "check": self.check,
            "verdict": self.verdict.as_str(),
            "found": self.found,
            "advice": self.advice,
        })
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Report(pub Vec<Finding>);

impl Report {
    /// Says whether nothing is wrong; warnings, and what was not made, are no fault.
    pub fn is_well(&self) -> bool {
        self.count(Verdict::Wrong) == 0
    }

    /// Returns how many checks came to this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// Returns it for machines.
    pub fn json(&self) -> Value {
        json!({
            "ok": self.is_well(),
            "warnings": self.count(Verdict::Warning),
            "wrong": self.count(Verdict::Wrong),
            "not_made": self.count(Verdict::NotMade),
            "checks": self.0.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}
