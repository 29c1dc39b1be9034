//! `drip report stages` and `drip report scores`: where contacts stand.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::context::Context;
use super::standings::Refreshed;
use super::{Failure, report, standings};
use crate::cli::report::StandingReport;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::campaign::Campaign;
use crate::model::condition::Condition;
use crate::model::period::Period;
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
    let is_json = context.output.options().json;
    let text = match what {
        StandingReport::Stages { since, until } => {
            let found = stages(context, &project.settings, (since.as_deref(), until.as_deref()))?;
            if is_json {
                format!("{:#}\n", stages::json(&found))
            } else {
                stages::table(&found, report::style(context, &project))
            }
        }
        StandingReport::Scores => {
            let found = scores(context, &project)?;
            if is_json { format!("{:#}\n", scores::json(&found)) } else { scores::table(&found) }
        }
    };
    context.output.result(&text);
    Ok(Exit::Success)
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
    if !terms.stages.is_empty() {
        sheets.push(sheet::standing::stages(&stages(context, &project.settings, (since, until))?, language));
    }
    if terms.score.is_some() {
        sheets.push(sheet::standing::scores(&scores(context, project)?, language));
    }
    Ok(sheets)
}

/// Counts who is in which stage, and the moves of a time: this month's, if none is named.
pub(super) fn stages(
    context: &Context,
    settings: &Settings,
    (since, until): (Option<&str>, Option<&str>),
) -> Result<Stages, Failure> {
    if settings.terms.stages.is_empty() {
        let hint = "name them in their order, as `stages: { prospect: 'true', customer: did(\"purchased\") }`";
        return Err(Diagnostic::error("drip.yaml has no `stages`").hint(hint).into());
    }
    let zone = settings.timezone;
    let mut period = Period::parse(since, until, context.now(), zone).map_err(Diagnostic::error)?;
    if period == Period::default() {
        let today = wall::wall(context.now(), zone).date();
        period.since = today.with_day(1).map(|first| wall::start_of_day(first, zone));
    }
    let mut refreshed = standings::refreshed(context, &settings.terms)?;
    let counts = refreshed.as_mut().map(|found| standings::count(&mut found.store)).transpose()?.unwrap_or_default();
    let mut found = Stages {
        zone,
        period,
        nowhere: counts.stages.get(&None).map_or(0, |(people, _)| *people),
        ..Stages::default()
    };
    let mut stays: BTreeMap<String, Vec<Stays>> = BTreeMap::new();
    if let Some(Refreshed { store, .. }) = &mut refreshed {
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
pub(super) fn scores(context: &Context, project: &Project) -> Result<Scores, Failure> {
    let terms = &project.settings.terms;
    let Some(score) = &terms.score else {
        let hint = "write what events bring, as `score: { points: [{ event: clicked, points: 5 }] }`";
        return Err(Diagnostic::error("drip.yaml has no `score`").hint(hint).into());
    };
    let mut found = Scores::default();
    let campaigns = project.campaigns.iter();
    let conditions = campaigns.flat_map(Campaign::conditions).chain(terms.conditions());
    found.thresholds = conditions.flat_map(Condition::score_thresholds).collect();
    found.thresholds.sort_unstable();
    found.thresholds.dedup();
    if let Some(mut refreshed) = standings::refreshed(context, terms)? {
        let now = context.now();
        refreshed.store.read()?.each_level(&mut |levels, looked_at| {
            *found.people.entry(score.points_after(levels, now - looked_at)).or_default() += 1;
        })?;
    }
    Ok(found)
}
