//! `test`, `shares` and `winner` of a step: several contents, who gets which, and when one has won.

use super::actions::template;
use super::fields::{Fields, Source};
use super::values::{Surroundings, sender};
use super::yaml::{Key, Kind, Node};
use crate::model::campaign::Mail;
use crate::model::delay::Span;
use crate::model::id::{TemplateName, is_name};
use crate::model::variant::{Factor, Metric, Shares, Test, Thompson, Variant, Winner};

/// What contents may differ in, where that is tested part by part.
const FACTORS: [&str; 4] = ["subject", "preheader", "send", "sender"];
/// More contents than this get too few people each.
const MOST: usize = 20;
/// How long a mail is given to work under `shares: thompson`, unless the file says otherwise, and what each content gets.
const GOAL_AFTER: Span = Span { days: 7, seconds: 0 };
const CLICK_AFTER: Span = Span { days: 2, seconds: 0 };
const FLOOR: u32 = 5;

/// What a test is read against.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// What the step is called.
    pub(super) step: &'a str,
    /// Whether the campaign has a goal.
    pub(super) has_goal: bool,
    pub(super) around: &'a Surroundings<'a>,
}

/// The keys that stand beside `test`.
pub(super) struct Beside<'n> {
    pub(super) shares: Option<&'n Node>,
    pub(super) winner: Option<&'n Node>,
}

impl<'n> Beside<'n> {
    pub(super) fn take(fields: &mut Fields<'n>) -> Self {
        Self { shares: fields.take("shares"), winner: fields.take("winner") }
    }

    /// Refuses the keys where there is no test.
    pub(super) fn refuse(&self, source: &mut Source) {
        for (name, node) in [("shares", self.shares), ("winner", self.winner)] {
            if let Some(node) = node {
                source.error(node.span.clone(), format!("`{name}` goes with `test` alone"), None);
            }
        }
    }
}

/// Reads a test.
pub(super) fn read(source: &mut Source, node: &Node, beside: &Beside<'_>, about: About<'_>) -> Option<Test> {
    let contents = contents(source, node, about);
    let number = contents.as_ref().map_or(2, |(variants, _)| variants.len());
    let shares = beside.shares.map(|node| shares(source, node, number, about));
    let winner = beside.winner.map(|node| winner(source, node, about));
    if let (Some(shares), Some(winner)) = (beside.shares, beside.winner) {
        let span = if winner.span.start > shares.span.start { &winner.span } else { &shares.span };
        let hint = "write one of them: with `shares: thompson` the better content gets more and more by itself";
        source.error(span.clone(), "`winner` does not go with `shares`", Some(hint));
    }
    let (variants, factors) = contents?;
    let fixed = |(key, _): &(Key, Node)| key.name == "share";
    if let (Some(node), Kind::Map(entries)) = (beside.shares, &node.kind) {
        let has_share = |node: &Node| matches!(&node.kind, Kind::Map(fields) if fields.iter().any(fixed));
        if factors.is_empty() && entries.iter().any(|(_, node)| has_share(node)) {
            let hint = "leave the `share` of each content out";
            source.error(node.span.clone(), "the test has shares that stand fast, and shares that move", Some(hint));
        }
    }
    Some(Test {
        variants,
        factors,
        shares: shares.map_or(Some(Shares::Fixed), |shares| shares)?,
        winner: winner.map_or(Some(None), |winner| winner.map(Some))?,
    })
}

fn contents(source: &mut Source, node: &Node, about: About<'_>) -> Option<(Vec<Variant>, Vec<Factor>)> {
    let Kind::Map(entries) = &node.kind else {
        let hint = "write `test: { a: { send: … }, b: { send: …, subject: … } }`";
        let message = format!("`test` must be a mapping of variants, not {}", node.what());
        source.error(node.span.clone(), message, Some(hint));
        return None;
    };
    let is_factor = |(key, node): &(Key, Node)| FACTORS.contains(&key.name.as_str()) && !is_content(node);
    match entries.iter().find(|entry| is_factor(entry)) {
        None => variants(source, node, entries, about).map(|variants| (variants, Vec::new())),
        Some((factor, _)) => {
            if let Some((key, _)) = entries.iter().find(|entry| !is_factor(entry)) {
                let hint = "a test has either contents, each with a `send`, or what they differ in: subject, preheader, send, sender";
                let message = format!("`{}` is a part of a mail, and `{}` is none", factor.name, key.name);
                source.error(key.span.clone(), message, Some(hint));
                return None;
            }
            combined(source, node, about)
        }
    }
}

/// Says whether something is a whole content, whatever it is called.
fn is_content(node: &Node) -> bool {
    matches!(&node.kind, Kind::Map(fields) if fields.iter().any(|(key, _)| key.name == "send"))
}

