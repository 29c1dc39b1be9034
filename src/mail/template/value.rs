//! Values as templates see them: how one is written, and whether there is one.

use serde_json::Value;

/// Returns a value as people write it; nothing for null.
pub(super) fn write(value: &Value) -> Option<String> {
    match value {
        // A slip such as `{{contact}}` must not write down everything that is known of somebody.
        Value::Null | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned))
        }
        Value::Array(list) => Some(list.iter().filter_map(write).collect::<Vec<_>>().join(", ")),
    }
}

/// Says whether there is nothing to show: null, or blank text.
pub(super) fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

pub(super) fn is_true(value: &Value) -> bool {
    use handlebars::JsonTruthy;
    value.is_truthy(false)
}
