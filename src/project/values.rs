//! Values that stand under more than one key: names, conditions, senders, mailboxes, hours.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fields::Source;
use super::yaml::Node;
use crate::model::address::Address;
use crate::model::campaign::Late;
use crate::model::condition::Condition;
use crate::model::delay::Span;
use crate::model::id::is_name;
use crate::model::nearest;
use crate::model::settings::{Mailbox, Sender, Topic};
use crate::model::template::TemplateFile;
use crate::model::terms::Terms;
use crate::model::window::Window;

/// What a campaign file is read against.
pub(super) struct Surroundings<'a> {
    /// What the campaign at hand is called.
    pub(super) id: &'a str,
    /// What the campaigns are called, also those whose files are broken.
    pub(super) campaigns: &'a [String],
    pub(super) window: Window,
    /// `None`: drip.yaml could not be read, and what it names is not known.
    pub(super) words: Option<Words>,
    pub(super) senders: Option<&'a BTreeMap<String, Sender>>,
    pub(super) topics: Option<&'a [(String, Topic)]>,
    /// Whether links can lead to `drip serve`.
    pub(super) has_web: Option<bool>,
    /// Whether it is counted who follows links.
    pub(super) clicks: Option<bool>,
    pub(super) templates: &'a [TemplateFile],
}

/// What conditions may name that drip.yaml gives a meaning to.
pub(super) struct Words {
    pub(super) segments: Vec<String>,
    pub(super) has_score: bool,
    /// The points that no score goes beyond.
    pub(super) most_points: Option<f64>,
    pub(super) stages: Vec<String>,
}

impl From<&Terms> for Words {
    fn from(terms: &Terms) -> Self {
        Self {
            segments: terms.segments.keys().cloned().collect(),
            has_score: terms.score.is_some(),
            most_points: terms.score.as_ref().and_then(|score| score.at_most),
            stages: terms.stages.iter().map(|stage| stage.name.clone()).collect(),
        }
    }
}

impl Words {
    /// Notes what a condition names and drip.yaml does not.
    pub(super) fn check(&self, source: &mut Source, condition: &Condition, span: &Range<usize>) {
        let known: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        for name in condition.segments() {
            unknown(source, "segment", name, span, &known);
        }
        let known: Vec<&str> = self.stages.iter().map(String::as_str).collect();
        for name in condition.stages().filter(|_| !known.is_empty()) {
            unknown(source, "stage", name, span, &known);
        }
        for (_, message, hint) in condition.unmeant(self.has_score, !self.stages.is_empty()) {
            source.error(span.clone(), message, Some(hint));
        }
    }
}

/// What a name may be made of.
pub(super) const NAME_HINT: &str = "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit";

/// Reads a condition and checks what it names.
pub(super) fn condition(
    source: &mut Source,
    node: &Node,
    what: &str,
    has_event: bool,
    around: &Surroundings<'_>,
) -> Option<Condition> {
    let condition = source.condition(node, what)?;
    if condition.reads_trigger() && !has_event {
        let message = format!("`{what}` looks at `event`, which is known in `where` alone");
        source.error(
            node.span.clone(),
            message,
            Some("use did(\"…\"), or move the condition to the trigger's `where`"),
        );
    }
    if let Some(words) = &around.words {
        words.check(source, &condition, &node.span);
    }
    Some(condition)
}

/// Reads the name of one of the project's senders.
pub(super) fn sender(source: &mut Source, node: &Node, around: &Surroundings<'_>) -> Option<String> {
    let text = source.text(node, "sender")?.trim().to_owned();
    if let Some(senders) = around.senders {
        let known: Vec<&str> = senders.keys().map(String::as_str).collect();
        unknown(source, "sender", &text, &node.span, &known);
    }
    Some(text)
}

/// Reads a name of an event, tag or the like.
pub(super) fn name(source: &mut Source, node: &Node, what: &str) -> Option<String> {
    let text = source.text(node, what)?.trim().to_owned();
    if !is_name(&text) {
        source.error(node.span.clone(), format!("`{text}` is not a name for `{what}`"), Some(NAME_HINT));
    }
    Some(text)
}

/// Reads `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    }
}

/// Reads `send` or `skip after 3d`.
pub(super) fn late(text: &str) -> Result<Late, String> {
    match text.strip_prefix("skip after ") {
        Some(span) => Span::parse(span.trim()).map(Late::SkipAfter),
        None if text == "send" => Ok(Late::Send),
        None => Err(format!("`{text}` is not known for `late`; write `send` or `skip after 3d`")),
    }
}

/// Reads `Acme <hello@acme.example>`.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
        None => (None, text),
    };
    let address = Address::parse(address).map_err(|error| format!("{error}; write `Acme <hello@acme.example>`"))?;
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    if name.as_deref().is_some_and(|name| name.contains('@')) {
        return Err("the name of a sender must not hold an `@`; mail readers take it for fraud".to_owned());
    }
    Ok(Mailbox { name, address })
}

/// Notes a sender, segment or topic that is not there.
pub(super) fn unknown(source: &mut Source, what: &str, name: &str, span: &Range<usize>, known: &[&str]) {
    if known.contains(&name) {
        return;
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name it under `{what}s` in drip.yaml"),
    };
    source.error(span.clone(), format!("there is no {what} `{name}`"), Some(&hint));
}
