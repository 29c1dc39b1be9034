//! What each function takes, so that a wrong call is found before any mail is made.

use std::collections::HashMap;

use chrono_tz::Tz;
use handlebars::template::Parameter;
use serde_json::Value;

use crate::error::Diagnostic;

use super::function::WRITTEN;
use super::locale::{Words, Writing};
use super::written::Call;

/// A function's values: how many, and what stands in for those that only a contact has.
struct Signature {
    name: &'static str,
    least: usize,
    most: usize,
    /// The last one stands in for all that follow.
    samples: &'static [&'static str],
    /// `None` where any name will do.
    named: Option<&'static [(&'static str, &'static str)]>,
}

const fn of(name: &'static str, least: usize, most: usize, samples: &'static [&'static str]) -> Signature {
    Signature { name, least, most, samples, named: Some(&[]) }
}

const fn named(
    name: &'static str,
    samples: &'static [&'static str],
    named: &'static [(&'static str, &'static str)],
) -> Signature {
    Signature { name, least: 1, most: 1, samples, named: Some(named) }
}

const DECIMALS: &[(&str, &str)] = &[("decimals", "0")];
const MANY: usize = 20;

const SIGNATURES: [Signature; 33] = [
    of("default", 1, MANY, &["1"]),
    of("upper", 1, 1, &["x"]),
    of("lower", 1, 1, &["x"]),
    of("capitalize", 1, 1, &["x"]),
    of("title", 1, 1, &["x"]),
    of("trim", 1, 1, &["x"]),
    of("truncate", 2, 2, &["x", "40"]),
    of("replace", 3, 3, &["x"]),
    of("join", 1, 2, &["x"]),
    of("concat", 1, MANY, &["x"]),
    of("len", 1, 1, &["x"]),
    named("date", &["2026-03-01"], &[("style", "long"), ("format", "%d")]),
    of("date_add", 2, 2, &["2026-03-01 09:00", "7d"]),
    named("number", &["1"], DECIMALS),
    named("percent", &["1"], DECIMALS),
    named("round", &["1"], DECIMALS),
    of("money", 2, 2, &["1", "VND"]),
    of("plural", 2, 3, &["1", "x"]),
    Signature { name: "url", least: 1, most: 1, samples: &["https://acme.example"], named: None },
    of("add", 2, 2, &["1"]),
    of("sub", 2, 2, &["1"]),
    of("mul", 2, 2, &["1"]),
    of("div", 2, 2, &["1"]),
    of("lookup", 2, 2, &["x"]),
    of("eq", 2, 2, &["1"]),
    of("ne", 2, 2, &["1"]),
    of("gt", 2, 2, &["1"]),
    of("gte", 2, 2, &["1"]),
    of("lt", 2, 2, &["1"]),
    of("lte", 2, 2, &["1"]),
    of("and", 1, MANY, &["1"]),
    of("or", 1, MANY, &["1"]),
    of("not", 1, 1, &["1"]),
];

/// Complains about a call that no contact could make right.
pub(super) fn check(name: &str, values: &[Parameter], given: &HashMap<String, Parameter>) -> Option<Diagnostic> {
    let signature = SIGNATURES.iter().find(|one| one.name == name)?;
    if !(signature.least..=signature.most).contains(&values.len()) {
        let takes = match (signature.least, signature.most) {
            (1, 1) => "1 value".to_owned(),
            (least, most) if least == most => format!("{least} values"),
            (least, MANY) => format!("at least {least}"),
            (least, most) => format!("{least} or {most} values"),
        };
        let are = if values.len() == 1 { "is" } else { "are" };
        let wrong = Diagnostic::error(format!("`{name}` takes {takes}, and here {are} {}", values.len()));
        return Some(wrong.hint(if values.len() < signature.least {
            "`drip help templates` shows how each function is called"
        } else {
            "a text of several words stands between straight quotes"
        }));
    }
    if let Some(known) = signature.named
        && let Some(unknown) = given.keys().find(|key| !known.iter().any(|(name, _)| name == key))
    {
        let wrong = Diagnostic::error(format!("`{name}` has no argument `{unknown}`"));
        let names = known.iter().map(|(name, _)| format!("`{name}=`")).collect::<Vec<_>>().join(" and ");
        return Some(wrong.hint(match known {
            [] => "it takes values alone".to_owned(),
            _ => format!("it has {names}"),
        }));
    }
    let (_, function) = WRITTEN.iter().find(|(known, _)| *known == name)?;
    let sample = |index: usize| signature.samples.get(index).or(signature.samples.last()).copied().unwrap_or("1");
    let values: Vec<Value> = values.iter().enumerate().map(|(index, value)| literal(value, sample(index))).collect();
    let other = |key: &str| signature.named.and_then(|known| known.iter().find(|(name, _)| *name == key));
    let given: Vec<(&str, Value)> = given
        .iter()
        .map(|(key, value)| (key.as_str(), literal(value, other(key).map_or("x", |(_, sample)| sample))))
        .collect();
    let call = Call {
        name,
        values: values.iter().collect(),
        named: given.iter().map(|(key, value)| (*key, value)).collect(),
        writing: Writing { words: Words::English, zone: Tz::UTC },
    };
    let said = function(&call).err()?;
    Some(match said.split_once("; ") {
        Some((message, hint)) => Diagnostic::error(message).hint(hint),
        None => Diagnostic::error(said).hint("look at the values it is given"),
    })
}

fn literal(parameter: &Parameter, sample: &str) -> Value {
    match parameter {
        Parameter::Literal(value) => value.clone(),
        _ => sample.parse::<u32>().map_or_else(|_| sample.into(), Value::from),
    }
}
