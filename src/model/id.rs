//! Names and row numbers, each of its own type, so that none can stand in for another.

use std::fmt;
use std::sync::Arc;

/// Defines a row number of the store.
macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// A contact's row.
    ContactId
);
row_id!(
    /// An enrolment's row.
    EnrolmentId
);
row_id!(
    /// A row of the ledger.
    SendId
);
row_id!(
    /// An event's row.
    EventId
);
row_id!(
    /// One pass of `drip run`.
    RunId
);

/// Defines a name that a project's author chose; cheap to clone.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it stands; `project` has checked its form.
            pub fn new(name: impl AsRef<str>) -> Self {
                Self(Arc::from(name.as_ref()))
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// A campaign: the name of its file without `.yaml`.
    CampaignId
);
name!(
    /// A step within its campaign: unique there for ever, also after an edit.
    StepId
);
name!(
    /// A template: its path below `templates/` without language and ending, as `welcome/thanks`.
    TemplateName
);

/// Says whether `name` may be a campaign, step, event or segment name: letters, digits, `-`, `_`, `.`; at most 64 characters.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= 64
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !name.starts_with(['-', '.'])
}
