//! `drip status`: whether all is well, for people, cron wrappers and monitoring.

use super::Failure;
use super::context::Context;
use super::{guard, tested};
use crate::cli::status::{StatusArgs, StatusFormat};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::delay::Span;
use crate::model::send::SendState;
use crate::model::wall;
use crate::project::Project;
use crate::report::status::{
    BrokenWebhook, CampaignStatus, LastRun, Limits, Status, Trouble, prometheus_without_status,
};
use crate::store::{CampaignRow, PausedBy, Store, noted_beside};
use crate::ui::columns::columns;
use crate::ui::sanitise;
use crate::ui::words::{count, duration};
use crate::webhook;

pub(super) fn status(context: &Context, arguments: &StatusArgs) -> Result<Exit, Failure> {
    let format = if context.output.options().json { StatusFormat::Json } else { arguments.format };
    let (status, project) = look(context, arguments).inspect_err(|_| {
        // A file for the collector that came out empty would raise no alarm.
        if format == StatusFormat::Prometheus {
            context.output.result(&prometheus_without_status());
        }
    })?;
    context.output.result(&match format {
        StatusFormat::Text => text(&status, &project),
        StatusFormat::Json => format!("{:#}\n", status.json()),
        StatusFormat::Prometheus => status.prometheus(),
    });
    Ok(if status.troubles().is_empty() { Exit::Success } else { Exit::Attention })
}

fn look(context: &Context, arguments: &StatusArgs) -> Result<(Status, Project), Failure> {
    let limit = |name: &str, text: &str| {
        let span = Span::parse(text).map_err(|what| Diagnostic::error(format!("--{name}: {what}")))?;
        Ok::<_, Diagnostic>(span.elapsed())
    };
    let limits =
        Limits { late: limit("max-late", &arguments.max_late)?, idle: limit("max-idle", &arguments.max_idle)? };
    let project = context.project()?;
    let Some(mut store) = context.open_to_read()? else {
        return Err(Diagnostic::error("nothing has run here yet").hint("`drip run` makes drip.db").into());
    };
    Ok((read(context, &project, &mut store, limits)?, project))
}

fn read(context: &Context, project: &Project, store: &mut Store, limits: Limits) -> Result<Status, Failure> {
    // Before the file: a run that begins meanwhile notes itself there first.
    let noted = noted_beside(&context.database());
    let work = store.read()?;
    let now = context.now();
    let distrusted = guard::distrust(&work, noted.as_ref(), now)?.map(|(why, _)| why);
    let (last_run, last_good) = (work.last_run()?, work.last_good_run()?);
    let (late, next_due, open) = (work.late(now)?, work.next_due(now)?, work.open_mails()?);
    let put_off = work.calls_put_off()?;
    let mut campaigns = Vec::new();
    for known in work.campaigns()? {
        let gone = project.campaigns.iter().all(|file| file.id != known.id);
        let file = project.campaigns.iter().find(|file| file.id == known.id);
        let status = CampaignStatus {
            decided: file.map_or_else(|| Ok(Vec::new()), |file| tested::decided(&work, known.row, file, now))?,
            late: late.iter().find(|(row, ..)| *row == known.row).map(|(_, people, since)| (*people, *since)),
            next_due: next_due.iter().find(|(id, _)| *id == known.id).map(|(_, at)| *at),
            open: open.iter().filter(|(row, ..)| *row == known.row).map(|(_, state, count)| (*state, *count)).collect(),
            webhooks: broken(put_off.iter().filter(|(row, ..)| *row == known.row)),
            paused: known.paused.map(|why| (why, known.paused_by == Some(PausedBy::Hand))),
            // Nobody inside: then it was taken away on purpose.
            gone: gone && work.active_in(known.row)? > 0,
            campaign: known.id,
        };
        campaigns.push(status);
    }
    let last_run =
        last_run.map(|ran| LastRun { started_at: ran.started_at, ended_at: ran.ended_at, stopped: ran.stopped });
    Ok(Status { now, last_run, last_good, campaigns, distrusted, limits })
}

