//! The functions that conditions may call.

use cel::Value;
use chrono::{Duration, TimeDelta};

use super::edge::Edges;
use super::{Condition, Scope};
use crate::model::Instant;
use crate::model::delay::Span;
use crate::model::event::Event;
use crate::model::send::{CAME, SendRecord, TIMED_OUT};
use crate::model::stage;

/// A call of one of drip's functions, with its checked arguments.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    /// `did(event)`, `did(event, within)`
    Did(String, Option<Span>),
    /// `count(event)`, `count(event, within)`
    Count(String, Option<Span>),
    /// `days_since(event)`
    DaysSince(String),
    /// `opened(step)`, `clicked(step)`, `replied(step)`: the event's name and the step
    Reacted(&'static str, String),
    /// `tagged(tag)`
    Tagged(String),
    /// `in_segment(name)`
    InSegment(String),
    /// `came(step)`, `timed_out(step)`: how a `wait_for` step ended
    Waited(&'static str, String),
    /// `score`
    Score,
    /// `stage`
    Stage,
}

/// Every function: its name, the form of a call, and whether it takes a span as well.
pub(super) const FUNCTIONS: [(&str, &str, bool); 10] = [
    ("did", "did(\"purchased\") or did(\"purchased\", \"30d\")", true),
    ("count", "count(\"purchased\") or count(\"purchased\", \"30d\")", true),
    ("days_since", "days_since(\"purchased\")", false),
    ("opened", "opened(\"step-id\")", false),
    ("clicked", "clicked(\"step-id\")", false),
    ("replied", "replied(\"step-id\")", false),
    ("tagged", "tagged(\"vip\")", false),
    ("in_segment", "in_segment(\"name\")", false),
    ("came", "came(\"step-id\")", false),
    ("timed_out", "timed_out(\"step-id\")", false),
];

/// Segments may name segments, and stages and scores do, too; deeper than this they must go in a circle.
const MAX_DEPTH: usize = 16;

impl Call {
    /// Returns the event that the call looks for.
    pub(super) fn event(&self) -> Option<&str> {
        match self {
            Self::Did(name, _) | Self::Count(name, _) | Self::DaysSince(name) => Some(name),
            Self::Reacted(name, _) => Some(name),
            _ => None,
        }
    }

    pub(super) fn new(function: &str, name: String, within: Option<Span>) -> Option<Self> {
        Some(match function {
            "did" => Self::Did(name, within),
            "count" => Self::Count(name, within),
            "days_since" => Self::DaysSince(name),
            "opened" => Self::Reacted("opened", name),
            "clicked" => Self::Reacted("clicked", name),
            "replied" => Self::Reacted("replied", name),
            "tagged" => Self::Tagged(name),
            "in_segment" => Self::InSegment(name),
            "came" => Self::Waited(CAME, name),
            "timed_out" => Self::Waited(TIMED_OUT, name),
            _ => return None,
        })
    }

    pub(super) fn value(&self, scope: Scope<'_>, depth: usize) -> Value {
        match self {
            Self::Did(name, within) => Value::Bool(past(scope, name, *within).next().is_some()),
            Self::Count(name, within) => {
                Value::Int(i64::try_from(past(scope, name, *within).count()).unwrap_or(i64::MAX))
            }
            Self::DaysSince(name) => past(scope, name, None)
                .next()
                .map_or(Value::Null, |event| Value::Int((scope.now - event.at).num_days())),
            Self::Reacted(name, step) => {
                let about = |event: &Event| event.properties.get("step").and_then(|value| value.as_str()) == Some(step);
                Value::Bool(past(scope, name, None).any(about))
            }
            Self::Tagged(tag) => Value::Bool(scope.contact.tags.contains(tag)),
            Self::InSegment(name) => {
                let holds = |segment: &Condition| segment.holds_within(scope, depth + 1);
                Value::Bool(depth < MAX_DEPTH && scope.terms.segments.get(name).is_some_and(holds))
            }
            Self::Waited(how, step) => {
                let ended = |row: &SendRecord| row.step == *step && row.reason.as_deref() == Some(how);
                Value::Bool(scope.sends.iter().any(ended))
            }
            Self::Score if depth < MAX_DEPTH => {
                scope.terms.score.as_ref().map_or(Value::Null, |score| Value::Int(score.points_within(scope, depth)))
            }
            Self::Stage if depth < MAX_DEPTH => {
                stage::stage_within(&scope.terms.stages, scope, depth).map_or(Value::Null, Into::into)
            }
            Self::Score | Self::Stage => Value::Null,
        }
    }

    pub(super) fn reads_events(&self) -> bool {
        !matches!(self, Self::Tagged(_) | Self::Waited(..))
    }

    pub(super) fn reads_clock(&self) -> bool {
        matches!(
            self,
            Self::Did(_, Some(_))
                | Self::Count(_, Some(_))
                | Self::DaysSince(_)
                | Self::InSegment(_)
                | Self::Score
                | Self::Stage
        )
    }

    /// Returns the next instant at which the mere passing of time changes the value.
    pub(super) fn next_change(&self, scope: Scope<'_>, depth: usize, edges: &Edges) -> Option<Instant> {
        match self {
            // An event counts up to its last moment, and not a moment longer.
            Self::Did(name, Some(within)) | Self::Count(name, Some(within)) => {
                let leaves = |event: &Event| event.at + within.elapsed() + TimeDelta::milliseconds(1);
                past(scope, name, None).map(leaves).filter(|at| *at > scope.now).min()
            }
            Self::DaysSince(name) => {
                let last = past(scope, name, None).next()?;
                let days = edges.above((scope.now - last.at).num_days())?;
                last.at.checked_add_signed(TimeDelta::try_days(days)?)
            }
            Self::InSegment(name) if depth < MAX_DEPTH => {
                scope.terms.segments.get(name)?.next_change_within(scope, depth + 1)
            }
            Self::Score if depth < MAX_DEPTH => scope.terms.score.as_ref()?.next_change(scope, depth, edges),
            Self::Stage if depth < MAX_DEPTH => {
                let conditions = scope.terms.stages.iter().map(|stage| &stage.condition);
                conditions.filter_map(|condition| condition.next_change_within(scope, depth + 1)).min()
            }
            _ => None,
        }
    }

    pub(super) fn segment(&self) -> Option<&str> {
        match self {
            Self::InSegment(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn step(&self) -> Option<&str> {
        match self {
            Self::Reacted(_, step) | Self::Waited(_, step) => Some(step),
            _ => None,
        }
    }

    pub(super) fn wait(&self) -> Option<&str> {
        match self {
            Self::Waited(_, step) => Some(step),
            _ => None,
        }
    }
}

/// Returns the events of a name up to now, latest first; with `within`, only those of that time.
fn past<'a>(scope: Scope<'a>, name: &str, within: Option<Span>) -> impl Iterator<Item = &'a Event> {
    let since: Instant =
        within.map_or(Instant::MIN_UTC, |span| scope.now - TimeDelta::max(span.elapsed(), Duration::zero()));
    let name = name.to_owned();
    let now = scope.now;
    scope.history.iter().rev().filter(move |event| event.at <= now && event.at >= since && event.name == name)
}
