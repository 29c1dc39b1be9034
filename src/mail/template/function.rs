//! The functions a template may call, and how a value is written.

use std::cell::Cell;
use std::sync::LazyLock;

use handlebars::{
    BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson, html_escape, no_escape,
};
use serde_json::Value;

use super::address::{self, Address};
use super::locale::Writing;
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

/// Writes a value; the compiler puts it around every tag that prints.
pub(super) const SHOW: &str = "show";
/// Prints `{`, which next to another brace would be read as a tag.
pub(super) const BRACE: &str = "drip-brace";
/// Prints a backslash, which before a tag would make it text.
pub(super) const BACKSLASH: &str = "drip-backslash";

/// The block around a partial that is given values.
pub(super) const VALUES: &str = "drip-values";

/// Renders HTML: every value is escaped.
pub(super) static HTML: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(true));
/// Renders subjects and text parts: values stand as they are.
pub(super) static TEXT: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(false));

fn registry(escape: bool) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(if escape { html_escape } else { no_escape });
    registry.unregister_helper("log");
    registry.unregister_helper("raw");
    for (name, function) in TABLE {
        registry.register_helper(name, Box::new(Function(function)));
    }
    for (name, function) in WRITTEN {
        registry.register_helper(name, Box::new(Written(name, function)));
    }
    registry.register_helper(SHOW, Box::new(Show));
    registry.register_helper(address::BLOCK, Box::new(Address));
    registry.register_helper(VALUES, Box::new(Values));
    registry
}

type Body = fn(&[&Value]) -> Value;

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

const TABLE: [(&str, Body); 20] = [
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

/// How much the functions of one text may read, in bytes: a loop over loops calls them a million times.
const MOST_WORK: usize = 5_000_000;

thread_local! {
    static WORK: Cell<usize> = const { Cell::new(0) };
}

/// Lets the functions of the next text begin with nothing done.
pub(super) fn begin() {
    WORK.set(0);
}

fn work(values: &[&Value]) -> Result<(), RenderError> {
    let done = WORK.get() + values.iter().map(|value| size(value)).sum::<usize>();
    WORK.set(done);
    if done > MOST_WORK {
        return Err(RenderErrorReason::Other("the mail takes too much work".to_owned()).into());
    }
    Ok(())
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 1,
    }
}

/// A function of its arguments alone; a missing one is null.
struct Function(Body);

impl HelperDef for Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let values: Vec<_> = helper.params().iter().map(handlebars::PathAndJson::value).collect();
        work(&values)?;
        Ok(ScopedJson::Derived((self.0)(&values)))
    }
}

/// A function that knows the reader's language, and may refuse its arguments.
struct Written(&'static str, WrittenBody);

impl HelperDef for Written {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = Call {
            name: self.0,
            values: helper.params().iter().map(handlebars::PathAndJson::value).collect(),
            named: helper.hash().iter().map(|(name, value)| (*name, value.value())).collect(),
            writing: Writing::from_data(context.data()),
        };
        work(&call.values)?;
        (self.1)(&call).map(ScopedJson::Derived).map_err(|message| RenderErrorReason::Other(message).into())
    }
}

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

struct Show;

impl HelperDef for Show {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = helper.param(0).map_or(&Value::Null, handlebars::PathAndJson::value);
        work(&[value])?;
        if let Some(text) = write(value) {
            return Ok(ScopedJson::Derived(Value::String(text)));
        }
        let name = helper.param(0).and_then(|param| param.relative_path()).cloned();
        Err(RenderErrorReason::MissingVariable(name).into())
    }
}

/// Lets a partial see the values it is given, and behind them all that its template sees.
struct Values;

impl HelperDef for Values {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Some(inner) = helper.template() else { return Ok(()) };
        let given: Vec<_> = helper.hash().values().map(handlebars::PathAndJson::value).collect();
        work(&given)?;
        let mut names = BlockParams::new();
        for (name, value) in helper.hash() {
            names.add_value(name, value.value().clone())?;
        }
        let mut scope = render.block().cloned().unwrap_or_default();
        scope.set_block_params(names);
        render.push_block(scope);
        let rendered = inner.render(registry, context, render, out);
        render.pop_block();
        rendered
    }
}

/// Returns a value as people write it; nothing for null.
pub(super) fn write(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned))
        }
        Value::Array(list) => Some(list.iter().filter_map(write).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => Some(map.values().filter_map(write).collect::<Vec<_>>().join(", ")),
    }
}

/// Says whether there is nothing to show: null, or blank text.
fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn is_true(value: &Value) -> bool {
    use handlebars::JsonTruthy;
    value.is_truthy(false)
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
