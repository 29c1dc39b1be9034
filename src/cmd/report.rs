//! `drip report`: the funnel of each campaign.

use super::context::{self, Context, Loaded};
use super::{Failure, funnels};
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::exit::Exit;
use crate::model::id::CampaignId;
use crate::report::{self, Funnel, Style};
use crate::store::Store;

pub(super) fn report(context: &Context, arguments: &ReportArgs) -> Result<Exit, Failure> {
    let (only, format) = (arguments.campaigns.first(), arguments.format);
    let loaded = context.load()?;
    let only = only.map(|id| context::campaign(&loaded.project.campaigns, id)).transpose()?;
    let only = only.map(|campaign| &campaign.id);
    let funnels = match Store::open_to_read(&context.database())? {
        Some(mut store) => read(context, &loaded, &mut store, |id| only.is_none_or(|only| only == id))?,
        None => {
            let wanted =
                loaded.project.campaigns.iter().filter(|campaign| only.is_none_or(|only| *only == campaign.id));
            wanted.map(|campaign| funnels::empty(&campaign.id, Some(campaign))).collect()
        }
    };
    let format = if context.output.options().json { ReportFormat::Json } else { format };
    context.output.result(&match format {
        ReportFormat::Table => table(context, &loaded, &funnels),
        ReportFormat::Json => format!("{:#}\n", report::json(&funnels)),
        ReportFormat::Csv | ReportFormat::Markdown => report::csv(&funnels),
    });
    Ok(Exit::Success)
}

/// Returns the funnels of the wanted campaigns as of one moment; those whose file is gone stand last.
pub(super) fn read(
    context: &Context,
    loaded: &Loaded,
    store: &mut Store,
    wanted: impl Fn(&CampaignId) -> bool,
) -> Result<Vec<Funnel>, Failure> {
    let campaigns = &loaded.project.campaigns;
    let work = store.read()?;
    let known = work.campaigns()?;
    let mut found = Vec::new();
    for campaign in campaigns.iter().filter(|campaign| wanted(&campaign.id)) {
        found.push(match known.iter().find(|known| known.id == campaign.id) {
            Some(known) => funnels::funnel(&work, known.row, &known.id, Some(campaign), context.now())?,
            None => funnels::empty(&campaign.id, Some(campaign)),
        });
    }
    let gone = known.iter().filter(|known| wanted(&known.id) && campaigns.iter().all(|file| file.id != known.id));
    for known in gone {
        found.push(funnels::funnel(&work, known.row, &known.id, None, context.now())?);
    }
    Ok(found)
}

/// Draws funnels for the terminal.
pub(super) fn table(context: &Context, loaded: &Loaded, funnels: &[Funnel]) -> String {
    let style = Style { colour: context.output.colours_results(), zone: loaded.project.settings.timezone };
    report::table(funnels, context.output.width(), style)
}
