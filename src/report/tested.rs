//! What is told of a step's test beside the counts of its contents: the rule it goes by, what was decided, what each part does.

use chrono::SecondsFormat;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::funnel::{StepRow, VariantRow};
use super::json::rounded;
use super::percent::percent;
use crate::decide::look::CONFIDENCE;
use crate::model::Instant;
use crate::model::plain::{grouped, plain};
use crate::model::reaction::Reaction;
use crate::model::trial::Looked;
use crate::model::variant::{Shares, Test, Winner};
use crate::stats::{self, Count, Lead};

/// The test of a step, as the file has it and as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRow {
    pub test: Test,
    /// How many mails of each content had the time to work, where the file says how long that is, and of how many came what counts.
    pub counts: Vec<Count>,
    /// The looks that were taken, the first one first.
    pub looks: Vec<Looked>,
    /// What each content gets of those who come now.
    pub shares: Vec<f64>,
    /// Where its contents were others before: which mails are compared.
    pub since: Option<Since>,
}

/// The mails since a test is what it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Since {
    /// The first hour that counts; `None`: no run has seen the test as it is.
    pub at: Option<Instant>,
    /// How many each content had, and how many of those reached the goal by it.
    pub counts: Vec<(String, Count)>,
}

/// What a part of the mail does, over all that the other parts are.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    pub factor: String,
    /// One for each level, of everyone who got a content with it.
    pub levels: Vec<VariantRow>,
    /// `None` where nothing can be said yet.
    pub lead: Option<Lead>,
}

impl TestRow {
    /// Returns the content that won, and the look by which.
    pub fn won(&self) -> Option<(&str, &Looked)> {
        self.looks.iter().rev().find_map(|look| Some((look.winner.as_deref()?, look)))
    }

    /// Says whether the shares follow what came of the mails: whoever gets what, gets it at another time then, and to compare
    /// all that was ever sent would mislead.
    pub fn has_moved(&self) -> bool {
        self.test.shares != Shares::Fixed || self.won().is_some()
    }

    /// Returns how many mails that count the content has that has the fewest.
    fn fewest(&self) -> u64 {
        self.counts.iter().map(|count| count.of).min().unwrap_or_default()
    }

    /// Returns the size of the next look; `None` where none is to come.
    fn next_look(&self, winner: &Winner) -> Option<u64> {
        let taken = self.looks.last().map_or(0, |look| usize::try_from(look.number).unwrap_or(usize::MAX) + 1);
        winner.looks().get(taken).copied().filter(|_| self.won().is_none())
    }
}

impl StepRow {
    /// Returns how many mails of each content are compared, and how many of those led to the goal.
    pub(super) fn compared(&self) -> Vec<Count> {
        let since = self.test.as_ref().and_then(|row| row.since.as_ref());
        let of = |row: &VariantRow| match since {
            Some(since) => {
                let known = since.counts.iter().find(|(name, _)| *name == row.name);
                known.map_or(Count { hits: 0, of: 0 }, |(_, count)| *count)
            }
            None => row.goals(),
        };
        self.variants.iter().map(of).collect()
    }

    /// Says whether its contents were others before, so that not all mails are compared.
    pub(super) fn is_another_test(&self) -> bool {
        self.test.as_ref().is_some_and(|row| row.since.is_some())
    }

    /// Returns what each part does of a mail that is tested part by part, with intervals that hold for all of them together;
    /// none where the shares have moved.
    pub fn effects(&self) -> Vec<Effect> {
        let Some(row) = self.test.as_ref().filter(|row| !row.has_moved()) else { return Vec::new() };
        let test = &row.test;
        let compared = self.compared();
        let pairs = |levels: usize| levels * levels.saturating_sub(1) / 2;
        let all: usize = test.factors.iter().map(|factor| pairs(factor.levels.len())).sum();
        let effect = |at: usize| {
            let factor = &test.factors[at];
            let mut levels: Vec<VariantRow> =
                factor.levels.iter().map(|name| VariantRow { name: name.clone(), ..VariantRow::default() }).collect();
            for (place, variant) in test.variants.iter().enumerate() {
                let known = self.variants.iter().position(|known| known.name == variant.name);
                let Some(count) = known.map(|known| compared[known]) else { continue };
                let level = &mut levels[test.levels(place)[at]];
                level.sent += count.of;
                level.goal += count.hits;
            }
            let counts: Vec<Count> = levels.iter().map(VariantRow::goals).collect();
            let lead = stats::lead(&counts, stats::of_comparisons(CONFIDENCE, all));
            Effect { factor: factor.name.clone(), levels, lead }
        };
        (0..test.factors.len()).map(effect).collect()
    }
}

