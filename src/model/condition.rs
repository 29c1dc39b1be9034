//! Conditions: [CEL](https://cel.dev) expressions over a contact, an event and what happened so far.
//!
//! A condition is read once. Reading replaces what depends on the person, such as `contact.plan` and
//! `did("purchased")`, by a variable each, so that a typing error in a function or a missing argument
//! is found by `drip check`, and holding costs no more than looking those variables up. An attribute
//! that a contact does not have is `null`; an expression that cannot be computed for someone (a number
//! compared with a text) does not hold for them.

mod call;
mod edge;
mod read;
mod value;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, IdedExpr, Value};

use self::call::Call;
pub(super) use self::edge::Edges;
use self::read::Read;
use super::Instant;
use super::contact::Contact;
use super::event::Event;
use super::send::SendRecord;
use super::terms::Terms;
use super::value::Measure;

/// CEL's standard library: making one costs a hundred times what an evaluation does.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition that was read without error.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    expression: Arc<IdedExpr>,
    inputs: Arc<[Input]>,
    /// For each input, where its value makes a difference.
    edges: Arc<[Edges]>,
    /// What it looks at of what customers are worth.
    limits: Arc<[value::Limit]>,
    /// The stages that it names.
    stages: Arc<[String]>,
}

/// What is wrong with a condition, and which bytes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    pub message: String,
    pub span: Range<usize>,
    pub hint: Option<String>,
}

/// A part of a condition that depends on the person.
#[derive(Debug, Clone, PartialEq)]
enum Input {
    /// The whole contact, as a map.
    Contact,
    /// `contact.NAME`
    Attribute(String),
    /// `has(contact.NAME)`
    HasAttribute(String),
    /// The triggering event, as a map.
    Event,
    /// `event.NAME`
    Property(String),
    /// `has(event.NAME)`
    HasProperty(String),
    Call(Call),
}

/// What a condition is tested against.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub contact: &'a Contact,
    /// The event that fires a trigger or may be a goal; `null` elsewhere.
    pub event: Option<&'a Event>,
    /// The contact's events up to `now`, oldest first.
    pub history: &'a [Event],
    /// What the enrolment had so far, for `came` and `timed_out`; empty where there is no enrolment.
    pub sends: &'a [SendRecord],
    /// What the project's settings say that words such as `in_segment` mean.
    pub terms: &'a Terms,
    pub now: Instant,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// Returns the first thing that is wrong with it.
    pub fn parse(source: &str) -> Result<Self, ConditionError> {
        let Read { expression, inputs, edges, stages } = read::read(source)?;
        let limits = value::limits(&expression, &inputs).into();
        let (expression, inputs, edges) = (expression.into(), inputs.into(), edges.into());
        Ok(Self { source: source.into(), expression, inputs, edges, limits, stages: stages.into() })
    }

    /// Returns the condition as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Says whether the condition holds.
    pub fn holds(&self, scope: Scope<'_>) -> bool {
        self.holds_within(scope, 0)
    }

    pub(super) fn holds_within(&self, scope: Scope<'_>, depth: usize) -> bool {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (index, input) in self.inputs.iter().enumerate() {
            context.add_variable_from_value(variable(index), input.value(scope, depth));
        }
        matches!(Value::resolve(&self.expression, &context), Ok(Value::Bool(true)))
    }

    /// Returns the next instant at which the mere passing of time may change whether the condition holds.
    pub fn next_change(&self, scope: Scope<'_>) -> Option<Instant> {
        self.next_change_within(scope, 0)
    }

    pub(super) fn next_change_within(&self, scope: Scope<'_>, depth: usize) -> Option<Instant> {
        let timed = self.inputs.iter().zip(self.edges.iter()).filter_map(|(input, edges)| match input {
            Input::Call(call) => call.next_change(scope, depth, edges),
            _ => None,
        });
        timed.chain(value::next_change(&self.limits, scope)).min()
    }

    /// Says whether the condition looks at the contact's events.
    pub fn reads_events(&self) -> bool {
        self.calls().any(Call::reads_events) || self.measures().next().is_some()
    }

    /// Says whether the condition can change by the mere passing of time.
    pub fn reads_clock(&self) -> bool {
        self.calls().any(Call::reads_clock) || !self.limits.is_empty()
    }

    /// Says whether the condition looks at a triggering event.
    pub fn reads_trigger(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::Event | Input::Property(_) | Input::HasProperty(_)))
    }

    /// Returns what the condition may ask of what the contact is worth.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        self.inputs.iter().filter_map(value::of)
    }

    /// Returns the segments that the condition names.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.calls().filter_map(Call::segment)
    }

    /// Says whether the condition names `score`.
    pub fn reads_score(&self) -> bool {
        self.calls().any(|call| *call == Call::Score)
    }

    /// Returns the words of the condition that mean nothing in a project without a score, or without stages: each word, what is
    /// wrong, and what to do.
    pub fn unmeant(
        &self,
        has_score: bool,
        has_stages: bool,
    ) -> impl Iterator<Item = (&'static str, String, &'static str)> + use<> {
        let words = [
            ("score", self.reads_score() && !has_score, "write what events bring under `score` in drip.yaml"),
            ("stage", self.reads_stage() && !has_stages, "name them under `stages` in drip.yaml"),
        ];
        let lacking = words.into_iter().filter(|(_, lacks, _)| *lacks);
        lacking.map(|(word, _, hint)| (word, format!("nobody has a `{word}` here"), hint))
    }

    /// Returns the points that the condition compares the score with.
    pub fn score_thresholds(&self) -> impl Iterator<Item = i64> {
        let scores = self.inputs.iter().zip(self.edges.iter());
        let scores = scores.filter(|(input, _)| matches!(input, Input::Call(Call::Score)));
        scores.flat_map(|(_, edges)| edges.numbers().iter().copied())
    }

    /// Says whether the condition names `stage`.
    pub fn reads_stage(&self) -> bool {
        self.calls().any(|call| *call == Call::Stage)
    }

    /// Returns the stages that the condition names.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(String::as_str)
    }

    /// Returns the events that the condition names.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.calls().filter_map(Call::event)
    }

    /// Says whether the condition rests on nothing but waits that are over, so that time cannot change it any more.
    pub fn is_settled(&self, sends: &[SendRecord]) -> bool {
        let over = |step: &str| sends.iter().any(|row| row.step == step && row.state.is_closed());
        self.inputs.iter().all(|input| matches!(input, Input::Call(call) if call.wait().is_some_and(over)))
    }

    /// Returns the `wait_for` steps that the condition names in `came` and `timed_out`.
    pub fn waits(&self) -> impl Iterator<Item = &str> {
        self.calls().filter_map(Call::wait)
    }

    /// Returns the steps that the condition names.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.calls().filter_map(Call::step)
    }

    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Call(call) => Some(call),
            _ => None,
        })
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Returns the name of the variable that stands for an input; no CEL identifier can be spelt like it.
fn variable(index: usize) -> String {
    format!("#{index}")
}