/// Returns the steps whose calls wait for a person, each with the first of its reasons.
fn broken<'a>(put_off: impl Iterator<Item = &'a (CampaignRow, String, String, u64)>) -> Vec<BrokenWebhook> {
    let mut webhooks: Vec<BrokenWebhook> = Vec::new();
    for (_, step, reason, calls) in put_off.filter(|(_, _, reason, _)| webhook::needs_person(reason)) {
        match webhooks.iter_mut().find(|known| known.step == *step) {
            Some(known) => known.calls += calls,
            None => webhooks.push(BrokenWebhook { step: step.clone(), reason: reason.clone(), calls: *calls }),
        }
    }
    webhooks
}

fn text(status: &Status, project: &Project) -> String {
    let at = |instant| wall::shown(instant, project.settings.timezone);
    let ago = |instant| format!("{} ({} ago)", at(instant), duration(status.now - instant));
    let troubles = status.troubles();
    let bad = |trouble: &Trouble| if troubles.contains(trouble) { "!" } else { "" }.to_owned();
    let mut rows: Vec<[String; 3]> = Vec::new();
    if let Some(run) = &status.last_run {
        let end = match (&run.stopped, run.ended_at) {
            (Some(why), _) => format!(", {}", sanitise::line(why)),
            (None, None) => ", which has not ended: it goes on, or was cut off".to_owned(),
            (None, Some(_)) => String::new(),
        };
        rows.push([String::new(), "last run".to_owned(), ago(run.started_at) + &end]);
    }
    let good = status.last_good.map_or_else(|| "none yet".to_owned(), ago);
    rows.push([bad(&Trouble::Idle), "last good run".to_owned(), good]);
    if let Some(why) = status.distrusted {
        let what = format!("{why}: no run sends before `drip run --adopt`");
        rows.push([bad(&Trouble::Distrusted), "drip.db".to_owned(), what]);
    }
    for campaign in &status.campaigns {
        let id = &campaign.campaign;
        let mut row = |mark: String, what: String| rows.push([mark, id.to_string(), what]);
        if campaign.gone {
            row(bad(&Trouble::Gone(id.clone())), "its file is gone, and people inside it wait".to_owned());
        }
        if let Some((why, _)) = &campaign.paused {
            row(bad(&Trouble::Paused(id.clone())), format!("paused: {}", sanitise::line(why)));
        }
        if let Some((people, since)) = campaign.late {
            let mark = bad(&Trouble::Late(id.clone()));
            let people = if people == 1 { "1 person is".to_owned() } else { format!("{people} people are") };
            row(mark, format!("{people} due, the first since {}", ago(since)));
        }
        for &(state, mails) in &campaign.open {
            let what = match state {
                SendState::Deferred => "deferred; they are tried again",
                SendState::Held => "held; `drip resolve` shows why",
                SendState::Unknown => "unknown; `drip resolve` decides them",
                _ => "in the hands of a run",
            };
            row(bad(&Trouble::Stuck(id.clone(), state)), format!("{} {what}", count(mails, "mail")));
        }
        for webhook in &campaign.webhooks {
            let (calls, step, why) = (count(webhook.calls, "call"), &webhook.step, sanitise::line(&webhook.reason));
            row(
                bad(&Trouble::Webhook(id.clone(), step.clone())),
                format!("{step}: the webhook waits with {calls}: {why}"),
            );
        }
        for (step, when, winner) in &campaign.decided {
            let who = winner.as_ref().map_or("no content won".to_owned(), |winner| format!("{winner} won"));
            row(String::new(), format!("{step}: {who} the test on {}", at(*when)));
        }
        if let (Some(next), None) = (campaign.next_due, campaign.late) {
            row(String::new(), format!("next: {}", at(next)));
        }
    }
    let verdict = match troubles.len() {
        0 => "All is well.\n".to_owned(),
        number => format!(
            "{} a person, marked with `!`.\n",
            if number == 1 { "1 thing needs".to_owned() } else { format!("{number} things need") }
        ),
    };
    columns(&rows) + &verdict
}
