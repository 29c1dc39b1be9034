//! Small parts of what providers send: texts, times and names at some place of a JSON value.

use chrono::DateTime;
use serde_json::Value;

use super::Tie;
use crate::mail::provider::NAME;
use crate::model::Instant;
use crate::model::wall;

/// Returns the text at a place; an empty one where there is none.
pub(super) fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the text or number at a place as text.
pub(super) fn word(value: &Value, path: &[&str]) -> String {
    match at(value, path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// Returns the items of a list at a place.
pub(super) fn list<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the time at a place, as RFC 3339 has it.
pub(super) fn time(value: &Value, path: &[&str]) -> Option<Instant> {
    let at = DateTime::parse_from_rfc3339(text(value, path)).ok()?;
    Some(wall::whole(at.to_utc()))
}

/// Returns the time at a place, in seconds since 1970, perhaps with a fraction.
pub(super) fn seconds(value: &Value, path: &[&str]) -> Option<Instant> {
    let seconds: f64 = word(value, path).parse().ok()?;
    let is_time = (0.0..1e11).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "it was looked at just now")]
    is_time.then(|| DateTime::from_timestamp_millis((seconds * 1000.0).round() as i64)).flatten()
}

/// Returns the token of a mail at a place.
pub(super) fn token(value: &Value, path: &[&str]) -> Option<Tie> {
    let token = text(at(value, path)?, &[NAME]);
    (!token.is_empty()).then(|| Tie::Token(token.to_owned()))
}

/// Returns the Message-ID at a place.
pub(super) fn message_id(value: &Value, path: &[&str]) -> Option<Tie> {
    let id = text(value, path).trim().trim_start_matches('<').trim_end_matches('>');
    (!id.is_empty()).then(|| Tie::MessageId(id.to_owned()))
}

/// Returns the address in `Name <address>`, or the text itself.
pub(super) fn address(text: &str) -> &str {
    let inside = text.rsplit_once('<').and_then(|(_, rest)| rest.split('>').next());
    inside.unwrap_or(text).trim()
}
