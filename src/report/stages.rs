//! How many contacts are in which stage, how they move, and how long they stay.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::funnel::share;
use super::grid::grid;
use super::percent::percent;
use super::table::{Style, bar};
use crate::model::period::Period;
use crate::model::plain::{grouped, plain};
use crate::model::wall;

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

/// Columns of the terminal.
const BAR: usize = 16;

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

/// Returns the stages as text for a terminal, with a line break at the end.
pub fn table(stages: &Stages, style: Style) -> String {
    let all = stages.people();
    let part = |people: u64| percent(share(people, all)).unwrap_or_default();
    let mut rows = Vec::new();
    for row in &stages.stages {
        rows.push(vec![
            plain(&row.name).into_owned(),
            bar(row.people, all.max(1), BAR),
            grouped(row.people),
            part(row.people),
            grouped(row.subscribed),
            grouped(stages.entered(&row.name)),
            grouped(stages.left(&row.name)),
            row.median_hours.map_or_else(|| "-".to_owned(), length),
        ]);
    }
    if stages.nowhere > 0 {
        let mut cells =
            vec!["(none)".to_owned(), bar(stages.nowhere, all, BAR), grouped(stages.nowhere), part(stages.nowhere)];
        cells.resize(8, String::new());
        rows.push(cells);
    }
    let head = ["stage", "", "contacts", "share", "may be mailed", "came", "left", "half stay"];
    let mut text = grid(&head, rows, 2);
    let since = stages.period.since.map(|at| format!(" since {}", wall::shown(at, style.zone))).unwrap_or_default();
    let until = stages.period.until.map(|at| format!(" until {}", wall::shown(at, style.zone))).unwrap_or_default();
    text += &format!("\nCame, left and moved{since}{until}");
    if stages.moves.is_empty() {
        return text + ": nobody.\n";
    }
    text += ":\n";
    let moves = stages.moves.iter().map(|step| {
        let name = |stage: &Option<String>, none: &str| plain(stage.as_deref().unwrap_or(none)).into_owned();
        vec![name(&step.from, "(new)"), format!("→ {}", name(&step.to, "(none)")), grouped(step.people)]
    });
    text + &grid(&[], moves.collect(), 2)
}

fn length(hours: u64) -> String {
    if hours < 48 { format!("{hours} h") } else { format!("{} d", hours / 24) }
}

/// Returns the stages for programs.
pub fn json(stages: &Stages) -> Value {
    let rows: Vec<_> = stages
        .stages
        .iter()
        .map(|row| {
            json!({
                "stage": row.name, "contacts": row.people, "subscribed": row.subscribed,
                "entered": stages.entered(&row.name), "left": stages.left(&row.name), "median_stay_h": row.median_hours,
            })
        })
        .collect();
    let moves: Vec<_> =
        stages.moves.iter().map(|step| json!({ "from": step.from, "to": step.to, "contacts": step.people })).collect();
    json!({
        "contacts": stages.people(), "in_no_stage": stages.nowhere, "stages": rows, "moves": moves,
        "period": super::json::of_period(stages.period),
    })
}
