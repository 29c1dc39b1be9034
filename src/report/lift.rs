//! What a campaign does, beside what would happen without it: those who were mailed against those who were held out.

use serde_json::{Value, json};

use super::json::rounded;
use super::percent::percent;
use crate::decide::look::CONFIDENCE;
use crate::model::plain::grouped;
use crate::stats::{self, Count};

/// Both groups of those who entered while as many were held out as are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdout {
    pub hundredths: u32,
    /// How many, and how many of them reached the goal in its time, also after they had left.
    pub mailed: Count,
    pub held_out: Count,
}

impl Holdout {
    /// Returns by how much the campaign raises the share of goals, and between what that lies; `None` while a group is empty.
    pub fn lift(&self) -> Option<(f64, (f64, f64))> {
        stats::difference(self.mailed, self.held_out, CONFIDENCE)
    }

    /// Says whether the lift is more than chance: up or down.
    pub(super) fn is_clear(&self) -> bool {
        self.lift().is_some_and(|(_, (low, high))| low > 0.0 || high < 0.0)
    }
}

/// Returns what is said of it.
pub(super) fn parts(holdout: &Holdout) -> Vec<String> {
    let group = |count: Count, what: &str| {
        let rate = percent(count.share()).map(|rate| format!(" ({rate})")).unwrap_or_default();
        format!("{} {what}, {} to the goal{rate}", grouped(count.of), grouped(count.hits))
    };
    let mut parts = vec![group(holdout.mailed, "mailed"), group(holdout.held_out, "held out")];
    if let Some((by, (low, high))) = holdout.lift().filter(|_| holdout.mailed.hits + holdout.held_out.hits > 0) {
        let [by, low, high] = [by, low, high].map(|share| 100.0 * share);
        parts.push(format!("lift {by:.1} points ({low:.1} to {high:.1})"));
        parts.push(if holdout.is_clear() { "which is more than chance" } else { "which may be chance" }.to_owned());
    }
    parts
}

/// Returns it for programs.
pub(super) fn json(holdout: &Holdout) -> Value {
    let group = |count: Count| {
        let between = count.interval(CONFIDENCE).map(|(low, high)| [rounded(Some(low)), rounded(Some(high))]);
        json!({ "entered": count.of, "goal": count.hits, "goal_rate": rounded(count.share()), "goal_rate_between": between })
    };
    let lift = holdout.lift().map(|(by, (low, high))| {
        json!({
            "difference": rounded(Some(by)), "between": [rounded(Some(low)), rounded(Some(high))],
            "confidence": CONFIDENCE, "is_clear": holdout.is_clear(),
        })
    });
    let share = f64::from(holdout.hundredths) / 100.0;
    json!({ "share": share, "mailed": group(holdout.mailed), "held_out": group(holdout.held_out), "lift": lift })
}
