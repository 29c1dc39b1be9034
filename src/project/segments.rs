//! `segments` of `drip.yaml`: named conditions.

use std::collections::BTreeMap;

use super::fields::Source;
use super::values::{NAME_HINT, unknown};
use super::yaml::{Kind, Node};
use crate::model::condition::Condition;
use crate::model::id::is_name;

/// Reads the segments; what is wrong with one, `source` then says.
pub(super) fn read(source: &mut Source, node: &Node) -> BTreeMap<String, Condition> {
    let mut segments = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        source.error(node.span.clone(), "`segments` must be a mapping of names to conditions", None);
        return segments;
    };
    for (key, value) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name", key.name), Some(NAME_HINT));
        }
        if let Some(condition) = source.condition(value, &key.name) {
            if condition.reads_trigger() {
                let message = format!("segment `{}` looks at `event`, which no segment has", key.name);
                source.error(value.span.clone(), message, Some("use did(\"…\") or count(\"…\")"));
            }
            segments.insert(key.name.clone(), condition);
        }
    }
    for (key, value) in entries {
        if in_a_circle(&key.name, &segments) {
            source.error(value.span.clone(), format!("segment `{}` leads back to itself", key.name), None);
        }
    }
    // A segment that is broken is there all the same.
    let known: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
    for (key, value) in entries {
        let named: Vec<String> =
            segments.get(&key.name).map(|segment| segment.segments().map(str::to_owned).collect()).unwrap_or_default();
        for name in named {
            unknown(source, "segment", &name, value, &known);
        }
    }
    segments
}

fn in_a_circle(start: &str, segments: &BTreeMap<String, Condition>) -> bool {
    let mut reached: Vec<&str> = vec![start];
    let mut at = 0;
    while at < reached.len() {
        for next in segments.get(reached[at]).into_iter().flat_map(Condition::segments) {
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
