//! `score` of `drip.yaml`: what events bring.

use std::ops::Range;

use super::fields::Source;
use super::values::name;
use super::yaml::{Kind, Node};
use crate::model::condition::Condition;
use crate::model::delay::Span;
use crate::model::score::{Points, Score};

/// A score, and its conditions with where they stand.
pub(super) type Read = (Score, Vec<(Condition, Range<usize>)>);

/// Reads how events make a score.
pub(super) fn read(source: &mut Source, node: &Node) -> Option<Read> {
    let mut fields = source.fields(node, "`score`")?;
    let half_life = fields.take("half_life").and_then(|node| source.parse(node, "half_life", half_life)).flatten();
    let at_most = fields.take("at_most").and_then(|node| source.parse(node, "at_most", limit));
    let rules = fields.need(source, "points", "`score`");
    fields.finish(source);
    let mut score = Score { rules: Vec::new(), at_most };
    let mut conditions = Vec::new();
    match rules.map(|node| &node.kind) {
        Some(Kind::List(items)) if !items.is_empty() => {
            for item in items {
                let rule = rule(source, item, half_life, &mut conditions);
                score.rules.extend(rule);
            }
        }
        Some(_) => {
            let hint = "write `points: [{ event: clicked, points: 5 }]`";
            source.error(node.span.clone(), "`points` must be a list of events and what they bring", Some(hint));
        }
        None => {}
    }
    Some((score, conditions))
}

fn rule(
    source: &mut Source,
    node: &Node,
    usual: Option<Span>,
    conditions: &mut Vec<(Condition, Range<usize>)>,
) -> Option<Points> {
    let mut fields = source.fields(node, "what an event brings")?;
    let event = fields.need(source, "event", "the rule").and_then(|node| name(source, node, "event"));
    let points = fields.need(source, "points", "the rule").and_then(|node| source.parse(node, "points", points));
    let condition_node = fields.take("where");
    let condition = condition_node.and_then(|node| source.condition(node, "where"));
    if let (Some(condition), Some(node)) = (&condition, condition_node) {
        conditions.push((condition.clone(), node.span.clone()));
    }
    let at_most = fields.take("at_most").and_then(|node| source.parse(node, "at_most", limit));
    let half_life = fields.take("half_life").map(|node| source.parse(node, "half_life", half_life).flatten());
    fields.finish(source);
    Some(Points { event: event?, condition, points: points?, at_most, half_life: half_life.unwrap_or(usual) })
}

fn number(text: &str) -> Result<f64, String> {
    // Hundredths are the finest anybody means, and a million is more than anybody counts up to.
    let number: Option<f64> = text.parse().ok().filter(|number: &f64| number.abs() <= 1e6);
    number.ok_or_else(|| format!("`{text}` is no number of points; write a number, as `5`, `0.5` or `-10`"))
}

fn points(text: &str) -> Result<f64, String> {
    match number(text)? {
        0.0 => Err("points of 0 bring nothing; leave the rule out".to_owned()),
        number => Ok(number),
    }
}

fn limit(text: &str) -> Result<f64, String> {
    match number(text)? {
        number if number > 0.0 => Ok(number),
        _ => Err(format!("`{text}` leaves nothing; `at_most` is a number above 0")),
    }
}

/// Reads a time, or `never`.
fn half_life(text: &str) -> Result<Option<Span>, String> {
    if text == "never" {
        return Ok(None);
    }
    match Span::parse(text)? {
        span if span.elapsed().is_zero() => Err("a half-life of 0 leaves nothing of any point".to_owned()),
        span => Ok(Some(span)),
    }
}
