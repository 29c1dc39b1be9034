//! `drip campaign pause` and `resume`.

use super::{Context, Failure, context};
use crate::exit::Exit;
use crate::store::PausedBy;

/// Pauses a campaign with a reason, or lets it go on.
pub(super) fn pause(context: &Context, id: &str, reason: Option<&String>) -> Result<Exit, Failure> {
    let project = context.project()?;
    let campaign = context::campaign(&project.campaigns, id)?;
    let mut store = context.store(&project)?;
    let work = store.begin()?;
    if let Some(known) = work.campaign(&campaign.id)? {
        work.set_paused(known.row, reason.map(|reason| (PausedBy::Hand, reason.as_str())))?;
    }
    work.commit()?;
    if context.output.options().json {
        let json = serde_json::json!({ "campaign": id, "paused": reason.is_some(), "reason": reason });
        context.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    context.output.status(&match reason {
        Some(_) => format!("Campaign {id} is paused: nobody in it is mailed until `drip campaign resume {id}`."),
        None => format!("Campaign {id} goes on with the next run."),
    });
    Ok(Exit::Success)
}
