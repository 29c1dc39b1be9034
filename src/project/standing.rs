//! Triggers by where a contact stands: a stage, or a score that is reached.

use super::fields::Source;
use super::values::{Surroundings, name, unknown};
use super::yaml::Node;
use crate::model::campaign::Trigger;
use crate::model::condition::Condition;

/// Reads the stage that lets in whoever comes into it.
pub(super) fn stage(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<Trigger> {
    let stage = name(source, node, "stage")?;
    if let Some(words) = &around.words {
        let known: Vec<&str> = words.stages.iter().map(String::as_str).collect();
        unknown(source, "stage", &stage, &node.span, &known);
    }
    Condition::parse(&format!("stage == \"{stage}\"")).ok().map(Trigger::Segment)
}

/// Reads the points that let in whose score reaches them.
pub(super) fn score(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<Trigger> {
    let points: i64 = source.parse(node, "score", |text| {
        text.parse().map_err(|_| format!("`{text}` is no whole number of points; write `score: 50`"))
    })?;
    let condition = Condition::parse(&format!("score >= {points}")).ok()?;
    if let Some(words) = &around.words {
        words.check(source, &condition, &node.span);
        #[expect(clippy::cast_precision_loss, reason = "points are far below 2^53")]
        if let Some(most) = words.most_points.filter(|most| points as f64 > *most) {
            let hint = format!("write `score: {most}` or less, or raise `at_most` under `score` in drip.yaml");
            source.error(node.span.clone(), format!("no score comes beyond {most}"), Some(&hint));
        }
    }
    Some(Trigger::Score { points, condition })
}