impl Input {
    fn value(&self, scope: Scope<'_>, depth: usize) -> Value {
        match self {
            Self::Contact => contact_map(scope.contact),
            Self::Attribute(name) => {
                attribute(scope.contact, name).or_else(|| value::measured(scope, name)).unwrap_or(Value::Null)
            }
            Self::HasAttribute(name) => {
                Value::Bool(attribute(scope.contact, name).or_else(|| value::measured(scope, name)).is_some())
            }
            Self::Event => scope.event.map_or(Value::Null, event_map),
            Self::Property(name) => scope.event.and_then(|event| property(event, name)).unwrap_or(Value::Null),
            Self::HasProperty(name) => Value::Bool(scope.event.is_some_and(|event| property(event, name).is_some())),
            Self::Call(call) => call.value(scope, depth),
        }
    }
}

/// Returns what `contact.NAME` means; `None` where the contact has nothing of that name.
fn attribute(contact: &Contact, name: &str) -> Option<Value> {
    match name {
        "email" => Some(contact.address.as_str().into()),
        "consent" => Some(contact.consent.as_str().into()),
        "timezone" => contact.timezone.map(|zone| zone.name().into()),
        "language" => contact.language.as_deref().map(Into::into),
        "tags" => Some(contact.tags.iter().map(|tag| Value::from(tag.as_str())).collect::<Vec<_>>().into()),
        other => contact.attributes.get(other).map(to_cel).filter(|value| *value != Value::Null),
    }
}

/// Returns what `event.NAME` means; `None` where the event has nothing of that name.
fn property(event: &Event, name: &str) -> Option<Value> {
    event.properties.get(name).map(to_cel).or_else(|| match name {
        "name" => Some(event.name.as_str().into()),
        "time" => Some(Value::Timestamp(event.at.fixed_offset())),
        _ => None,
    })
}

fn contact_map(contact: &Contact) -> Value {
    let fixed = ["email", "consent", "timezone", "language", "tags"].into_iter();
    let names = fixed.chain(contact.attributes.keys().map(String::as_str));
    let map: std::collections::HashMap<String, Value> =
        names.filter_map(|name| Some((name.to_owned(), attribute(contact, name)?))).collect();
    map.into()
}

fn event_map(event: &Event) -> Value {
    let names = ["name", "time"].into_iter().chain(event.properties.keys().map(String::as_str));
    let map: std::collections::HashMap<String, Value> =
        names.filter_map(|name| Some((name.to_owned(), property(event, name)?))).collect();
    map.into()
}

fn to_cel(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => items.iter().map(to_cel).collect::<Vec<_>>().into(),
        serde_json::Value::Object(map) => {
            let map: std::collections::HashMap<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect();
            map.into()
        }
    }
}

#[cfg(test)]
mod tests;
