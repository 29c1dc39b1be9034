//! One campaign file → a campaign.

use super::fields::Source;
use super::hours::window;
use super::topics::topic;
use super::values::{Surroundings, condition, late, name, sender, truth};
use super::yaml::{Kind, Node};
use super::{standing, steps};
use crate::model::campaign::{AtEnd, Campaign, Existing, Goal, Reentry, Trigger};
use crate::model::date::Offset;
use crate::model::delay::Span;
use crate::model::id::CampaignId;
use crate::model::window::Window;

/// A campaign, and the nodes of its conditions for later checks.
pub(super) fn read(source: &mut Source, root: &Node, around: &Surroundings<'_>) -> Option<Campaign> {
    let id = around.id;
    let before = source.problems.len();
    let mut fields = source.fields(root, "a campaign")?;
    let name = fields.take("name").and_then(|node| source.text(node, "name")).map(|name| name.trim().to_owned());
    let triggers = fields.need(source, "trigger", "the campaign").map(|node| triggers(source, node, around));
    // A birthday that comes once in a lifetime is nobody's intention.
    let is_yearly = |trigger: &Trigger| matches!(trigger, Trigger::Date { yearly: true, .. });
    let yearly = triggers.iter().flatten().any(is_yearly);
    let asks = triggers.iter().flatten().any(|trigger| matches!(trigger, Trigger::Pending));
    let reentry = fields.take("reentry").and_then(|node| source.parse(node, "reentry", reentry));
    let existing = fields.take("existing").and_then(|node| {
        source.parse(node, "existing", |text| word(text, &[("skip", Existing::Skip), ("include", Existing::Include)]))
    });
    let goal = fields.take("goal").and_then(|node| goal(source, node, around)).or_else(|| asks.then(confirmed));
    let exit_when = fields.take("exit_when").and_then(|node| condition(source, node, "exit_when", false, around));
    // Who has just asked for mail waits at any hour for the question whether they did.
    let at_any_hour = Window::default();
    let window = window(source, &mut fields, if asks { &at_any_hour } else { &around.window });
    let late = fields.take("late").and_then(|node| source.parse(node, "late", late));
    let at_end = fields.take("at_end").and_then(|node| {
        source.parse(node, "at_end", |text| word(text, &[("close", AtEnd::Close), ("hold", AtEnd::Hold)]))
    });
    let priority = fields.take("priority").and_then(|node| {
        source.parse(node, "priority", |text| {
            text.parse().map_err(|_| format!("`{text}` is not a whole number; a higher one goes first"))
        })
    });
    let sender = fields.take("sender").and_then(|node| sender(source, node, around));
    let topic = fields.take("topic").and_then(|node| topic(source, node, around));
    let holdout = fields.take("holdout").and_then(|node| holdout(source, node, goal.as_ref(), asks));
    let steps_node = fields.need(source, "steps", "the campaign");
    fields.finish(source);
    let defaults = steps::Defaults { window, late: late.unwrap_or_default(), has_goal: goal.is_some() };
    let steps = steps_node.map(|node| steps::read(source, node, &defaults, around));
    if source.problems.len() > before {
        return None;
    }
    Some(Campaign {
        id: CampaignId::new(id),
        name: name.unwrap_or_else(|| id.to_owned()),
        triggers: triggers?,
        reentry: reentry.unwrap_or(if yearly { Reentry::Always } else { Reentry::Never }),
        existing: existing.unwrap_or_default(),
        goal,
        exit_when,
        at_end: at_end.unwrap_or_default(),
        priority: priority.unwrap_or(0),
        sender,
        topic,
        holdout,
        steps: steps?,
        fingerprint: String::new(),
    })
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("`{text}` is not known here; write {}", known.join(" or "))
    })
}

fn reentry(text: &str) -> Result<Reentry, String> {
    match (text, text.strip_prefix("after ")) {
        ("never", _) => Ok(Reentry::Never),
        ("always", _) => Ok(Reentry::Always),
        (_, Some(span)) => Span::parse(span.trim()).map(Reentry::After),
        _ => Err(format!("`{text}` is not known for `reentry`; write `never`, `always` or `after 90d`")),
    }
}