/// Returns what is said of the contents of a test: what each came to, and who leads.
pub(super) fn contents(step: &StepRow) -> Vec<String> {
    let id = plain(&step.id);
    let mut parts: Vec<String> = step
        .variants
        .iter()
        .map(|variant| {
            let goal = percent(variant.goal_rate()).unwrap_or_default();
            let (name, sent) = (plain(&variant.name), grouped(variant.sent));
            format!("{id} {name}: {sent} sent, {} to the goal ({goal})", grouped(variant.goal))
        })
        .collect();
    if step.is_another_test() {
        parts.push(format!("{id} has other contents than before: only mails since then are compared"));
    }
    let planned = step.test.as_ref().and_then(|row| row.test.winner);
    if let Some(verdict) = step.verdict() {
        let chances = step.chances();
        // A content that few have got may well be better yet: then nothing is said of the best.
        let most = chances.iter().copied().fold(0.0, f64::max);
        let chance = chances.get(verdict.leader).copied().filter(|chance| *chance >= most);
        let best = percent(chance).map(|chance| format!(", the best with {chance}")).unwrap_or_default();
        parts.push(format!("{id} {} leads{best}", plain(&step.variants[verdict.leader].name)));
        parts.push(by(&verdict));
        parts.push(
            match (verdict.is_clear, planned) {
                (false, _) => "which may be chance",
                (true, None) => "which is more than chance if this is the one look that was planned",
                (true, Some(_)) => "which settles nothing before the look that is planned",
            }
            .to_owned(),
        );
    } else if step.test.as_ref().is_some_and(|row| !row.has_moved()) && opens(step) > 0 {
        parts.push(format!("{id} is compared by goals alone: proxies open mails by themselves"));
    }
    parts
}

/// Returns what is said of the parts of a mail that is tested part by part.
pub(super) fn parts(step: &StepRow) -> Vec<String> {
    let mut parts = Vec::new();
    for effect in step.effects() {
        let Some(lead) = effect.lead else { continue };
        let name = |at: usize| plain(&effect.levels[at].name);
        let (part, id) = (&effect.factor, plain(&step.id));
        parts.push(format!("{id} {part}: {} above {} {}", name(lead.leader), name(lead.next), by(&lead)));
        parts.push(if lead.is_clear { "more than chance at one look" } else { "which may be chance" }.to_owned());
    }
    parts
}

fn opens(step: &StepRow) -> u64 {
    step.reactions.of(Reaction::Opened) + step.reactions.of(Reaction::OpenedByProxy)
}

fn by(lead: &Lead) -> String {
    let [by, low, high] = [lead.difference, lead.low, lead.high].map(|share| 100.0 * share);
    format!("by {by:.1} points ({low:.1} to {high:.1})")
}

