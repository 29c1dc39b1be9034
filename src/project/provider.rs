//! `provider` of `drip.yaml` → whose relay it is.

use super::fields::{Fields, Source};
use super::yaml::{Kind, Node};
use crate::model::nearest;
use crate::model::settings::Provider;

const NAMES: [&str; 5] = ["ses", "postmark", "mailgun", "sendgrid", "brevo"];

/// Reads `postmark`, or `{ name: ses, topics: [...], configuration_set: drip }`.
pub(super) fn read(source: &mut Source, node: &Node) -> Option<Provider> {
    if matches!(node.kind, Kind::Scalar(_)) {
        let name = source.parse(node, "provider", name)?;
        return of(source, node, &name, Vec::new(), None);
    }
    let mut fields = source.fields(node, "`provider`")?;
    let name = fields.need(source, "name", "`provider`").and_then(|node| source.parse(node, "name", name));
    let topics = topics(source, &mut fields);
    let set = fields.take("configuration_set").map(|node| (node, source.parse(node, "configuration_set", set)));
    let is_ses = name.as_deref() == Some("ses");
    if let (Some((node, _)), false) = (&set, is_ses) {
        source.error(node.span.clone(), "`configuration_set` is for `ses` alone", None);
    }
    fields.finish(source);
    of(source, node, &name?, topics, set.and_then(|(_, set)| set))
}

fn of(source: &mut Source, node: &Node, name: &str, topics: Vec<String>, set: Option<String>) -> Option<Provider> {
    if name != "ses" && !topics.is_empty() {
        source.error(node.span.clone(), "`topics` are for `ses` alone", None);
    }
    Some(match name {
        "ses" if topics.is_empty() => {
            let hint = "write `provider: { name: ses, topics: [\"arn:aws:sns:eu-west-1:123456789012:drip\"] }`";
            source.error(node.span.clone(), "`ses` needs the `topics` of SNS whose reports are believed", Some(hint));
            return None;
        }
        "ses" => Provider::Ses { topics, configuration_set: set },
        "postmark" => Provider::Postmark,
        "mailgun" => Provider::Mailgun,
        "sendgrid" => Provider::SendGrid,
        _ => Provider::Brevo,
    })
}

fn topics(source: &mut Source, fields: &mut Fields<'_>) -> Vec<String> {
    let Some(node) = fields.take("topics") else { return Vec::new() };
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| source.parse(item, "topics", topic)).collect(),
        _ => source.parse(node, "topics", topic).into_iter().collect(),
    }
}

fn name(text: &str) -> Result<String, String> {
    if NAMES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(match nearest(text, NAMES) {
        Some(near) => format!("`{text}` is no provider that drip knows; did you mean `{near}`?"),
        None => format!("`{text}` is no provider that drip knows; it knows {}", NAMES.join(", ")),
    })
}

fn topic(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_topic = matches!(parts[..], ["arn", partition, "sns", region, account, name]
        if partition.starts_with("aws") && ![region, account, name].contains(&""));
    if is_topic {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no topic of SNS; write `arn:aws:sns:eu-west-1:123456789012:drip`"))
    }
}

/// Reads the name of a configuration set: it stands in a header.
fn set(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no name of a configuration set; it has letters, digits, `-` and `_`"))
    }
}
