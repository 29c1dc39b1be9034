//! `drip report`: the funnel of each campaign, campaigns side by side, a closer look, or a page to show.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::context::{self, Context};
use super::written::{self, Written};
use super::{Failure, funnels, standing_report, subjects, tested};
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::id::CampaignId;
use crate::model::period::Period;
use crate::project::Project;
use crate::report::sheet::{self, Sheet, cohorts, losses, mails, revenue, times};
use crate::report::{self, Funnel, Language, Style, compare, html};
use crate::store::Store;

/// So far into a page of drip it says what it is.
const HEAD: u64 = 1_000;

/// What a report is of, and how close it looks.
struct Scope {
    period: Period,
    /// Whether each passage is looked at.
    is_close: bool,
    /// Whether what people bought who were held out is looked at.
    is_paid: bool,
}

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
    let format = if context.output.options().json { ReportFormat::Json } else { arguments.format };
    let looks = looks(arguments);
    if format == ReportFormat::Csv && looks.len() > 1 {
        let error = Diagnostic::error("a file of CSV holds one table".to_owned());
        return Err(error.hint("ask for one of --times, --cohorts, --drop-off, --mails and --revenue").into());
    }
    let all = arguments.html.is_some() || (format == ReportFormat::Json && !arguments.compare);
    let is_close = all || looks.iter().any(|look| look.is_close);
    let is_paid = all || arguments.revenue;
    let mut page = match arguments.html.as_deref() {
        None | Some("-") => None,
        Some(file) => {
            refuse_foreign(context, Path::new(file))?;
            Some(Written::begin(Path::new(file))?)
        }
    };
    let wanted = |id: &CampaignId| only.is_empty() || only.contains(id);
    let mut funnels = match open(context, &project)? {
        Some(mut store) => read_scope(context, &project, &mut store, wanted, &Scope { period, is_close, is_paid })?,
        None => {
            let wanted = project.campaigns.iter().filter(|campaign| wanted(&campaign.id));
            wanted.map(|campaign| funnels::empty(&campaign.id, Some(campaign))).collect()
        }
    };
    for funnel in &mut funnels {
        funnel.period = period;
        funnel.currency.clone_from(&project.settings.terms.purchases.currency);
    }
    subjects::note(&mut funnels, &project);
    // In the order in which they were named.
    funnels.sort_by_key(|funnel| only.iter().position(|id| *id == funnel.campaign));
    let style = style(context, &project);
    if let Some(name) = &arguments.html {
        let code = arguments.language.as_deref().unwrap_or(&project.settings.language);
        let about = html::About {
            language: Language::of(code),
            sender: project.settings.from.name.as_deref().unwrap_or_else(|| project.settings.from.address.as_str()),
            now: context.now(),
            zone,
            period,
        };
        let moved = (arguments.since.as_deref(), arguments.until.as_deref());
        let standing = standing_report::sheets(context, &project, moved, about.language)?;
        let text = html::page(&funnels, &standing, &about);
        match page.take() {
            Some(file) => write(context, file, name, &text)?,
            None => context.output.result(&text),
        }
        return Ok(Exit::Success);
    }
    context.output.result(&match (format, arguments.compare) {
        (ReportFormat::Table, false) if looks.is_empty() => table(context, &project, &funnels),
        (ReportFormat::Table, false) => closer(context, &funnels, &looks),
        (ReportFormat::Table, true) => compare::table(&funnels, context.output.width(), style),
        (ReportFormat::Json, false) => format!("{:#}\n", report::json(&funnels)),
        (ReportFormat::Json, true) => format!("{:#}\n", compare::json(&funnels)),
        (ReportFormat::Csv, false) => match looks.first() {
            Some(look) => {
                sheet::csv(funnels.iter().map(|funnel| (Some(funnel.campaign.as_str()), (look.rows)(funnel))))
            }
            None => report::csv(&funnels),
        },
        (ReportFormat::Csv, true) => compare::csv(&funnels),
        (ReportFormat::Markdown, false) if looks.is_empty() => report::markdown(&funnels, zone),
        (ReportFormat::Markdown, false) => {
            let section = |funnel: &Funnel| {
                let sheets = looks.iter().filter_map(|look| (look.sheet)(funnel, Language::English));
                let parts: Vec<_> = sheets.map(|sheet| sheet::markdown(&sheet)).collect();
                format!("{}{}", report::title(funnel, zone), parts.join("\n"))
            };
            funnels.iter().map(section).collect::<Vec<_>>().join("\n")
        }
        (ReportFormat::Markdown, true) => compare::markdown(&funnels, zone),
    });
    Ok(Exit::Success)
}

