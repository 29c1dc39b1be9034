//! `drip report`: the funnel of each campaign, or campaigns side by side.

use super::context::{self, Context};
use super::{Failure, funnels, standing_report};
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::id::CampaignId;
use crate::model::period::Period;
use crate::project::Project;
use crate::report::{self, Funnel, Style, compare};
use crate::store::Store;

pub(super) fn report(context: &Context, arguments: &ReportArgs) -> Result<Exit, Failure> {
    if let Some(standings) = &arguments.standings {
        return standing_report::report(context, standings);
    }
    let project = context.project()?;
    let ids = arguments.campaigns.iter().map(|id| Ok(context::campaign(&project.campaigns, id)?.id.clone()));
    let only = ids.collect::<Result<Vec<CampaignId>, Failure>>()?;
    let zone = project.settings.timezone;
    let period = Period::parse(arguments.since.as_deref(), arguments.until.as_deref(), context.now(), zone)
        .map_err(Diagnostic::error)?;
    let wanted = |id: &CampaignId| only.is_empty() || only.contains(id);
    let mut funnels = match context.open_to_read()? {
        Some(mut store) => read_period(context, &project, &mut store, wanted, period)?,
        None => {
            let wanted = project.campaigns.iter().filter(|campaign| wanted(&campaign.id));
            wanted.map(|campaign| funnels::empty(&campaign.id, Some(campaign))).collect()
        }
    };
    for funnel in &mut funnels {
        funnel.period = period;
    }
    // In the order in which they were named.
    funnels.sort_by_key(|funnel| only.iter().position(|id| *id == funnel.campaign));
    let format = if context.output.options().json { ReportFormat::Json } else { arguments.format };
    let style = style(context, &project);
    context.output.result(&match (format, arguments.compare) {
        (ReportFormat::Table, false) => table(context, &project, &funnels),
        (ReportFormat::Table, true) => compare::table(&funnels, context.output.width(), style),
        (ReportFormat::Json, false) => format!("{:#}\n", report::json(&funnels)),
        (ReportFormat::Json, true) => format!("{:#}\n", compare::json(&funnels)),
        (ReportFormat::Csv, false) => report::csv(&funnels),
        (ReportFormat::Csv, true) => compare::csv(&funnels),
        (ReportFormat::Markdown, false) => report::markdown(&funnels, zone),
        (ReportFormat::Markdown, true) => compare::markdown(&funnels, zone),
    });
    Ok(Exit::Success)
}

/// Returns the funnels of the wanted campaigns as of one moment; those whose file is gone stand last.
pub(super) fn read(
    context: &Context,
    project: &Project,
    store: &mut Store,
    wanted: impl Fn(&CampaignId) -> bool,
) -> Result<Vec<Funnel>, Failure> {
    read_period(context, project, store, wanted, Period::default())
}

fn read_period(
    context: &Context,
    project: &Project,
    store: &mut Store,
    wanted: impl Fn(&CampaignId) -> bool,
    period: Period,
) -> Result<Vec<Funnel>, Failure> {
    let campaigns = &project.campaigns;
    let work = store.read()?;
    let known = work.campaigns()?;
    let mut found = Vec::new();
    for campaign in campaigns.iter().filter(|campaign| wanted(&campaign.id)) {
        found.push(match known.iter().find(|known| known.id == campaign.id) {
            Some(known) => funnels::funnel(&work, known.row, &known.id, Some(campaign), period, context.now())?,
            None => funnels::empty(&campaign.id, Some(campaign)),
        });
    }
    let gone = known.iter().filter(|known| wanted(&known.id) && campaigns.iter().all(|file| file.id != known.id));
    for known in gone {
        found.push(funnels::funnel(&work, known.row, &known.id, None, period, context.now())?);
    }
    Ok(found)
}

/// Draws funnels for the terminal.
pub(super) fn table(context: &Context, project: &Project, funnels: &[Funnel]) -> String {
    report::table(funnels, context.output.width(), style(context, project))
}

pub(super) fn style(context: &Context, project: &Project) -> Style {
    Style { colour: context.output.colours_results(), zone: project.settings.timezone }
}
