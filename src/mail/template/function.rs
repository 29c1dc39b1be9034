//! The functions a template may call.

use serde_json::Value;

use super::value::{is_absent, is_true, write};
use super::written::{self, Call};

/// Blocks, as `{{#if …}}`.
pub(super) const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

/// Functions, as `{{upper name}}`.
pub(super) const FUNCTIONS: [&str; 33] = [
    "default",
    "upper",
    "lower",
    "capitalize",
    "trim",
    "truncate",
    "replace",
    "join",
    "concat",
    "len",
    "date",
    "date_add",
    "number",
    "money",
    "percent",
    "plural",
    "url",
    "add",
    "sub",
    "mul",
    "div",
    "round",
    "lookup",
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "and",
    "or",
    "not",
    "title",
];

/// Prints `{`, which next to another brace would be read as a tag.
pub(super) const BRACE: &str = "drip-brace";
/// Prints a backslash, which before a tag would make it text.
pub(super) const BACKSLASH: &str = "drip-backslash";

pub(super) type Body = fn(&[&Value]) -> Value;

pub(super) type WrittenBody = fn(&Call<'_>) -> Result<Value, String>;

/// Those that depend on the reader's language, or can fail.
pub(super) const WRITTEN: [(&str, WrittenBody); 14] = [
    ("date", written::date),
    ("date_add", written::date_add),
    ("number", written::number),
    ("money", written::money),
    ("percent", written::percent),
    ("plural", written::plural),
    ("url", written::url),
    ("add", written::arithmetic),
    ("sub", written::arithmetic),
    ("mul", written::arithmetic),
    ("div", written::arithmetic),
    ("round", written::round),
    ("truncate", truncate),
    ("replace", replace),
];

pub(super) const TABLE: [(&str, Body); 20] = [
    ("capitalize", |v| text(v, capitalized)),
    ("title", |v| text(v, |text| text.split(' ').map(capitalized).collect::<Vec<_>>().join(" "))),
    ("trim", |v| text(v, |text| text.trim().to_owned())),
    ("join", |v| joined(v)),
    ("concat", |v| Value::String(v.iter().filter_map(|value| write(value)).collect())),
    ("default", |v| first(v.iter().find(|value| !is_absent(value)).copied())),
    ("upper", |v| text(v, str::to_uppercase)),
    ("lower", |v| text(v, str::to_lowercase)),
    ("eq", |v| Value::Bool(same(v))),
    ("ne", |v| Value::Bool(!same(v))),
    ("gt", |v| Value::Bool(compare(v) == Some(std::cmp::Ordering::Greater))),
    ("gte", |v| Value::Bool(compare(v).is_some_and(std::cmp::Ordering::is_ge))),
    ("lt", |v| Value::Bool(compare(v) == Some(std::cmp::Ordering::Less))),
    ("lte", |v| Value::Bool(compare(v).is_some_and(std::cmp::Ordering::is_le))),
    ("and", |v| Value::Bool(v.iter().all(|value| is_true(value)))),
    ("or", |v| Value::Bool(v.iter().any(|value| is_true(value)))),
    ("not", |v| Value::Bool(!v.first().is_some_and(|value| is_true(value)))),
    ("len", |v| match v.first() {
        Some(Value::Array(list)) => list.len().into(),
        Some(Value::String(text)) => text.chars().count().into(),
        Some(Value::Object(map)) => map.len().into(),
        _ => 0.into(),
    }),
    (BRACE, |_| "{".into()),
    (BACKSLASH, |_| "\\".into()),
];

fn truncate(call: &Call<'_>) -> Result<Value, String> {
    let Some(text) = call.values.first().and_then(|value| write(value)) else { return Ok(Value::Null) };
    let Some(length) = call.values.get(1).and_then(|value| value.as_u64()).filter(|length| *length > 0) else {
        return Err("`truncate` needs a length, as `{{truncate title 40}}`".to_owned());
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if text.chars().count() <= length {
        return Ok(Value::String(text));
    }
    let kept: String = text.chars().take(length - 1).collect();
    // Better between two words, if that costs little.
    let kept = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| if words.len() * 2 > kept.len() { words } else { &kept });
    Ok(Value::String(format!("{}…", kept.trim_end())))
}

fn replace(call: &Call<'_>) -> Result<Value, String> {
    let text = |index: usize| call.values.get(index).and_then(|value| write(value));
    match (text(0), text(1), text(2)) {
        (None, ..) => Ok(Value::Null),
        (Some(text), Some(from), Some(to)) if !from.is_empty() => Ok(Value::String(text.replace(&from, &to))),
        _ => Err("`replace` needs what to look for and what to put there".to_owned()),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn joined(values: &[&Value]) -> Value {
    let Some(Value::Array(list)) = values.first() else { return first(values.first().copied()) };
    let between = values.get(1).and_then(|value| write(value)).unwrap_or_else(|| ", ".to_owned());
    Value::String(list.iter().filter_map(write).collect::<Vec<_>>().join(&between))
}

fn first(value: Option<&Value>) -> Value {
    value.cloned().unwrap_or(Value::Null)
}

fn text(values: &[&Value], change: fn(&str) -> String) -> Value {
    values.first().and_then(|value| write(value)).map_or(Value::Null, |text| Value::String(change(&text)))
}

fn same(values: &[&Value]) -> bool {
    match values {
        [Value::Number(a), Value::Number(b)] => a.as_f64() == b.as_f64(),
        [a, b] => a == b,
        _ => false,
    }
}

fn compare(values: &[&Value]) -> Option<std::cmp::Ordering> {
    match values {
        [Value::Number(a), Value::Number(b)] => a.as_f64()?.partial_cmp(&b.as_f64()?),
        [Value::String(a), Value::String(b)] => Some(a.cmp(b)),
        _ => None,
    }
}
