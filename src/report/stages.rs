//! How many contacts are in which stage, how they move, and how long they stay.

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::model::period::Period;

/// The stages as they stand, and what happened among them in a time.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// When the moves happened that are counted.
    pub period: Period,
    /// In the order of drip.yaml.
    pub stages: Vec<StageRow>,
    /// In no stage at all.
    pub nowhere: u64,
    /// The most frequent first.
    pub moves: Vec<Move>,
    /// In whose wall time the period is meant.
    pub zone: Tz,
}

/// One stage.
#[derive(Debug, Clone, Default)]
pub struct StageRow {
    pub name: String,
    pub people: u64,
    /// Those of them who may be mailed.
    pub subscribed: u64,
    /// Within so many hours half of those who came have gone again; `None` where so many are still there.
    pub median_hours: Option<u64>,
}

/// From where, to where, how often; `None` is no stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub from: Option<String>,
    pub to: Option<String>,
    pub people: u64,
}

impl Stages {
    /// Returns how many contacts there are.
    pub fn people(&self) -> u64 {
        self.nowhere + self.stages.iter().map(|stage| stage.people).sum::<u64>()
    }

    fn moved(&self, takes: impl Fn(&Move) -> bool) -> u64 {
        self.moves.iter().filter(|step| takes(step)).map(|step| step.people).sum()
    }

    /// Returns how many came into a stage in the period.
    pub fn entered(&self, stage: &str) -> u64 {
        self.moved(|step| step.to.as_deref() == Some(stage))
    }

    /// Returns how many left it.
    pub fn left(&self, stage: &str) -> u64 {
        self.moved(|step| step.from.as_deref() == Some(stage))
    }
}

/// Returns the stages for programs, one a row.
pub fn rows(stages: &Stages) -> Vec<Value> {
    let each = stages.stages.iter().map(|row| {
        json!({
            "stage": row.name, "contacts": row.people, "subscribed": row.subscribed,
            "entered": stages.entered(&row.name), "left": stages.left(&row.name), "median_stay_h": row.median_hours,
        })
    });
    each.collect()
}

/// Returns the stages for programs.
pub fn json(stages: &Stages) -> Value {
    let moves: Vec<_> =
        stages.moves.iter().map(|step| json!({ "from": step.from, "to": step.to, "contacts": step.people })).collect();
    json!({
        "contacts": stages.people(), "in_no_stage": stages.nowhere, "stages": rows(stages), "moves": moves,
        "period": super::json::of_period(stages.period),
    })
}
