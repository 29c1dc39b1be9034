//! Where a conversion is credited.

use crate::model::send::{SendKind, SendRecord, SendState};

/// Returns the step whose mail was the last to leave: the one a goal is credited to.
pub fn credited_step(sends: &[SendRecord]) -> Option<&str> {
    sends
        .iter()
        .filter(|row| row.kind == SendKind::Mail && matches!(row.state, SendState::Sent | SendState::Unknown))
        .max_by_key(|row| row.at)
        .map(|row| row.step.as_str())
}