/// A page takes the place of an older one of its kind, as cron has it, and of nothing else.
fn refuse_foreign(context: &Context, file: &Path) -> Result<(), Failure> {
    let mut begin = Vec::new();
    if let Ok(there) = std::fs::File::open(file) {
        let _ = there.take(HEAD).read_to_end(&mut begin);
    }
    let is_page = String::from_utf8_lossy(&begin).contains(html::GENERATOR);
    written::refuse_own(context, file)?;
    if file.exists() && !is_page {
        let error = Diagnostic::error(format!("`{}` is there already, and is no report of drip", file.display()));
        return Err(error.hint("name another file").into());
    }
    Ok(())
}

fn write(context: &Context, mut file: Written, name: &str, page: &str) -> Result<(), Failure> {
    file.add(page)?;
    file.end()?;
    context.output.status(&format!("The report is in {name}."));
    Ok(())
}

/// Opens the store to read. Where the settings say otherwise than before what a purchase is, each is credited anew first.
fn open(context: &Context, project: &Project) -> Result<Option<Store>, Failure> {
    let Some(mut store) = context.open_to_read()? else { return Ok(None) };
    if store.read()?.is_credited_by(&project.settings.terms.purchases)? {
        return Ok(Some(store));
    }
    drop(store);
    context.store(project).map(Some)
}

/// A closer look at a campaign.
struct Look {
    sheet: fn(&Funnel, Language) -> Option<Sheet>,
    rows: fn(&Funnel) -> Vec<Value>,
    /// Whether it looks at each passage.
    is_close: bool,
}

fn looks(arguments: &ReportArgs) -> Vec<Look> {
    let all = [
        (arguments.drop_off, Look { sheet: |f, l| Some(losses::sheet(f, l)), rows: losses::rows, is_close: false }),
        (arguments.times, Look { sheet: times::sheet, rows: times::rows, is_close: true }),
        (arguments.cohorts, Look { sheet: cohorts::sheet, rows: cohorts::rows, is_close: true }),
        (arguments.mails, Look { sheet: |f, l| Some(mails::sheet(f, l)), rows: mails::rows, is_close: false }),
        (arguments.revenue, Look { sheet: |f, l| Some(revenue::sheet(f, l)), rows: revenue::rows, is_close: false }),
    ];
    all.into_iter().filter(|(asked, _)| *asked).map(|(_, look)| look).collect()
}

/// Draws what was asked for of each campaign.
fn closer(context: &Context, funnels: &[Funnel], looks: &[Look]) -> String {
    let (width, colour) = (context.output.width(), context.output.colours_results());
    let page = |funnel: &Funnel| {
        let sheets = looks.iter().filter_map(|look| (look.sheet)(funnel, Language::English));
        let parts = sheets.map(|sheet| {
            let named = Sheet { title: format!("{}: {}", report::heading(funnel), sheet.title), ..sheet };
            sheet::terminal(&named, width, colour)
        });
        parts.collect::<Vec<_>>().join("\n")
    };
    funnels.iter().map(page).collect::<Vec<_>>().join("\n")
}

/// Returns the funnels of the wanted campaigns as of one moment; those whose file is gone stand last.
pub(super) fn read(
    context: &Context,
    project: &Project,
    store: &mut Store,
    wanted: impl Fn(&CampaignId) -> bool,
) -> Result<Vec<Funnel>, Failure> {
    let scope = Scope { period: Period::default(), is_close: false, is_paid: false };
    let mut funnels = read_scope(context, project, store, wanted, &scope)?;
    for funnel in &mut funnels {
        funnel.currency.clone_from(&project.settings.terms.purchases.currency);
    }
    Ok(funnels)
}

fn read_scope(
    context: &Context,
    project: &Project,
    store: &mut Store,
    wanted: impl Fn(&CampaignId) -> bool,
    scope: &Scope,
) -> Result<Vec<Funnel>, Failure> {
    let (campaigns, zone, now) = (&project.campaigns, project.settings.timezone, context.now());
    let work = store.read()?;
    let (known, uncredited) = (work.campaigns()?, work.uncredited(now)?);
    let of = |known: &crate::store::KnownCampaign, campaign| {
        let mut funnel = funnels::funnel(&work, known.row, &known.id, campaign, scope.period, &uncredited, now)?;
        if scope.is_close {
            funnel.course = Some(funnels::course(&work, known.row, campaign, scope.period, zone, now)?);
        }
        if scope.is_paid {
            tested::bought(&work, known.row, campaign, &mut funnel, now)?;
        }
        Ok::<_, Failure>(funnel)
    };
    let mut found = Vec::new();
    for campaign in campaigns.iter().filter(|campaign| wanted(&campaign.id)) {
        found.push(match known.iter().find(|known| known.id == campaign.id) {
            Some(known) => of(known, Some(campaign))?,
            None => funnels::empty(&campaign.id, Some(campaign)),
        });
    }
    let gone = known.iter().filter(|known| wanted(&known.id) && campaigns.iter().all(|file| file.id != known.id));
    for known in gone {
        found.push(of(known, None)?);
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
