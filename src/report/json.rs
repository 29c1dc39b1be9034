//! The funnel for programs.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::sheet::{cohorts, mails, revenue, times};
use super::{CONFIDENCE, Funnel, StepRow, VariantRow, lift, tested};
use crate::model::Instant;
use crate::model::period::Period;
use crate::model::reaction::{Reaction, Reactions};
use crate::stats::Lead;

/// Returns the funnels as JSON; shares are fractions of 1, instants are in UTC, what is not known is `null`.
pub fn json(funnels: &[Funnel]) -> Value {
    json!({ "period": period(funnels), "campaigns": funnels.iter().map(campaign).collect::<Vec<_>>() })
}

fn campaign(funnel: &Funnel) -> Value {
    let steps: Vec<_> = funnel.steps.iter().enumerate().map(|(index, row)| step(funnel, index, row)).collect();
    json!({
        "campaign": funnel.campaign.as_str(),
        "name": funnel.name,
        "has_goal": funnel.has_goal,
        "enrolled": funnel.enrolled,
        "active": funnel.active,
        "finished": funnel.finished,
        "goal": funnel.goal,
        "goal_rate": rounded(funnel.goal_rate()),
        "goal_time": goal_time(funnel),
        "revenue": revenue::json(funnel.revenue(), funnel.currency.as_deref()),
        "exited": funnel.exited,
        "exits": exits(funnel),
        "due_24h": funnel.due_24h,
        "due_7d": funnel.due_7d,
        "late": funnel.late,
        "holdout": funnel.holdout.as_ref().map(|holdout| lift::json(holdout, funnel.currency.as_deref())),
        "steps": steps,
        "mails": mails::rows(funnel),
        "times": times::json(funnel),
        "cohorts": cohorts::rows(funnel),
    })
}

fn step(funnel: &Funnel, index: usize, row: &StepRow) -> Value {
    json!({
        "step": row.id,
        "kind": row.kind,
        "gone": row.gone,
        "entered": row.entered,
        "sent": row.sent,
        "skipped": row.skipped,
        "skips": counts(&row.skips),
        "held": row.held,
        "deferred": row.deferred,
        "rejected": row.rejected,
        "unknown": row.unknown,
        "done": row.done,
        "goal": row.goal,
        "reactions": reactions(&row.reactions),
        "day": row.day,
        "revenue": revenue::json(row.revenue, funnel.currency.as_deref()),
        "variants": row.variants.iter().map(|row| variant(funnel, row)).collect::<Vec<_>>(),
        "test": tested::json(row),
        "verdict": row.verdict().map(|verdict| shown(row, &verdict)),
        "waiting": row.waiting,
        "next_due": row.next_due.map(|due| due.to_rfc3339_opts(SecondsFormat::Secs, true)),
        "step_rate": rounded(row.rate()),
        "cumulative_rate": rounded(funnel.cumulative(row)),
        "drop_off": rounded(funnel.drop_off(index)),
    })
}

fn variant(funnel: &Funnel, row: &VariantRow) -> Value {
    let between = row.goals().interval(CONFIDENCE).map(|(low, high)| [rounded(Some(low)), rounded(Some(high))]);
    json!({
        "variant": row.name, "sent": row.sent, "goal": row.goal, "goal_rate": rounded(row.goal_rate()),
        "goal_rate_between": between, "reactions": reactions(&row.reactions),
        "revenue": revenue::json(row.revenue, funnel.currency.as_deref()),
    })
}

fn shown(row: &StepRow, verdict: &Lead) -> Value {
    let best = row
        .variants
        .iter()
        .zip(row.chances())
        .map(|(variant, chance)| (variant.name.clone(), rounded(Some(chance)).into()));
    json!({
        "leader": row.variants[verdict.leader].name, "next": row.variants[verdict.next].name,
        "difference": rounded(Some(verdict.difference)), "between": [rounded(Some(verdict.low)), rounded(Some(verdict.high))],
        "confidence": CONFIDENCE, "is_clear": verdict.is_clear, "best": Value::Object(best.collect()),
    })
}

/// Returns how many mails each came of; what came of none is left out.
fn reactions(reactions: &Reactions) -> Value {
    let each = Reaction::ALL.into_iter().map(|one| (one.as_str().to_owned(), reactions.of(one)));
    Value::Object(each.filter(|(_, mails)| *mails > 0).map(|(what, mails)| (what, mails.into())).collect())
}

/// Returns which passages are counted; `null` is without end.
pub(super) fn period(funnels: &[Funnel]) -> Value {
    of_period(funnels.first().map(|funnel| funnel.period).unwrap_or_default())
}

pub(super) fn of_period(period: Period) -> Value {
    let iso = |at: Option<Instant>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    json!({ "since": iso(period.since), "until": iso(period.until) })
}

pub(super) fn exits(funnel: &Funnel) -> Vec<Value> {
    counts(&funnel.exits)
}

/// Returns how long it took to the goal, in seconds.
pub(super) fn goal_time(funnel: &Funnel) -> Value {
    funnel
        .goal_time
        .map_or(Value::Null, |time| json!({ "median_s": time.median.num_seconds(), "p90_s": time.p90.num_seconds() }))
}

fn counts(counts: &[(String, u64)]) -> Vec<Value> {
    counts.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect()
}

/// Cuts a share to what its counts can carry, so that `1/3` does not run over the line.
pub(super) fn rounded(share: Option<f64>) -> Option<f64> {
    share.map(|share| (share * 10_000.0).round() / 10_000.0)
}
