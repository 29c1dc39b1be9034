//! `drip report stages` and `drip report scores`: where contacts stand.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::context::Context;
use super::standings::Refreshed;
use super::{Failure, standings};
use crate::cli::report::{ReportFormat, StandingReport};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::campaign::Campaign;
use crate::model::condition::Condition;
use crate::model::period::Period;
use crate::model::score::Score;
use crate::model::settings::Settings;
use crate::model::wall;
use crate::project::Project;
use crate::report::Language;
use crate::report::scores::{self, Scores};
use crate::report::sheet::{self, Sheet};
use crate::report::stages::{self, Move, StageRow, Stages};
use crate::stats::{Stays, median_stay};
use crate::store::StageMoves;

pub(super) fn report(context: &Context, what: &StandingReport) -> Result<Exit, Failure> {
    let project = context.project()?;
    let format = |asked: ReportFormat| if context.output.options().json { ReportFormat::Json } else { asked };
    let text = match what {
        StandingReport::Stages { since, until, format: asked } => {
            need_stages(&project.settings)?;
            let mut refreshed = standings::refreshed(context, &project.settings.terms)?;
            let period = (since.as_deref(), until.as_deref());
            let found = stages(context, &project.settings, period, refreshed.as_mut())?;
            let sheets = || {
                [sheet::standing::stages(&found, Language::English), sheet::standing::moves(&found, Language::English)]
            };
            match format(*asked) {
                ReportFormat::Json => format!("{:#}\n", stages::json(&found)),
                ReportFormat::Csv => sheet::csv([(None, stages::rows(&found))]),
                ReportFormat::Table => drawn(context, &sheets()),
                ReportFormat::Markdown => sheets().iter().map(sheet::markdown).collect::<Vec<_>>().join("\n"),
            }
        }
        StandingReport::Scores { format: asked } => {
            let score = need_score(&project.settings)?;
            let mut refreshed = standings::refreshed(context, &project.settings.terms)?;
            let found = scores(context, &project, score, refreshed.as_mut())?;
            let sheet = || sheet::standing::scores(&found, Language::English);
            match format(*asked) {
                ReportFormat::Json => format!("{:#}\n", scores::json(&found)),
                ReportFormat::Csv => sheet::csv([(None, scores::rows(&found))]),
                ReportFormat::Table => drawn(context, &[sheet()]),
                ReportFormat::Markdown => sheet::markdown(&sheet()),
            }
        }
    };
    context.output.result(&text);
    Ok(Exit::Success)
}

fn drawn(context: &Context, sheets: &[Sheet]) -> String {
    let (width, colour) = (context.output.width(), context.output.colours_results());
    sheets.iter().map(|sheet| sheet::terminal(sheet, width, colour)).collect::<Vec<_>>().join("\n")
}

/// Returns what there is to say of where contacts stand: nothing of what drip.yaml does not have.
pub(super) fn sheets(
    context: &Context,
    project: &Project,
    (since, until): (Option<&str>, Option<&str>),
    language: Language,
) -> Result<Vec<Sheet>, Failure> {
    let terms = &project.settings.terms;
    let mut sheets = Vec::new();
    if terms.stages.is_empty() && terms.score.is_none() {
        return Ok(sheets);
    }
    let mut refreshed = standings::refreshed(context, terms)?;
    if !terms.stages.is_empty() {
        let found = stages(context, &project.settings, (since, until), refreshed.as_mut())?;
        sheets.extend([sheet::standing::stages(&found, language), sheet::standing::moves(&found, language)]);
    }
    if let Some(score) = &terms.score {
        sheets.push(sheet::standing::scores(&scores(context, project, score, refreshed.as_mut())?, language));
    }
    Ok(sheets)
}

fn need_stages(settings: &Settings) -> Result<(), Failure> {
    if settings.terms.stages.is_empty() {
        let hint = "name them in their order, as `stages: { prospect: 'true', customer: did(\"purchased\") }`";
        return Err(Diagnostic::error("drip.yaml has no `stages`").hint(hint).into());
    }
    Ok(())
}

fn need_score(settings: &Settings) -> Result<&Score, Failure> {
    settings.terms.score.as_ref().ok_or_else(|| {
        let hint = "write what events bring, as `score: { points: [{ event: clicked, points: 5 }] }`";
        Diagnostic::error("drip.yaml has no `score`").hint(hint).into()
    })
}

/// Counts who is in which stage, and the moves of a time: this month's, if none is named.
fn stages(
    context: &Context,
    settings: &Settings,
    (since, until): (Option<&str>, Option<&str>),
    mut refreshed: Option<&mut Refreshed>,
) -> Result<Stages, Failure> {
    let zone = settings.timezone;
    let mut period = Period::parse(since, until, context.now(), zone).map_err(Diagnostic::error)?;
    if period == Period::default() {
        let today = wall::wall(context.now(), zone).date();
        period.since = today.with_day(1).map(|first| wall::start_of_day(first, zone));
    }
    let counts = refreshed.as_mut().map(|found| standings::count(&mut found.store)).transpose()?.unwrap_or_default();
    let mut found = Stages {
        zone,
        period,
        nowhere: counts.stages.get(&None).map_or(0, |(people, _)| *people),
        ..Stages::default()
    };
    let mut stays: BTreeMap<String, Vec<Stays>> = BTreeMap::new();
    if let Some(Refreshed { store, .. }) = refreshed {
        let work = store.read()?;
        for (stage, hours, is_over, people) in work.stage_stays(context.now())? {
            stays.entry(stage).or_default().push((hours, is_over, people));
        }
        let (since, until) = (period.since.unwrap_or_default(), period.until.unwrap_or(context.now()));
        let moves = work.stage_moves(since, until)?;
        found.moves = moves.into_iter().map(|StageMoves { from, to, people }| Move { from, to, people }).collect();
        found.moves.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to))));
    }
    for stage in &settings.terms.stages {
        let (people, subscribed) = counts.stages.get(&Some(stage.name.clone())).copied().unwrap_or_default();
        let median_hours = stays.get(&stage.name).and_then(|stays| median_stay(stays));
        found.stages.push(StageRow { name: stage.name.clone(), people, subscribed, median_hours });
    }
    Ok(found)
}

/// Counts who has how many points.
fn scores(
    context: &Context,
    project: &Project,
    score: &Score,
    refreshed: Option<&mut Refreshed>,
) -> Result<Scores, Failure> {
    let terms = &project.settings.terms;
    let mut found = Scores::default();
    let campaigns = project.campaigns.iter();
    let conditions = campaigns.flat_map(Campaign::conditions).chain(terms.conditions());
    found.thresholds = conditions.flat_map(Condition::score_thresholds).collect();
    found.thresholds.sort_unstable();
    found.thresholds.dedup();
    if let Some(refreshed) = refreshed {
        let now = context.now();
        refreshed.store.read()?.each_level(&mut |levels, looked_at| {
            *found.people.entry(score.points_after(levels, now - looked_at)).or_default() += 1;
        })?;
    }
    Ok(found)
}