fn triggers(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Vec<Trigger> {
    match &node.kind {
        Kind::List(items) if items.is_empty() => {
            source.error(
                node.span.clone(),
                "`trigger` is an empty list",
                Some("write `manual` to let people in by hand"),
            );
            Vec::new()
        }
        Kind::List(items) => {
            let triggers: Vec<_> = items.iter().filter_map(|item| trigger(source, item, around)).collect();
            let others = triggers.iter().any(|trigger| !matches!(trigger, Trigger::Pending | Trigger::Manual));
            if others && triggers.iter().any(|trigger| matches!(trigger, Trigger::Pending)) {
                let hint =
                    "who has not confirmed gets the mails of a campaign of its own, with `trigger: pending` alone";
                source.error(node.span.clone(), "`pending` does not go with other triggers", Some(hint));
            }
            triggers
        }
        _ => trigger(source, node, around).into_iter().collect(),
    }
}

const TRIGGERS: &str = "write `manual` or `pending`, or one of event, tag, segment, stage, score, date and inactive, as `trigger: { event: signed_up }`";

fn trigger(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<Trigger> {
    if let Kind::Scalar(text) = &node.kind {
        if text == "manual" {
            return Some(Trigger::Manual);
        }
        if text == "pending" {
            return pending(source, node, around);
        }
        source.error(node.span.clone(), format!("`{text}` is not a trigger"), Some(TRIGGERS));
        return None;
    }
    let mut fields = source.fields(node, "`trigger`")?;
    let event = fields.take("event");
    let condition_node = fields.take("where");
    let tag = fields.take("tag");
    let segment = fields.take("segment");
    let stage = fields.take("stage");
    let score = fields.take("score");
    let inactive = fields.take("inactive");
    let manual = fields.take_entry("manual");
    let date = fields.take("date");
    let offset = fields.take("offset");
    let yearly = fields.take("yearly");
    fields.finish(source);
    for node in [offset, yearly].into_iter().flatten().filter(|_| date.is_none()) {
        source.error(node.span.clone(), "`offset` and `yearly` go with `date` alone", Some(TRIGGERS));
    }
    if let (Some(node), None) = (condition_node, event) {
        source.error(
            node.span.clone(),
            "`where` goes with `event` alone",
            Some("a condition on the contact is a `segment`"),
        );
    }
    let given = [event, tag, segment, stage, score, inactive, date].iter().flatten().count();
    if given + usize::from(manual.is_some()) != 1 {
        source.error(node.span.clone(), "a trigger needs exactly one of its kinds", Some(TRIGGERS));
        return None;
    }
    if let Some(node) = event {
        let condition = condition_node.and_then(|node| condition(source, node, "where", true, around));
        return name(source, node, "event").map(|name| Trigger::Event { name, condition });
    }
    if let Some(node) = tag {
        return source.text(node, "tag").map(|tag| Trigger::Tag(tag.trim().to_owned()));
    }
    if let Some(node) = segment {
        return condition(source, node, "segment", false, around).map(Trigger::Segment);
    }
    if let Some(node) = stage {
        return standing::stage(source, node, around);
    }
    if let Some(node) = score {
        return standing::score(source, node, around);
    }
    if let Some(node) = inactive {
        let mut fields = source.fields(node, "`inactive`")?;
        let event = fields.need(source, "event", "`inactive`").and_then(|node| name(source, node, "event"));
        let span = fields.need(source, "for", "`inactive`").and_then(|node| source.parse(node, "for", Span::parse));
        fields.finish(source);
        return Some(Trigger::Inactive { event: event?, span: span? });
    }
    if let Some(node) = date {
        let attribute = source.text(node, "date").map(|name| name.trim().to_owned());
        let offset = offset.map(|node| source.parse(node, "offset", Offset::parse));
        let yearly = yearly.map(|node| source.parse(node, "yearly", truth));
        return Some(Trigger::Date {
            attribute: attribute?,
            offset: offset.unwrap_or_else(|| Some(Offset::default()))?,
            yearly: yearly.unwrap_or(Some(false))?,
        });
    }
    Some(Trigger::Manual)
}

/// Being pending: the trigger of a campaign that asks for confirmation.
fn pending(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<Trigger> {
    if around.has_web == Some(false) {
        let hint = "write `public_url: https://mail.acme.example` into drip.yaml, the address under which readers reach `drip serve`";
        source.error(node.span.clone(), "`pending` needs a `public_url`, to which `{{confirm_url}}` leads", Some(hint));
        return None;
    }
    Some(Trigger::Pending)
}

/// The hundredths of those who enter that get nothing.
fn holdout(source: &mut Source, node: &Node, goal: Option<&Goal>, asks: bool) -> Option<u32> {
    let hundredths =
        source.parse(node, "holdout", |text| match text.strip_suffix('%').unwrap_or(text).trim().parse() {
            Ok(hundredths @ 1..=90) => Ok(hundredths),
            _ => Err(format!("`{text}` is not a share to hold out; write 1% to 90%")),
        });
    if asks {
        let hint = "leave it out: whoever is not asked can never say yes";
        source.error(node.span.clone(), "`holdout` does not go with `trigger: pending`", Some(hint));
    } else if goal.is_none_or(|goal| goal.within.is_none()) {
        let hint = "write `goal: { event: purchased, within: 30d }`: all are watched for the same time then";
        source.error(node.span.clone(), "`holdout` needs a `goal` with `within`", Some(hint));
    }
    hundredths
}

/// What a campaign is for that asks for confirmation.
fn confirmed() -> Goal {
    Goal { event: "confirmed".to_owned(), condition: None, within: Span::parse("365d").ok() }
}

fn goal(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<Goal> {
    if let Kind::Scalar(_) = node.kind {
        return name(source, node, "goal").map(|event| Goal { event, condition: None, within: None });
    }
    let mut fields = source.fields(node, "`goal`")?;
    let event = fields.need(source, "event", "`goal`").and_then(|node| name(source, node, "event"));
    let condition = fields.take("where").and_then(|node| condition(source, node, "where", true, around));
    let within = fields.take("within").and_then(|node| source.parse(node, "within", Span::parse));
    fields.finish(source);
    Some(Goal { event: event?, condition, within })
}
