//! When mail may go: hours, days and quiet dates, of the project, a campaign or a step.

use super::fields::{Fields, Source};
use super::yaml::{Kind, Node};
use crate::model::quiet::{Quiet, QuietDates};
use crate::model::window::{Hours, Weekdays, Window};

/// Reads `hours`, `days` and `quiet_dates` over those that are inherited; `none` lifts them.
pub(super) fn window(source: &mut Source, fields: &mut Fields<'_>, inherited: &Window) -> Window {
    let quiet = fields.take("quiet_dates").map(|node| quiet_dates(source, node));
    let hours = fields.take("hours").and_then(|node| source.parse(node, "hours", |text| lift(text, Hours::parse)));
    let days = fields.take("days").and_then(|node| source.parse(node, "days", |text| lift(text, Weekdays::parse)));
    Window {
        hours: hours.unwrap_or(inherited.hours),
        days: days.unwrap_or(inherited.days),
        quiet: quiet.unwrap_or_else(|| inherited.quiet.clone()),
    }
}

fn quiet_dates(source: &mut Source, node: &Node) -> QuietDates {
    let dates: QuietDates = match &node.kind {
        Kind::Scalar(text) if text == "none" => QuietDates::default(),
        Kind::List(items) => items.iter().filter_map(|item| source.parse(item, "quiet_dates", Quiet::parse)).collect(),
        _ => source.parse(node, "quiet_dates", Quiet::parse).into_iter().collect(),
    };
    if dates.is_always() {
        source.error(node.span.clone(), "every day of the year is quiet", Some("leave a day on which mail may go"));
    }
    dates
}

fn lift<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text == "none" { Ok(None) } else { parse(text).map(Some) }
}
