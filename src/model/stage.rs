//! Stages: named places in the life cycle of a customer.

use super::condition::{Condition, Scope};

/// The event that tells that a contact came into a stage; its properties `stage` and `from` say which ones.
pub const STAGE_ENTERED: &str = "stage_entered";

/// A place in the life cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub name: String,
    pub condition: Condition,
}

/// Returns where a contact stands: the last of the stages whose condition holds, so that a list reads in the order in which
/// people go.
pub fn stage_of<'a>(stages: &'a [Stage], scope: Scope<'_>) -> Option<&'a str> {
    stage_within(stages, scope, 0)
}

pub(super) fn stage_within<'a>(stages: &'a [Stage], scope: Scope<'_>, depth: usize) -> Option<&'a str> {
    let holds = |stage: &&Stage| stage.condition.holds_within(Scope { event: None, sends: &[], ..scope }, depth + 1);
    stages.iter().rev().find(holds).map(|stage| stage.name.as_str())
}