/// Returns who gets what, where that is not what the file says, and what was decided or will be.
pub(super) fn decided(step: &StepRow, zone: Tz) -> Vec<String> {
    let Some(row) = &step.test else { return Vec::new() };
    let id = plain(&step.id);
    if let Shares::Thompson(rule) = row.test.shares {
        let each = row.test.variants.iter().zip(&row.shares);
        let each: Vec<_> = each
            .map(|(variant, share)| format!("{} {}", plain(&variant.name), percent(Some(*share)).unwrap_or_default()))
            .collect();
        return vec![format!("{id} sends now by {}: {}", rule.by.as_str(), each.join(" · "))];
    }
    let Some(winner) = row.test.winner else { return Vec::new() };
    let day = |look: &Looked| look.at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    if let Some((name, look)) = row.won() {
        return [format!("{id} {} won by {} on {}", plain(name), winner.by.as_str(), day(look))]
            .into_iter()
            .chain(
                look.counts
                    .iter()
                    .map(|(name, of, hits)| format!("{} with {} of {}", plain(name), grouped(*hits), grouped(*of))),
            )
            .collect();
    }
    let none = row.looks.last().map(|look| format!("{id}: none was clear of the others on {}", day(look)));
    let next = match row.next_look(&winner) {
        Some(size) => format!(
            "{id} is looked at when each has {} of {} ago; the fewest now {}",
            grouped(size),
            winner.after,
            grouped(row.fewest())
        ),
        None => "which was the last look: the shares stay".to_owned(),
    };
    none.into_iter().chain([next]).collect()
}

/// Returns it for programs; `null` where the step is no test, or its file is gone.
pub(super) fn json(step: &StepRow) -> Value {
    let Some(row) = &step.test else { return Value::Null };
    let named = row.test.variants.iter().map(|variant| variant.name.clone());
    let shares: serde_json::Map<String, Value> =
        named.zip(&row.shares).map(|(name, share)| (name, rounded(Some(*share)).into())).collect();
    let seconds = |span: crate::model::delay::Span| span.elapsed().num_seconds();
    let thompson = match row.test.shares {
        Shares::Fixed => Value::Null,
        Shares::Thompson(rule) => json!({
            "by": rule.by.as_str(), "after_s": seconds(rule.after), "floor": f64::from(rule.floor) / 100.0,
            "counts": counted(row),
        }),
    };
    let winner = row.test.winner.map(|winner| {
        json!({
            "by": winner.by.as_str(), "after_s": seconds(winner.after), "at_least": winner.at_least,
            "at_most": winner.at_most, "counts": counted(row), "next_look": row.next_look(&winner),
            "won": row.won().map(|(name, _)| name), "looks": row.looks.iter().map(looked).collect::<Vec<_>>(),
        })
    });
    let since = row.since.as_ref().and_then(|since| since.at).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    json!({ "is_another": row.since.is_some(), "since": since, "shares": shares, "thompson": thompson, "winner": winner, "effects": step.effects().iter().map(effect).collect::<Vec<_>>() })
}

/// Returns of each content how many mails count, and of how many came what counts.
fn counted(row: &TestRow) -> Vec<Value> {
    let each = row.test.variants.iter().zip(&row.counts);
    each.map(|(variant, count)| json!({ "variant": variant.name, "sent": count.of, "hits": count.hits })).collect()
}

fn looked(look: &Looked) -> Value {
    let counts: Vec<_> =
        look.counts.iter().map(|(name, of, hits)| json!({ "variant": name, "sent": of, "hits": hits })).collect();
    json!({
        "at": look.at.to_rfc3339_opts(SecondsFormat::Secs, true), "number": look.number + 1, "confidence": look.confidence,
        "counts": counts, "winner": look.winner,
    })
}

fn effect(effect: &Effect) -> Value {
    let levels: Vec<_> = effect
        .levels
        .iter()
        .map(|level| {
            let between =
                level.goals().interval(CONFIDENCE).map(|(low, high)| [rounded(Some(low)), rounded(Some(high))]);
            json!({
                "level": level.name, "sent": level.sent, "goal": level.goal, "goal_rate": rounded(level.goal_rate()),
                "goal_rate_between": between,
            })
        })
        .collect();
    let lead = effect.lead.map(|lead| {
        json!({
            "leader": effect.levels[lead.leader].name, "next": effect.levels[lead.next].name,
            "difference": rounded(Some(lead.difference)),
            "between": [rounded(Some(lead.low)), rounded(Some(lead.high))], "is_clear": lead.is_clear,
        })
    });
    json!({ "factor": effect.factor, "levels": levels, "lead": lead, "confidence": CONFIDENCE })
}
