//! `topics` of `drip.yaml`, and `topic` of a campaign: what readers choose from on the page of preferences.

use std::collections::BTreeMap;

use super::fields::Source;
use super::settings::language;
use super::values::{NAME_HINT, Surroundings, unknown};
use super::yaml::{Kind, Node};
use crate::model::id::is_name;
use crate::model::settings::Topic;

/// Reads the topics: a name each, or one for each language.
pub(super) fn read(source: &mut Source, node: &Node) -> Vec<(String, Topic)> {
    let mut topics = Vec::new();
    let Kind::Map(entries) = &node.kind else {
        let hint = "write `topics: { tips: Tea tips }`";
        source.error(node.span.clone(), "`topics` must be a mapping of ids to names for readers", Some(hint));
        return topics;
    };
    for (key, value) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name", key.name), Some(NAME_HINT));
        }
        let topic = match &value.kind {
            Kind::Map(names) if !names.is_empty() => in_languages(source, names),
            _ => shown(source, value, &key.name).map(|name| Topic { name, names: BTreeMap::new() }),
        };
        topics.extend(topic.map(|topic| (key.name.clone(), topic)));
    }
    topics
}

fn in_languages(source: &mut Source, names: &[(super::yaml::Key, Node)]) -> Option<Topic> {
    let mut read = Vec::new();
    for (key, value) in names {
        if let Err(message) = language(&key.name) {
            source.error(key.span.clone(), message, None);
        }
        read.push((key.name.clone(), shown(source, value, &key.name)?));
    }
    let name = read.first().map(|(_, name)| name.clone())?;
    Some(Topic { name, names: read.into_iter().collect() })
}

fn shown(source: &mut Source, node: &Node, what: &str) -> Option<String> {
    let text = source.text(node, what)?.trim().to_owned();
    if text.is_empty() {
        let hint = Some("write what they call it: `topics: { tips: Tea tips }`");
        source.error(node.span.clone(), format!("`{what}` has no name for readers"), hint);
    }
    Some(text)
}

/// Reads the topic of a campaign.
pub(super) fn topic(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<String> {
    let text = source.text(node, "topic")?.trim().to_owned();
    if let Some(topics) = around.topics {
        let known: Vec<&str> = topics.iter().map(|(id, _)| id.as_str()).collect();
        unknown(source, "topic", &text, &node.span, &known);
    }
    Some(text)
}
