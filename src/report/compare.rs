//! Campaigns side by side: one row each.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::Funnel;
use super::json::{exits, goal_time, period, rounded};
use super::markdown::escaped;
use super::notes::{counted, length};
use super::percent::percent;
use super::sheet::revenue;
use super::table::{Style, cut};
use crate::model::plain::{grouped, plain};
use crate::model::spreadsheet::defused;

/// Returns the headings: what purchases brought stands among them where any have.
fn head(funnels: &[Funnel]) -> Vec<&'static str> {
    let mut head = vec!["campaign", "entered", "finished", "goal", "median"];
    if funnels.iter().any(|funnel| funnel.revenue().is_told()) {
        head.push("revenue");
    }
    head.push("left");
    head
}

/// Returns the campaigns as a table for a terminal of `width` columns.
pub fn table(funnels: &[Funnel], width: usize, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let head = head(funnels);
    let last = head.len() - 1;
    table.set_header(head.clone());
    let mut rows: Vec<_> = funnels.iter().map(|funnel| cells(funnel, &head)).collect();
    let mut taken = 0;
    for column in 0..last {
        let most = if column == 0 { 24 } else { usize::MAX };
        for row in &mut rows {
            row[column] = cut(&row[column], most);
        }
        taken += 2 + rows.iter().map(|row| row[column].width()).max().unwrap_or(0).max(head[column].width());
    }
    for mut row in rows {
        row[last] = cut(&row[last], width.saturating_sub(taken).max(8));
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
        let right = (1..last).contains(&index);
        column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
    }
    let mut text =
        funnels.first().and_then(|funnel| counted(funnel, style.zone)).map_or(String::new(), |line| line + "\n\n");
    for line in table.lines() {
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Returns the campaigns as a table of Markdown.
pub fn markdown(funnels: &[Funnel], zone: chrono_tz::Tz) -> String {
    let mut text =
        funnels.first().and_then(|funnel| counted(funnel, zone)).map_or(String::new(), |line| line + ".\n\n");
    let head = head(funnels);
    let numbers = " ---: |".repeat(head.len() - 2);
    text += &format!("| {} |\n| --- |{numbers} --- |\n", head.join(" | "));
    for funnel in funnels {
        let cells: Vec<_> = cells(funnel, &head).iter().map(|cell| escaped(cell)).collect();
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// Returns the campaigns as JSON, without their steps.
pub fn json(funnels: &[Funnel]) -> Value {
    let campaigns: Vec<_> = funnels
        .iter()
        .map(|funnel| {
            json!({
                "campaign": funnel.campaign.as_str(), "name": funnel.name, "enrolled": funnel.enrolled,
                "active": funnel.active, "finished": funnel.finished, "goal": funnel.goal,
                "goal_rate": rounded(funnel.goal_rate()), "goal_time": goal_time(funnel),
                "revenue": revenue::json(funnel.revenue(), funnel.currency.as_deref()),
                "exited": funnel.exited, "exits": exits(funnel),
            })
        })
        .collect();
    json!({ "period": period(funnels), "campaigns": campaigns })
}

/// Returns the campaigns as CSV; lengths of time are in seconds.
pub fn csv(funnels: &[Funnel]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let head =
        ["campaign", "name", "entered", "active", "finished", "goal", "goal_rate", "goal_median_s", "goal_p90_s"];
    let behind = ["exited", "exits", "purchases", "revenue", "currency"];
    writer.write_record(head.iter().chain(&behind)).expect("a vector takes every write");
    for funnel in funnels {
        let seconds =
            |span: Option<chrono::TimeDelta>| span.map(|span| span.num_seconds().to_string()).unwrap_or_default();
        writer
            .write_record([
                defused(funnel.campaign.as_str()).into_owned(),
                defused(&funnel.name).into_owned(),
                funnel.enrolled.to_string(),
                funnel.active.to_string(),
                funnel.finished.to_string(),
                funnel.goal.to_string(),
                rounded(funnel.goal_rate()).map(|share| share.to_string()).unwrap_or_default(),
                seconds(funnel.goal_time.map(|time| time.median)),
                seconds(funnel.goal_time.map(|time| time.p90)),
                funnel.exited.to_string(),
                defused(&reasons(&funnel.exits)).into_owned(),
                funnel.revenue().purchases.to_string(),
                funnel.revenue().amount.to_string(),
                funnel.currency.clone().unwrap_or_default(),
            ])
            .expect("a vector takes every write");
    }
    let bytes = writer.into_inner().expect("a vector takes every write");
    String::from_utf8(bytes).expect("made of text")
}

fn cells(funnel: &Funnel, head: &[&str]) -> Vec<String> {
    let rate = percent(funnel.goal_rate()).map(|rate| format!(" ({rate})")).unwrap_or_default();
    let mut cells = vec![
        funnel.campaign.as_str().to_owned(),
        grouped(funnel.enrolled),
        grouped(funnel.finished),
        format!("{}{rate}", grouped(funnel.goal)),
        funnel.goal_time.map(|time| length(time.median)).unwrap_or_default(),
        reasons(&funnel.exits),
    ];
    if head.contains(&"revenue") {
        let revenue = funnel.revenue().amount.shown(funnel.currency.as_deref(), false);
        cells.insert(cells.len() - 1, revenue);
    }
    cells
}

/// Returns counts by reason in one cell: `710 unsubscribed, 30 bounced`.
pub(super) fn reasons(counts: &[(String, u64)]) -> String {
    let parts: Vec<_> = counts.iter().map(|(reason, count)| format!("{} {}", grouped(*count), plain(reason))).collect();
    parts.join(", ")
}
