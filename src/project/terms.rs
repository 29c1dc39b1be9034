//! What `drip.yaml` gives a meaning to: segments, the score, stages, purchases, what customers are worth.

use std::ops::Range;

use chrono_tz::Tz;

use super::fields::{Fields, Source};
use super::values::{NAME_HINT, Words};
use super::yaml::{Kind, Node};
use super::{purchases, score, value};
use crate::model::condition::Condition;
use crate::model::id::is_name;
use crate::model::stage::{STAGE_ENTERED, Stage};
use crate::model::terms::Terms;
use crate::model::value::Valuation;

/// Reads all of it; what is wrong, `source` then says.
pub(super) fn read(source: &mut Source, fields: &mut Fields<'_>, zone: Tz) -> Terms {
    let segments_node = fields.take("segments");
    let stages_node = fields.take("stages");
    let score_node = fields.take("score");
    let segments = segments_node.map(|node| named(source, node, "segment")).unwrap_or_default();
    let stages = stages_node.map(|node| named(source, node, "stage")).unwrap_or_default();
    let score = score_node.and_then(|node| score::read(source, node));
    let purchases = fields.take("purchases").and_then(|node| purchases::read(source, node)).unwrap_or_default();
    let value = fields.take("value").and_then(|node| value::read(source, node)).unwrap_or_default();
    for (name, condition, span) in &stages {
        if condition.events().any(|event| event == STAGE_ENTERED) {
            let message = format!("stage `{name}` looks at `{STAGE_ENTERED}`, which it brings about itself");
            source.error(span.clone(), message, Some("look at what a contact did"));
        }
    }
    Parts { segments: &segments, stages: &stages, score: score.as_ref(), score_node }.refuse_circles(source);
    // What is broken is there all the same.
    let known = Words {
        segments: segments_node.map(names).unwrap_or_default(),
        has_score: score_node.is_some(),
        most_points: score.as_ref().and_then(|(score, _)| score.at_most),
        stages: stages_node.map(names).unwrap_or_default(),
    };
    let named = segments.iter().chain(&stages).map(|(_, condition, span)| (condition, span));
    for (condition, span) in named.chain(score.iter().flat_map(|(_, scored)| scored).map(|(c, span)| (c, span))) {
        known.check(source, condition, span);
    }
    Terms {
        segments: segments.into_iter().map(|(name, condition, _)| (name, condition)).collect(),
        score: score.map(|(score, _)| score),
        stages: stages.into_iter().map(|(name, condition, _)| Stage { name, condition }).collect(),
        purchases,
        value: Valuation { zone, ..value },
    }
}

/// A condition, its name, and where it stands.
type Named = (String, Condition, Range<usize>);

fn names(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().map(|(key, _)| key.name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Reads names and their conditions, in their order.
fn named(source: &mut Source, node: &Node, what: &str) -> Vec<Named> {
    let Kind::Map(entries) = &node.kind else {
        let message = format!("`{what}s` must be a mapping of names to conditions");
        source.error(node.span.clone(), message, None);
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name", key.name), Some(NAME_HINT));
        }
        if let Some(condition) = source.condition(value, &key.name) {
            if condition.reads_trigger() {
                let message = format!("{what} `{}` looks at `event`, which no {what} has", key.name);
                source.error(value.span.clone(), message, Some("use did(\"…\") or count(\"…\")"));
            }
            read.push((key.name.clone(), condition, value.span.clone()));
        }
    }
    read
}

/// What may name one another.
struct Parts<'a> {
    segments: &'a [Named],
    stages: &'a [Named],
    score: Option<&'a score::Read>,
    score_node: Option<&'a Node>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq)]
enum Part<'a> {
    Segment(&'a str),
    Score,
    Stage,
}

impl<'a> Parts<'a> {
    fn refuse_circles(&self, source: &mut Source) {
        for (name, _, span) in self.segments {
            if self.leads_back(Part::Segment(name)) {
                source.error(span.clone(), format!("segment `{name}` leads back to itself"), None);
            }
        }
        if let Some(node) = self.score_node.filter(|_| self.leads_back(Part::Score)) {
            source.error(node.span.clone(), "`score` leads back to itself", None);
        }
        if let Some((name, _, span)) = self.stages.first().filter(|_| self.leads_back(Part::Stage)) {
            let message = format!("a stage leads back to the stages, of which `{name}` is the first");
            source.error(span.clone(), message, Some("no stage may look at `stage`"));
        }
    }

    fn leads_back(&self, start: Part<'a>) -> bool {
        let mut reached = vec![start];
        let mut at = 0;
        while at < reached.len() {
            for next in self.conditions(reached[at]).into_iter().flat_map(named_by) {
                if next == start {
                    return true;
                }
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
            at += 1;
        }
        false
    }

    fn conditions(&self, part: Part<'a>) -> Vec<&'a Condition> {
        match part {
            Part::Segment(name) => {
                self.segments.iter().filter(|(known, ..)| known == name).map(|(_, condition, _)| condition).collect()
            }
            Part::Score => {
                self.score.iter().flat_map(|(_, conditions)| conditions).map(|(condition, _)| condition).collect()
            }
            Part::Stage => self.stages.iter().map(|(_, condition, _)| condition).collect(),
        }
    }
}

fn named_by(condition: &Condition) -> Vec<Part<'_>> {
    let words = [(condition.reads_score(), Part::Score), (condition.reads_stage(), Part::Stage)];
    let words = words.into_iter().filter(|(reads, _)| *reads).map(|(_, part)| part);
    words.chain(condition.segments().map(Part::Segment)).collect()
}
