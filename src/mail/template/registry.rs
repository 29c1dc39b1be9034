//! What handlebars is given: the functions, and the helpers that only the compiler writes.

use std::cell::Cell;
use std::sync::LazyLock;

use handlebars::{
    BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson, html_escape, no_escape,
};
use serde_json::Value;

use super::address::{self, Address};
use super::function::{Body, TABLE, WRITTEN, WrittenBody};
use super::locale::Writing;
use super::source::VALUES;
use super::value::write;
use super::written::Call;

/// Writes a value; the compiler puts it around every tag that prints.
pub(super) const SHOW: &str = "show";

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

/// How much the functions of one text may read, in bytes: a loop over loops calls them a million times.
const MOST_WORK: usize = 5_000_000;

thread_local! {
    static WORK: Cell<usize> = const { Cell::new(0) };
}

/// Lets the functions of the next text begin with nothing done.
pub(super) fn begin() {
    WORK.set(0);
}

pub(super) fn work(values: &[&Value]) -> Result<(), RenderError> {
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
        if value.is_object() {
            let what = "this is a whole record; name the value of it that is meant, as `{{contact.email}}`";
            return Err(RenderErrorReason::Other(what.to_owned()).into());
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