/// Reads whole contents: those without a share divide what the others leave of 100.
fn variants(source: &mut Source, node: &Node, entries: &[(Key, Node)], about: About<'_>) -> Option<Vec<Variant>> {
    if entries.len() < 2 {
        source.error(node.span.clone(), "a test needs at least two variants", Some("for one mail write `send`"));
        return None;
    }
    let mut variants = Vec::new();
    for (key, node) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name for a variant", key.name), None);
        }
        let Some(mut fields) = source.fields(node, "a variant") else { continue };
        let template = fields
            .need(source, "send", "the variant")
            .and_then(|node| template(source, node, about.step, about.around));
        let subject = fields.take("subject").and_then(|node| source.line(node, "subject"));
        let preheader = fields.take("preheader").and_then(|node| source.line(node, "preheader"));
        let sender = fields.take("sender").and_then(|node| sender(source, node, about.around));
        let share = fields.take("share").map(|node| source.parse(node, "share", share));
        fields.finish(source);
        if let (Some(template), share) = (template, share.map_or(Some(None), |share| share.map(Some))) {
            variants.push((key.name.clone(), share?, Mail { template, subject, preheader, sender }));
        }
    }
    let named: u32 = variants.iter().filter_map(|(_, share, _)| *share).sum();
    let open = u32::try_from(variants.iter().filter(|(_, share, _)| share.is_none()).count()).unwrap_or(u32::MAX);
    if named > 100 || (open > 0 && named == 100) || (open == 0 && named != 100) {
        let message = format!("the shares of the test add up to {named}");
        let hint = "they are hundredths and make 100; a variant without a share gets a part of what is left";
        source.error(node.span.clone(), message, Some(hint));
        return None;
    }
    // In units of a hundredth of the number of open variants, so that thirds are thirds.
    let unit = open.max(1);
    Some(
        variants
            .into_iter()
            .map(|(name, share, mail)| Variant { name, share: share.map_or(100 - named, |share| share * unit), mail })
            .collect(),
    )
}

/// One part of a mail: what is written for everyone, or under the name of each level.
struct Part {
    name: &'static str,
    /// Without a name where it is the same for everyone.
    levels: Vec<(Option<String>, String)>,
}

