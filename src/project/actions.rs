//! What a step does: one of the actions of the language.

use serde_json::{Map, Value};

use super::contents::{self, About, Beside};
use super::fields::{Fields, Source};
use super::values::{Surroundings, condition, name};
use super::yaml::{Key, Kind, Node};
use crate::model::address::Address;
use crate::model::campaign::{Action, Mail, Notify, WaitFor, Webhook};
use crate::model::delay::Span;
use crate::model::id::{CampaignId, TemplateName};
use crate::model::nearest;
use crate::model::template::Format;

const ACTIONS: &str = "a step has one of send, test, wait_for, enrol, notify, webhook, set and exit";

/// How long a web address may take to answer, unless the file says otherwise.
const WEBHOOK_TIMEOUT: Span = Span { days: 0, seconds: 10 };

/// Reads the one thing that a step does.
pub(super) fn read(source: &mut Source, fields: &mut Fields<'_>, about: About<'_>) -> Option<Action> {
    let About { step, around, .. } = about;
    let names = ["send", "test", "wait_for", "enrol", "notify", "webhook", "set", "exit"];
    let given: Vec<&(Key, Node)> = names.into_iter().filter_map(|name| fields.take_entry(name)).collect();
    let lines = [("subject", fields.take("subject")), ("preheader", fields.take("preheader"))];
    let beside = Beside::take(fields);
    let (key, node) = match given.as_slice() {
        [] => {
            let span = fields.span.start..fields.span.start;
            source.error(span, format!("step `{step}` does nothing"), Some(ACTIONS));
            return None;
        }
        [one] => one,
        [_, (key, _), ..] => {
            let message = format!("step `{step}` does two things; `{}` is one too many", key.name);
            let has = |name: &str| given.iter().any(|(key, _)| key.name == name);
            let hint = if has("test") && has("send") {
                "put `send` into each variant: `test: { a: { send: … }, b: { send: …, subject: … } }`"
            } else {
                ACTIONS
            };
            source.error(key.span.clone(), message, Some(hint));
            return None;
        }
    };
    for (name, node) in lines {
        if let Some(node) = node.filter(|_| key.name != "send") {
            source.error(node.span.clone(), format!("`{name}` goes with `send` alone"), None);
        }
    }
    if key.name != "test" {
        beside.refuse(source);
    }
    match key.name.as_str() {
        "send" => {
            let template = template(source, node, step, around)?;
            let [subject, preheader] = lines.map(|(name, node)| node.and_then(|node| source.line(node, name)));
            Some(Action::Send(Mail { template, subject, preheader, sender: None }))
        }
        "test" => contents::read(source, node, &beside, about).map(Action::Test),
        "wait_for" => wait_for(source, node, around).map(Action::WaitFor),
        "enrol" => enrol(source, node, around).map(Action::Enrol),
        "notify" => notify(source, node, step, around).map(Action::Notify),
        "webhook" => webhook(source, node).map(Action::Webhook),
        "set" => set_attributes(source, node).map(Action::Set),
        _ => match &node.kind {
            Kind::Null => Some(Action::Exit("exit step".to_owned())),
            _ => source.text(node, "exit").map(|reason| Action::Exit(reason.trim().to_owned())),
        },
    }
}

pub(super) fn template(
    source: &mut Source,
    node: &Node,
    step: &str,
    around: &Surroundings<'_>,
) -> Option<TemplateName> {
    let template = source.text(node, "send")?.trim().to_owned();
    check_template(source, node, step, &template, around);
    Some(TemplateName::new(template))
}

fn enrol(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<CampaignId> {
    let id = name(source, node, "enrol")?;
    if id == around.id {
        source.error(node.span.clone(), "the step enrols people into the campaign they are in", None);
    } else if !around.campaigns.contains(&id) {
        let hint = match nearest(&id, around.campaigns.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write campaigns/{id}.yaml"),
        };
        source.error(node.span.clone(), format!("there is no campaign `{id}`"), Some(&hint));
    }
    Some(CampaignId::new(id))
}

fn wait_for(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<WaitFor> {
    let mut fields = source.fields(node, "`wait_for`")?;
    let event = fields.need(source, "event", "`wait_for`").and_then(|node| name(source, node, "event"));
    let condition_node = fields.take("where");
    let condition = condition_node.and_then(|node| condition(source, node, "where", true, around));
    let at_most =
        fields.need(source, "at_most", "`wait_for`").and_then(|node| source.parse(node, "at_most", Span::parse));
    fields.finish(source);
    Some(WaitFor { event: event?, condition, at_most: at_most? })
}

fn notify(source: &mut Source, node: &Node, step: &str, around: &Surroundings<'_>) -> Option<Notify> {
    let address = |text: &str| Address::parse(text).map_err(|error| error.to_string());
    if let Kind::Scalar(_) = node.kind {
        let to = source.parse(node, "notify", address)?;
        return Some(Notify { to, template: None, subject: None });
    }
    let mut fields = source.fields(node, "`notify`")?;
    let to = fields.need(source, "to", "`notify`").and_then(|node| source.parse(node, "to", address));
    let template = fields.take("send").map(|node| template(source, node, step, around));
    let subject = fields.take("subject").and_then(|node| source.line(node, "subject"));
    fields.finish(source);
    Some(Notify { to: to?, template: template.map_or(Some(None), |found| found.map(Some))?, subject })
}

fn webhook(source: &mut Source, node: &Node) -> Option<Webhook> {
    if let Kind::Scalar(_) = node.kind {
        let url = source.parse(node, "webhook", url)?;
        return Some(Webhook { url, headers: Vec::new(), json: None, timeout: WEBHOOK_TIMEOUT });
    }
    let mut fields = source.fields(node, "`webhook`")?;
    let url = fields.need(source, "url", "`webhook`").and_then(|node| source.parse(node, "url", url));
    let headers = fields.take("headers").map(|node| headers(source, node)).unwrap_or_default();
    let json = fields.take("json").map(|node| json(source, node));
    let timeout = fields.take("timeout").map(|node| source.parse(node, "timeout", timeout));
    fields.finish(source);
    Some(Webhook { url: url?, headers, json, timeout: timeout.unwrap_or(Some(WEBHOOK_TIMEOUT))? })
}

/// Checks a web address; `${NAME}` in it stands for a variable of the environment.
fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        _ if text.starts_with("${") => Ok(text.to_owned()),
        Some(host) if host.contains('@') => {
            Err("a password stands in the address of the webhook; send it as a header: `headers: { Authorization: \"Bearer ${TOKEN}\" }`".to_owned())
        }
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not a web address; write `https://crm.example/contacts`")),
    }
}

