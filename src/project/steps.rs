//! The `steps` of a campaign.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::campaign::{Surroundings, condition, late, name};
use super::fields::{Fields, Source};
use super::settings::window;
use super::yaml::{Kind, Node};
use crate::model::campaign::{Action, Late, Mail, Step};
use crate::model::delay::Delay;
use crate::model::id::{StepId, TemplateName};
use crate::model::nearest;
use crate::model::template::Format;
use crate::model::window::Window;

/// What a step inherits from its campaign.
pub(super) struct Defaults {
    pub(super) window: Window,
    pub(super) late: Late,
}

pub(super) fn read(source: &mut Source, node: &Node, defaults: &Defaults, around: &Surroundings<'_>) -> Vec<Step> {
    let Kind::List(items) = &node.kind else {
        source.error(
            node.span.clone(),
            format!("`steps` must be a list, not {}", node.what()),
            Some("begin each step with `- id: …`"),
        );
        return Vec::new();
    };
    if items.is_empty() {
        source.error(node.span.clone(), "the campaign has no steps", Some("begin each step with `- id: …`"));
    }
    let mut taken: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let mut steps = Vec::new();
    let mut conditions = Vec::new();
    for item in items {
        let Some((step, condition_node)) = step(source, item, defaults, around, &mut taken) else { continue };
        if let Some(node) = condition_node {
            conditions.push((steps.len(), node));
        }
        steps.push(step);
    }
    reactions(source, &steps, &conditions);
    steps
}

/// Checks that the steps named in `opened`, `clicked` and `replied` are there.
fn reactions(source: &mut Source, steps: &[Step], conditions: &[(usize, &Node)]) {
    for (index, node) in conditions {
        let Some(condition) = &steps[*index].condition else { continue };
        for named in condition.steps() {
            if steps.iter().any(|step| step.is_called(named)) {
                continue;
            }
            let hint =
                nearest(named, steps.iter().map(|step| step.id.as_str())).map(|near| format!("did you mean `{near}`?"));
            source.error(node.span.clone(), format!("there is no step `{named}` in this campaign"), hint.as_deref());
        }
    }
}

const ACTIONS: &str = "a step has one of send, set and exit";

fn step<'n>(
    source: &mut Source,
    node: &'n Node,
    defaults: &Defaults,
    around: &Surroundings<'_>,
    taken: &mut BTreeMap<String, Range<usize>>,
) -> Option<(Step, Option<&'n Node>)> {
    let mut fields = source.fields(node, "a step")?;
    let id = fields.need(source, "id", "the step").and_then(|node| id(source, node, taken));
    let was = fields.take("was").map(|node| was(source, node, taken)).unwrap_or_default();
    let condition_node = fields.take("if");
    let condition = condition_node.and_then(|node| condition(source, node, "if", false, around));
    let delay = fields.take("delay").and_then(|node| source.parse(node, "delay", Delay::parse));
    let window = window(source, &mut fields, defaults.window);
    let late = fields.take("late").and_then(|node| source.parse(node, "late", late));
    let label = id.as_ref().map_or("?", StepId::as_str).to_owned();
    let action = action(source, &mut fields, &label, around);
    fields.refuse(source, &["wait_for", "test", "enrol", "notify", "webhook"]);
    fields.finish(source);
    let step = Step {
        id: id?,
        was,
        condition,
        delay: delay.unwrap_or_default(),
        window,
        late: late.unwrap_or(defaults.late),
        action: action?,
    };
    Some((step, condition_node))
}

fn id(source: &mut Source, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Option<StepId> {
    let text = name(source, node, "id")?;
    if let Some(first) = taken.get(&text) {
        let (line, _) = source.place(first.clone()).line_column();
        let message = format!("step id `{text}` is taken: a step in line {line} has it, or had it");
        source.error(node.span.clone(), message, Some("ids are for ever; give this step one of its own"));
    }
    taken.entry(text.clone()).or_insert_with(|| node.span.clone());
    Some(StepId::new(text))
}

fn was(source: &mut Source, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Vec<StepId> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| id(source, item, taken)).collect(),
        _ => id(source, node, taken).into_iter().collect(),
    }
}

fn action(source: &mut Source, fields: &mut Fields<'_>, step: &str, around: &Surroundings<'_>) -> Option<Action> {
    let send = fields.take_entry("send");
    let subject = fields.take("subject");
    let set = fields.take_entry("set");
    let exit = fields.take_entry("exit");
    let given: Vec<_> = [send, set, exit].into_iter().flatten().collect();
    if let (Some(node), None) = (subject, send) {
        source.error(node.span.clone(), "`subject` goes with `send` alone", None);
    }
    match given.as_slice() {
        [] => {
            // What comes later in the language is refused in its own words.
            let span = fields.span.start..fields.span.start;
            if !fields.has_any(&["wait_for", "test", "enrol", "notify", "webhook"]) {
                source.error(span, format!("step `{step}` does nothing"), Some(ACTIONS));
            }
            return None;
        }
        [_] => {}
        [_, (key, _), ..] => {
            let message = format!("step `{step}` does two things; `{}` is one too many", key.name);
            source.error(key.span.clone(), message, Some(ACTIONS));
            return None;
        }
    }
    if let Some((_, node)) = send {
        let template = source.text(node, "send")?.trim().to_owned();
        check_template(source, node, step, &template, around);
        let subject = subject.and_then(|node| source.text(node, "subject")).map(str::to_owned);
        return Some(Action::Send(Mail { template: TemplateName::new(template), subject }));
    }
    if let Some((_, node)) = set {
        return set_attributes(source, node).map(Action::Set);
    }
    let (_, node) = exit?;
    match &node.kind {
        Kind::Null => Some(Action::Exit("exit step".to_owned())),
        _ => source.text(node, "exit").map(|reason| Action::Exit(reason.trim().to_owned())),
    }
}

fn check_template(source: &mut Source, node: &Node, step: &str, template: &str, around: &Surroundings<'_>) {
    let mails =
        || around.templates.iter().filter(|file| file.format != Format::Text && !file.name.as_str().starts_with('_'));
    if mails().any(|file| file.name.as_str() == template) {
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