/// Reads what contents differ in, and makes each combination.
fn combined(source: &mut Source, node: &Node, about: About<'_>) -> Option<(Vec<Variant>, Vec<Factor>)> {
    let before = source.problems.len();
    let Kind::Map(entries) = &node.kind else { return None };
    let mut parts = Vec::new();
    // In the order in which they stand in the file, which is the order in the names of the contents.
    for (key, node) in entries {
        let Some(name) = FACTORS.into_iter().find(|name| *name == key.name) else { continue };
        parts.extend(part(source, name, node, about));
    }
    if source.problems.len() > before {
        return None;
    }
    if !parts.iter().any(|part| part.name == "send") {
        let hint = "write `send: TEMPLATE` into it, for everyone, or several under a name each";
        source.error(node.span.start..node.span.start, "the test has no `send`", Some(hint));
        return None;
    }
    let factors: Vec<Factor> = parts
        .iter()
        .filter(|part| part.levels.len() > 1)
        .map(|part| Factor {
            name: part.name.to_owned(),
            levels: part.levels.iter().filter_map(|(name, _)| name.clone()).collect(),
        })
        .collect();
    let number: usize = factors.iter().map(|factor| factor.levels.len()).product();
    if factors.is_empty() {
        let hint = "write two or more for a part of it, as `subject: { plain: …, named: … }`";
        source.error(node.span.clone(), "all contents of the test are the same", Some(hint));
        return None;
    }
    if number > MOST {
        let hint = format!("a test has {MOST} at the most, so that each gets enough people");
        source.error(node.span.clone(), format!("the test has {number} contents"), Some(&hint));
        return None;
    }
    let mut contents: Vec<Vec<(&'static str, Option<&str>, &str)>> = vec![Vec::new()];
    for Part { name, levels } in &parts {
        contents = contents
            .iter()
            .flat_map(|before| {
                levels.iter().map(move |(level, value)| {
                    let mut content = before.clone();
                    content.push((*name, level.as_deref(), value.as_str()));
                    content
                })
            })
            .collect();
    }
    let variants = contents.into_iter().map(|content| {
        let of = |name: &str| content.iter().find(|(part, ..)| *part == name).map(|(.., value)| (*value).to_owned());
        let names: Vec<&str> = content.iter().filter_map(|(_, level, _)| *level).collect();
        let mail = Mail {
            template: TemplateName::new(of("send").unwrap_or_default()),
            subject: of("subject"),
            preheader: of("preheader"),
            sender: of("sender"),
        };
        Variant { name: names.join("+"), share: 1, mail }
    });
    Some((variants.collect(), factors))
}

fn part(source: &mut Source, name: &'static str, node: &Node, about: About<'_>) -> Option<Part> {
    let value = |source: &mut Source, node: &Node| match name {
        "send" => template(source, node, about.step, about.around).map(|name| name.as_str().to_owned()),
        "sender" => sender(source, node, about.around),
        _ => source.line(node, name),
    };
    let Kind::Map(entries) = &node.kind else {
        return value(source, node).map(|value| Part { name, levels: vec![(None, value)] });
    };
    // A text that begins with `{{` and is not in quotes looks like a mapping.
    if source.text.get(node.span.clone()).is_some_and(|text| text.starts_with("{{")) {
        source.text(node, name)?;
    }
    if entries.len() < 2 {
        let hint = format!("write two or more, or `{name}: …` for one that everyone gets");
        source.error(node.span.clone(), format!("`{name}` has only one level"), Some(&hint));
        return None;
    }
    let mut levels = Vec::new();
    for (key, node) in entries {
        if !is_name(&key.name) {
            let message = format!("`{}` is not a name for a level of `{name}`", key.name);
            source.error(key.span.clone(), message, Some(super::values::NAME_HINT));
        }
        levels.extend(value(source, node).map(|value| (Some(key.name.clone()), value)));
    }
    Some(Part { name, levels })
}

fn shares(source: &mut Source, node: &Node, number: usize, about: About<'_>) -> Option<Shares> {
    const HINT: &str = "write `shares: thompson`, or `shares: { thompson: click, after: 2d, floor: 5 }`";
    let rule = match &node.kind {
        Kind::Scalar(text) if text.trim() == "thompson" => {
            check_metric(source, node, Metric::Goal, about);
            Thompson { by: Metric::Goal, after: GOAL_AFTER, floor: FLOOR }
        }
        Kind::Map(_) => {
            let mut fields = source.fields(node, "`shares`")?;
            let by = fields.need(source, "thompson", "`shares`").and_then(|node| metric(source, node, about));
            let after = fields.take("after").map(|node| source.parse(node, "after", Span::parse));
            let floor = fields.take("floor").map(|node| source.parse(node, "floor", share));
            fields.finish(source);
            let by = by?;
            let usual = if by == Metric::Goal { GOAL_AFTER } else { CLICK_AFTER };
            Thompson { by, after: after.unwrap_or(Some(usual))?, floor: floor.unwrap_or(Some(FLOOR))? }
        }
        _ => {
            source.error(node.span.clone(), "`shares` is not known so", Some(HINT));
            return None;
        }
    };
    if u64::from(rule.floor) * number as u64 >= 100 {
        let hint =
            format!("write `floor: {}` or less, so that something is left to the better ones", 50 / number.max(1));
        let message = format!("each of {number} contents would get {} hundredths at the least", rule.floor);
        source.error(node.span.clone(), message, Some(&hint));
    }
    Some(Shares::Thompson(rule))
}

fn winner(source: &mut Source, node: &Node, about: About<'_>) -> Option<Winner> {
    let Kind::Map(_) = &node.kind else {
        let hint = "write `winner: { by: goal, after: 7d, at_least: 500 }`";
        source.error(node.span.clone(), "`winner` is the rule by which a content wins", Some(hint));
        return None;
    };
    let mut fields = source.fields(node, "`winner`")?;
    let by = fields.need(source, "by", "`winner`").and_then(|node| metric(source, node, about));
    let after = fields.need(source, "after", "`winner`").and_then(|node| source.parse(node, "after", Span::parse));
    let at_least = fields.need(source, "at_least", "`winner`").and_then(|node| source.parse(node, "at_least", mails));
    let most = fields.take("at_most").map(|node| (node, source.parse(node, "at_most", mails)));
    fields.finish(source);
    let at_least = at_least?;
    if let Some((node, Some(at_most))) = most
        && at_most < at_least
    {
        source.error(node.span.clone(), format!("`at_most` is less than `at_least`, {at_least}"), None);
    }
    let at_most = most.map_or(Some(None), |(_, most)| most.map(Some))?;
    Some(Winner { by: by?, after: after?, at_least, at_most })
}

fn metric(source: &mut Source, node: &Node, about: About<'_>) -> Option<Metric> {
    let text = source.text(node, "by")?.trim().to_owned();
    let by = match text.as_str() {
        "goal" => Metric::Goal,
        "click" => Metric::Click,
        "open" => {
            let hint = "the proxies of mail programs open mails by themselves; write `goal`, or `click`";
            source.error(node.span.clone(), "opens do not tell which content is better", Some(hint));
            return None;
        }
        _ => {
            source.error(node.span.clone(), format!("`{text}` is not known here; write `goal` or `click`"), None);
            return None;
        }
    };
    check_metric(source, node, by, about);
    Some(by)
}

fn check_metric(source: &mut Source, node: &Node, by: Metric, about: About<'_>) {
    if by == Metric::Goal && !about.has_goal {
        let hint = "write `goal: { event: purchased, within: 30d }` above the steps, or choose by `click`";
        source.error(node.span.clone(), "the campaign has no `goal` to choose by", Some(hint));
    }
    if by == Metric::Click && about.around.clicks == Some(false) {
        let hint = "write `public_url` and `tracking: { clicks: true }` into drip.yaml, or choose by `goal`";
        source.error(node.span.clone(), "clicks are not counted in this project", Some(hint));
    }
}

fn share(text: &str) -> Result<u32, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse() {
        Ok(share @ 1..=99) => Ok(share),
        _ => Err(format!("`{text}` is not a share; write 1 to 99, in hundredths")),
    }
}

fn mails(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(mails @ 1..=1_000_000_000) => Ok(mails),
        _ => Err(format!("`{text}` is not a number of mails; write one as `500`, which `drip test-size` tells")),
    }
}