fn headers(source: &mut Source, node: &Node) -> Vec<(String, String)> {
    let Kind::Map(entries) = &node.kind else {
        source.error(node.span.clone(), "`headers` must be a mapping of names to values", None);
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (key, value) in entries {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if key.name.is_empty() || !key.name.bytes().all(token) {
            source.error(key.span.clone(), format!("`{}` is not the name of a header", key.name), None);
        }
        let Some(text) = source.text(value, &key.name) else { continue };
        if text.chars().any(char::is_control) {
            source.error(value.span.clone(), format!("header `{}` holds a line break", key.name), None);
        }
        let secret = ["authorization", "cookie"].contains(&key.name.to_lowercase().as_str())
            || ["key", "token", "secret"].iter().any(|word| key.name.to_lowercase().contains(word));
        if secret && !text.contains("${") {
            let hint = "write `\"Bearer ${CRM_TOKEN}\"` and set CRM_TOKEN where the crontab is";
            source.error(
                value.span.clone(),
                format!("a secret stands in header `{}`, and so in git", key.name),
                Some(hint),
            );
        }
        headers.push((key.name.clone(), text.to_owned()));
    }
    headers
}

fn timeout(text: &str) -> Result<Span, String> {
    let span = Span::parse(text)?;
    if span.days == 0 && (1..=60).contains(&span.seconds) {
        Ok(span)
    } else {
        Err(format!("`{text}` is not a time-out for a web address; write 1s to 60s"))
    }
}

/// Turns the tree of a file into JSON; its texts are templates.
fn json(source: &mut Source, node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Scalar(text) if text.contains("{{") => source.line(node, "json").map_or(Value::Null, Value::String),
        Kind::Scalar(text) => scalar(text, source.text.get(node.span.clone()).unwrap_or_default()),
        Kind::List(items) => items.iter().map(|item| json(source, item)).collect(),
        Kind::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.name.clone(), json(source, value))).collect())
        }
    }
}

fn check_template(source: &mut Source, node: &Node, step: &str, template: &str, around: &Surroundings<'_>) {
    let mails =
        || around.templates.iter().filter(|file| file.format != Format::Text && !file.name.as_str().starts_with('_'));
    if mails().any(|file| file.name.as_str() == template) {
        return;
    }
    if template.starts_with('_') {
        let hint = "a layout or a partial is used by templates and not sent itself; name a template";
        source.error(node.span.clone(), format!("step `{step}` cannot send `{template}`"), Some(hint));
        return;
    }
    let bare =
        template.rsplit_once('.').filter(|(_, ending)| Format::from_ending(ending).is_some()).map(|(bare, _)| bare);
    let hint = match bare.filter(|bare| mails().any(|file| file.name.as_str() == *bare)) {
        Some(bare) => format!("leave the ending out: `{bare}`"),
        None => match nearest(template, mails().map(|file| file.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write templates/{template}.md, .mjml or .html"),
        },
    };
    source.error(node.span.clone(), format!("step `{step}` has no template `{template}`"), Some(&hint));
}

fn set_attributes(source: &mut Source, node: &Node) -> Option<Map<String, Value>> {
    let Kind::Map(entries) = &node.kind else {
        source.error(node.span.clone(), "`set` must be a mapping of attributes", Some("write `set: { plan: pro }`"));
        return None;
    };
    let mut attributes = Map::new();
    for (key, value) in entries {
        if ["email", "tags", "timezone", "language", "consent"].contains(&key.name.as_str()) {
            source.error(key.span.clone(), format!("`{}` is no attribute and cannot be set", key.name), None);
        }
        let value = match &value.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(text) => scalar(text, source.text.get(value.span.clone()).unwrap_or_default()),
            _ => {
                source.error(
                    value.span.clone(),
                    format!("`{}` must be one value, not {}", key.name, value.what()),
                    None,
                );
                continue;
            }
        };
        attributes.insert(key.name.clone(), value);
    }
    Some(attributes)
}

/// Returns a scalar with its type; one in quotes is a text.
fn scalar(text: &str, written: &str) -> Value {
    if written.trim_start().starts_with(['"', '\'']) {
        return text.into();
    }
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), _) if number.to_string() == text => number.into(),
            (_, Ok(number)) if number.is_finite() && text.contains('.') => number.into(),
            _ => text.into(),
        },
    }
}
