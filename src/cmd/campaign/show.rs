//! `drip campaign show`: the sequence as a table.

use serde_json::json;

use super::{Context, Failure, context, state};
use crate::exit::Exit;
use crate::model::campaign::{Action, Campaign, Reentry, Step, Trigger};
use crate::model::delay::{Delay, Origin};
use crate::model::variant::Test;
use crate::report::TestRow;
use crate::ui::columns::columns;
use crate::ui::sanitise;

pub(super) fn show(run: &Context, id: &str) -> Result<Exit, Failure> {
    let project = run.project()?;
    let campaign = context::campaign(&project.campaigns, id)?;
    let (funnels, known) = state(run, &project)?;
    let funnel = funnels.iter().find(|funnel| funnel.campaign == campaign.id);
    let paused = known.iter().find(|known| known.id == campaign.id).and_then(|known| known.paused.clone());
    let mut rows = vec![["step", "does", "after the one before", "day", "only if", "waiting"].map(str::to_owned)];
    let mut steps = Vec::new();
    let mut day = Day::default();
    for step in &campaign.steps {
        day.pass(step);
        let row = funnel.and_then(|funnel| funnel.steps.iter().find(|row| row.id == step.id.as_str()));
        let waiting = row.map_or(0, |row| row.waiting);
        let tested = row.and_then(|row| row.test.as_ref());
        let what = what(&step.action, tested);
        let condition = step.condition.as_ref().map(|condition| condition.source().trim().to_owned());
        steps.push(json!({
            "step": step.id.as_str(), "does": step.action.kind(), "what": what, "won": tested.and_then(TestRow::won).map(|(name, _)| name), "delay": step.delay.to_string(),
            "day": day.number(), "at_the_latest": day.is_latest, "if": condition, "waiting": waiting,
        }));
        rows.push([
            step.id.to_string(),
            format!("{} {what}", step.action.kind()).trim_end().to_owned(),
            after(step.delay),
            day.shown(),
            condition.unwrap_or_default(),
            if waiting > 0 { waiting.to_string() } else { String::new() },
        ]);
    }
    if run.output.options().json {
        let triggers: Vec<_> = campaign.triggers.iter().map(trigger).collect();
        let json = json!({
            "campaign": campaign.id.as_str(), "name": campaign.name, "triggers": triggers, "paused": paused, "steps": steps,
        });
        run.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    let mut text = format!("{}\n", sanitise::line(&format!("{} ({})", campaign.name, campaign.id)));
    for (name, value) in heading(campaign, paused) {
        text += &format!("  {name:<9} {}\n", sanitise::line(&value));
    }
    run.output.result(&format!("{text}\n{}", columns(&rows)));
    Ok(Exit::Success)
}

fn heading(campaign: &Campaign, paused: Option<String>) -> Vec<(&'static str, String)> {
    let triggers: Vec<_> = campaign.triggers.iter().map(trigger).collect();
    let mut lines = vec![("enters", triggers.join("; or "))];
    match campaign.reentry {
        Reentry::Never => {}
        Reentry::Always => lines.push(("again", "whenever the passage before has ended".to_owned())),
        Reentry::After(span) => lines.push(("again", format!("{span} after the passage before has ended"))),
    }
    if let Some(goal) = &campaign.goal {
        let within = goal.within.map(|span| format!(" within {span}")).unwrap_or_default();
        lines.push(("goal", format!("{}{within}", goal.event)));
    }
    if let Some(hundredths) = campaign.holdout {
        lines.push(("held out", format!("{hundredths} %, who get nothing")));
    }
    if let Some(condition) = &campaign.exit_when {
        lines.push(("leaves", format!("when {}", condition.source().trim())));
    }
    lines.extend(paused.map(|reason| ("paused", reason)));
    lines
}

fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Event { name, condition: None } => format!("with the event {name}"),
        Trigger::Event { name, condition: Some(condition) } => {
            format!("with the event {name} where {}", condition.source().trim())
        }
        Trigger::Tag(tag) => format!("with the tag {tag}"),
        Trigger::Segment(condition) => format!("when {}", condition.source().trim()),
        Trigger::Score { points, .. } => format!("when the score reaches {points}"),
        Trigger::Inactive { event, span } => format!("{span} after the last {event}"),
        Trigger::Date { attribute, offset, yearly } => {
            let every = if *yearly { "every year" } else { "once" };
            format!("{every} {} {attribute}", offset.in_words())
        }
        Trigger::Pending => "who has not confirmed yet".to_owned(),
        Trigger::Manual => "by hand (drip enrol)".to_owned(),
    }
}

fn what(action: &Action, tested: Option<&TestRow>) -> String {
    match action {
        Action::Send(mail) => mail.template.to_string(),
        Action::Test(test) => contents(test, tested),
        Action::WaitFor(wait) => format!("{} for {} at most", wait.event, wait.at_most),
        Action::Enrol(id) => id.to_string(),
        Action::Notify(notify) => notify.to.to_string(),
        Action::Webhook(webhook) => webhook.url.clone(),
        Action::Set(attributes) => attributes.keys().cloned().collect::<Vec<_>>().join(", "),
        Action::Exit(reason) => reason.clone(),
    }
}

/// Returns who gets which content: by the file, or by what came of the mails so far.
fn contents(test: &Test, tested: Option<&TestRow>) -> String {
    if let Some((winner, _)) = tested.and_then(TestRow::won) {
        return format!("{winner} has won, everyone gets it");
    }
    let total: u32 = test.variants.iter().map(|variant| variant.share).sum();
    let shares = tested.map(|row| row.shares.as_slice()).unwrap_or_default();
    let each = test.variants.iter().enumerate().map(|(at, variant)| {
        let share = shares.get(at).copied();
        let share = share.unwrap_or_else(|| f64::from(variant.share) / f64::from(total.max(1)));
        format!("{} {:.0} %", variant.name, 100.0 * share)
    });
    each.collect::<Vec<_>>().join(", ")
}

fn after(delay: Delay) -> String {
    if delay == Delay::default() { "at once".to_owned() } else { delay.to_string() }
}

/// The day of a passage on which a step comes, counted from 1, if nothing holds it up.
#[derive(Default)]
struct Day {
    /// Seconds since the entry, with days of 24 hours.
    passed: i64,
    /// Whether a `wait_for` before it may be over sooner.
    is_latest: bool,
}

impl Day {
    fn pass(&mut self, step: &Step) {
        let delay = step.delay.span.elapsed().num_seconds();
        match step.delay.origin {
            Origin::Previous => self.passed += delay,
            Origin::Entry => (self.passed, self.is_latest) = (delay, false),
        }
        if let Action::WaitFor(wait) = &step.action {
            self.passed += wait.at_most.elapsed().num_seconds();
            self.is_latest = true;
        }
    }

    fn number(&self) -> i64 {
        self.passed / 86_400 + 1
    }

    fn shown(&self) -> String {
        if self.is_latest { format!("by {}", self.number()) } else { self.number().to_string() }
    }
}
