//! `drip campaign`: stops and restarts a campaign's mail.

use super::Failure;
use super::context::{self, Context};
use crate::cli::CampaignCommand;
use crate::exit::Exit;

pub(super) fn campaign(context: &Context, command: &CampaignCommand) -> Result<Exit, Failure> {
    let (id, reason) = match command {
        CampaignCommand::Pause { campaign, reason } => (campaign, Some(reason.as_str())),
        CampaignCommand::Resume { campaign } => (campaign, None),
    };
    let loaded = context.load()?;
    let campaign = context::campaign(&loaded.project.campaigns, id)?;
    let mut store = context.store(&loaded.project)?;
    let work = store.begin()?;
    if let Some(known) = work.campaign(&campaign.id)? {
        work.set_paused(known.row, reason)?;
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
