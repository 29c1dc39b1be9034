//! `drip campaign`: looks at campaigns, stops and restarts their mail.

mod list;
mod pause;
mod show;

use super::context::{self, Context};
use super::{Failure, report};
use crate::cli::campaign::CampaignCommand;
use crate::exit::Exit;
use crate::project::Project;
use crate::report::Funnel;
use crate::store::KnownCampaign;

pub(super) fn campaign(context: &Context, command: &CampaignCommand) -> Result<Exit, Failure> {
    match command {
        CampaignCommand::List => list::list(context),
        CampaignCommand::Show { campaign } => show::show(context, campaign),
        CampaignCommand::Pause { campaign, reason } => pause::pause(context, campaign, Some(reason)),
        CampaignCommand::Resume { campaign } => pause::pause(context, campaign, None),
    }
}

/// Returns the funnels, and what the store knows of the campaigns; nothing where there is no store yet.
fn state(context: &Context, project: &Project) -> Result<(Vec<Funnel>, Vec<KnownCampaign>), Failure> {
    let Some(mut store) = context.open_to_read()? else { return Ok((Vec::new(), Vec::new())) };
    let funnels = report::read(context, project, &mut store, |_| true)?;
    let known = store.read()?.campaigns()?;
    Ok((funnels, known))
}
