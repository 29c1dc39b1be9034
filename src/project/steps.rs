//! The `steps` of a campaign.

use std::collections::BTreeMap;
use std::ops::Range;

use super::actions;
use super::contents::About;
use super::fields::Source;
use super::hours::window;
use super::values::{Surroundings, condition, late, name, sender};
use super::yaml::{Kind, Node};
use crate::model::campaign::{Action, Late, Step};
use crate::model::delay::Delay;
use crate::model::id::StepId;
use crate::model::nearest;
use crate::model::window::Window;

/// What a step inherits from its campaign.
pub(super) struct Defaults {
    pub(super) window: Window,
    pub(super) late: Late,
    /// Whether the campaign has a goal.
    pub(super) has_goal: bool,
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
    // A step that is broken is there all the same, and what names it is right.
    if steps.len() == items.len() {
        reactions(source, &steps, &conditions);
    }
    steps
}

/// Checks that the steps that conditions name are there.
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
        for named in condition.waits() {
            let waits = |step: &&Step| step.id.as_str() == named && matches!(step.action, Action::WaitFor(_));
            if !steps.iter().any(|step| waits(&step)) && steps.iter().any(|step| step.is_called(named)) {
                let message = format!("step `{named}` does not wait, so nothing can come or time out there");
                source.error(node.span.clone(), message, Some("name a `wait_for` step by its present id"));
            }
        }
    }
}

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
    let late = fields.take("late").and_then(|node| source.parse(node, "late", late));
    let label = id.as_ref().map_or("?", StepId::as_str).to_owned();
    let sender = fields.take("sender").and_then(|node| sender(source, node, around));
    let about = About { step: &label, has_goal: defaults.has_goal, around };
    let action = actions::read(source, &mut fields, about);
    // The hours of a campaign are those of its readers; a call or a note to a colleague keeps its own alone.
    let inherited = if action.as_ref().is_none_or(Action::is_mail) { &defaults.window } else { &Window::default() };
    let window = window(source, &mut fields, inherited);
    fields.finish(source);
    let step = Step {
        id: id?,
        was,
        condition,
        delay: delay.unwrap_or_default(),
        window,
        late: late.unwrap_or(defaults.late),
        sender,
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
