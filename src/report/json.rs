//! The funnel for programs.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{Funnel, StepRow};

/// Returns the funnels as JSON; shares are fractions of 1, instants are in UTC, what is not known is `null`.
pub fn json(funnels: &[Funnel]) -> Value {
    json!({ "campaigns": funnels.iter().map(campaign).collect::<Vec<_>>() })
}

fn campaign(funnel: &Funnel) -> Value {
    let steps: Vec<_> = funnel.steps.iter().enumerate().map(|(index, row)| step(funnel, index, row)).collect();
    let exits: Vec<_> = funnel.exits.iter().map(|(reason, count)| json!({"reason": reason, "count": count})).collect();
    json!({
        "campaign": funnel.campaign.as_str(),
        "name": funnel.name,
        "enrolled": funnel.enrolled,
        "active": funnel.active,
        "finished": funnel.finished,
        "goal": funnel.goal,
        "goal_rate": rounded(funnel.goal_rate()),
        "exited": funnel.exited,
        "exits": exits,
        "due_24h": funnel.due_24h,
        "due_7d": funnel.due_7d,
        "late": funnel.late,
        "steps": steps,
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
        "held": row.held,
        "deferred": row.deferred,
        "rejected": row.rejected,
        "unknown": row.unknown,
        "done": row.done,
        "goal": row.goal,
        "waiting": row.waiting,
        "next_due": row.next_due.map(|due| due.to_rfc3339_opts(SecondsFormat::Secs, true)),
        "step_rate": rounded(row.rate()),
        "cumulative_rate": rounded(funnel.cumulative(row)),
        "drop_off": rounded(funnel.drop_off(index)),
    })
}

/// Cuts a share to what its counts can carry, so that `1/3` does not run over the line.
pub(super) fn rounded(share: Option<f64>) -> Option<f64> {
    share.map(|share| (share * 10_000.0).round() / 10_000.0)
}
