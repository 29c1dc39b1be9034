//! What a customer is worth, in conditions: `contact.p_alive` and the like, where the contact has no attribute of that name.

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::{IdedExpr, Value};
use chrono::NaiveDate;

use super::{Input, Scope, attribute, variable};
use crate::model::value::{Customer, Measure, Measured, first_day};
use crate::model::{Instant, wall};

/// What a condition looks at of a measure that time changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    measure: Measure,
    /// The number that it is compared with; `None`: all that it says.
    at: Option<f64>,
}

/// Returns the measure that an input may mean.
pub(super) fn of(input: &Input) -> Option<Measure> {
    match input {
        Input::Attribute(name) | Input::HasAttribute(name) => Measure::named(name),
        _ => None,
    }
}

/// Returns what `contact.NAME` means where it is a measure.
pub(super) fn measured(scope: Scope<'_>, name: &str) -> Option<Value> {
    let measure = Measure::named(name)?;
    Some(match measure.of(customer(scope).as_ref(), scope.terms, today(scope))? {
        Measured::Whole(number) => Value::Int(i64::from(number)),
        Measured::Number(number) => Value::Float(number),
        Measured::Cell(cell) => cell.to_string().as_str().into(),
    })
}

fn customer(scope: Scope<'_>) -> Option<Customer> {
    Customer::of(scope.history, &scope.terms.purchases, scope.terms.value.zone, scope.now)
}

fn today(scope: Scope<'_>) -> NaiveDate {
    wall::wall(scope.now, scope.terms.value.zone).date()
}

/// Returns the first midnight at which one of the limits is crossed.
///
/// While somebody does not buy, each measure only falls, or only rises: on which side of a number it stands changes once,
/// or touches the number in between, and the day is found by halving.
pub(super) fn next_change(limits: &[Limit], scope: Scope<'_>) -> Option<Instant> {
    let is_own = |measure: Measure| {
        let name = Measure::ALL.iter().find(|(known, _)| *known == measure).map(|(_, name)| *name);
        name.is_some_and(|name| attribute(scope.contact, name).is_some())
    };
    let mut limits = limits.iter().filter(|limit| !is_own(limit.measure)).peekable();
    limits.peek()?;
    let (customer, today) = (customer(scope)?, today(scope));
    let days = limits.filter_map(|limit| {
        let now = limit.side(&customer, scope, today);
        first_day(today, |day| limit.side(&customer, scope, day) != now)
    });
    days.min().map(|day| wall::start_of_day(day, scope.terms.value.zone))
}

/// What can be told from one side of a limit.
#[derive(PartialEq)]
enum Side {
    Compared(Option<std::cmp::Ordering>),
    Whole(Option<Measured>),
}

impl Limit {
    fn side(&self, customer: &Customer, scope: Scope<'_>, day: NaiveDate) -> Side {
        let measured = self.measure.of(Some(customer), scope.terms, day);
        match (measured, self.at) {
            (Some(Measured::Whole(number)), Some(at)) => Side::Compared(f64::from(number).partial_cmp(&at)),
            (Some(Measured::Number(number)), Some(at)) => Side::Compared(number.partial_cmp(&at)),
            (measured, _) => Side::Whole(measured),
        }
    }
}

/// Finds what a condition looks at.
pub(super) fn limits(expression: &IdedExpr, inputs: &[Input]) -> Vec<Limit> {
    let measures: Vec<(String, Measure)> = inputs
        .iter()
        .enumerate()
        .filter(|(_, input)| matches!(input, Input::Attribute(_)))
        .filter_map(|(index, input)| Some((variable(index), of(input).filter(|measure| measure.changes_daily())?)))
        .collect();
    let mut found = Vec::new();
    if !measures.is_empty() {
        look(expression, &measures, &mut found);
    }
    found
}

fn look(node: &IdedExpr, measures: &[(String, Measure)], found: &mut Vec<Limit>) {
    let measure = |node: &IdedExpr| match &node.expr {
        Expr::Ident(name) => measures.iter().find(|(known, _)| known == name).map(|(_, measure)| *measure),
        _ => None,
    };
    let mut inside = |nodes: &[&IdedExpr]| nodes.iter().for_each(|node| look(node, measures, found));
    match &node.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(_) => found.extend(measure(node).map(|measure| Limit { measure, at: None })),
        Expr::Select(select) => inside(&[&select.operand]),
        Expr::Call(call) => {
            if let [one, other] = call.args.as_slice()
                && ["_<_", "_<=_", "_>_", "_>=_"].contains(&call.func_name.as_str())
                && let Some((measure, at)) = measure(one).zip(number(other)).or_else(|| measure(other).zip(number(one)))
            {
                found.push(Limit { measure, at: Some(at) });
                return;
            }
            // Whether there is anything at all does not change with the days.
            let is_null = |node: &IdedExpr| matches!(&node.expr, Expr::Literal(LiteralValue::Null));
            if ["_==_", "_!=_"].contains(&call.func_name.as_str()) && call.args.iter().any(is_null) {
                return;
            }
            inside(&call.target.as_deref().into_iter().chain(&call.args).collect::<Vec<_>>());
        }
        Expr::List(list) => inside(&list.elements.iter().collect::<Vec<_>>()),
        Expr::Map(map) => entries(map.entries.iter().map(|entry| &entry.expr), measures, found),
        Expr::Struct(inner) => entries(inner.entries.iter().map(|entry| &entry.expr), measures, found),
        Expr::Comprehension(inner) => {
            inside(&[&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result]);
        }
    }
}

fn entries<'a>(entries: impl Iterator<Item = &'a EntryExpr>, measures: &[(String, Measure)], found: &mut Vec<Limit>) {
    for entry in entries {
        match entry {
            EntryExpr::MapEntry(entry) => {
                look(&entry.key, measures, found);
                look(&entry.value, measures, found);
            }
            EntryExpr::StructField(field) => look(&field.value, measures, found),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no limit needs more than 53 bits")]
fn number(node: &IdedExpr) -> Option<f64> {
    match &node.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner() as f64),
        Expr::Literal(LiteralValue::UInt(number)) => Some(*number.inner() as f64),
        Expr::Literal(LiteralValue::Double(number)) => Some(*number.inner()),
        _ => None,
    }
}
