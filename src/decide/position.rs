//! Which step comes next, also after the file was edited.
//!
//! The ledger knows what an enrolment has had; the file says what there is. The next step is the first
//! one in the file below the last one that was done which this enrolment has not had yet. So a step
//! inserted ahead is got, one inserted or moved behind never, a removed one is passed over with its
//! origin kept, and a renamed one is recognised by its `was`.

use crate::model::campaign::{Campaign, Step};
use crate::model::send::SendRecord;

/// Returns the step that comes next; `None` when nothing is left.
pub fn next_step<'a>(campaign: &'a Campaign, sends: &[SendRecord]) -> Option<&'a Step> {
    steps_ahead(campaign, sends).next()
}

/// Returns the steps that are still to come.
pub fn steps_ahead<'a>(campaign: &'a Campaign, sends: &[SendRecord]) -> impl Iterator<Item = &'a Step> {
    let start = last_done(campaign, sends).map_or(0, |index| index + 1);
    let had = |step: &&Step| sends.iter().any(|row| row.state.is_closed() && step.is_called(&row.step));
    campaign.steps.iter().skip(start).filter(move |step| !had(step))
}

/// Returns the index in the file of the step that was done last and still stands there.
fn last_done(campaign: &Campaign, sends: &[SendRecord]) -> Option<usize> {
    sends
        .iter()
        .filter(|row| row.state.is_closed())
        .filter_map(|row| Some((row.at, campaign.position_of(&row.step)?)))
        // Steps skipped in the same instant were done in the order of the file.
        .max()
        .map(|(_, index)| index)
}
