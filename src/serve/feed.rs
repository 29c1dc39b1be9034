//! `POST /events`: a web shop, a form or a tracker tells what contacts did.
//!
//! One JSON object, or one a line. All of a request is recorded or nothing: whoever gets it wrong mends and sends it again. An
//! event of somebody who is no contact is told of and not recorded, because an event is no consent.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Room, secret};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::event::refusal;
use crate::model::id::is_name;
use crate::model::octets::hexadecimal;
use crate::model::wall;
use crate::store::{EventChange, NewEvent, Result, Work};

/// Events in one request.
const MOST: usize = 1000;
/// The longest `Idempotency-Key`.
const LONGEST_KEY: usize = 200;

/// An event as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    email: String,
    event: String,
    /// RFC 3339; the present time if left out.
    at: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

struct Read {
    line: usize,
    address: Address,
    event: String,
    at: Instant,
    properties: Map<String, Value>,
}

/// Records events.
pub(super) async fn record(State(room): State<Room>, headers: HeaderMap, request: Request) -> Response {
    let Some(key) = &room.site.feed_key else {
        return say(StatusCode::NOT_FOUND, &json!({ "error": "no events are taken here: DRIP_EVENTS_KEY is not set" }));
    };
    if !secret::bears(&headers, key) {
        let mut refused = say(StatusCode::UNAUTHORIZED, &json!({ "error": "the key is missing or wrong" }));
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        return refused;
    }
    let once = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
    if once.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
        return say(StatusCode::BAD_REQUEST, &json!({ "error": "the Idempotency-Key has 1 to 200 ASCII characters" }));
    }
    let body = match Bytes::from_request(request, &room).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let now = (room.site.clock)();
    let events = match read(&body, now) {
        Ok(events) => events,
        Err(errors) => {
            return say(StatusCode::BAD_REQUEST, &json!({ "error": "nothing was recorded", "lines": errors }));
        }
    };
    let request = hexadecimal(Sha256::digest(&body));
    let answered = room.desk.ask(move |work| match once {
        Some(key) => record_once(work, &key, &request, &events, now),
        None => Ok(Ok(add(work, &events)?)),
    });
    match answered.await {
        Some(Ok(answer)) => {
            room.metrics.fed(&answer);
            say(StatusCode::OK, &answer)
        }
        Some(Err(what)) => say(StatusCode::CONFLICT, &json!({ "error": what })),
        None => say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "nothing was recorded; try again" })),
    }
}

fn read(body: &[u8], now: Instant) -> std::result::Result<Vec<Read>, Vec<Value>> {
    let wrong = |line: usize, what: &str| json!({ "line": line, "error": what });
    let Ok(text) = std::str::from_utf8(body) else { return Err(vec![wrong(1, "the body is not UTF-8")]) };
    // One object may stand on many lines.
    let whole: Option<Vec<&str>> = serde_json::from_str::<Told>(text).is_ok().then(|| vec![text]);
    let lines = whole.unwrap_or_else(|| text.lines().collect());
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    for (index, text) in lines.into_iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        match event(index + 1, text, now) {
            Ok(event) => events.push(event),
            Err(what) => errors.push(wrong(index + 1, &what)),
        }
    }
    if errors.is_empty() && events.is_empty() {
        errors.push(wrong(1, "there is no event"));
    }
    if events.len() > MOST {
        errors.push(wrong(MOST + 1, "a request has at most 1000 events"));
    }
    if errors.is_empty() { Ok(events) } else { Err(errors) }
}

fn event(line: usize, text: &str, now: Instant) -> std::result::Result<Read, String> {
    let told: Told = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let address = Address::parse(&told.email).map_err(|error| format!("`email`: {error}"))?;
    if !is_name(&told.event) {
        return Err(format!("`{}` is not an event name; use letters, digits, `-`, `_` and `.`", told.event));
    }
    if let Some((why, hint)) = refusal(&told.event) {
        return Err(format!("`{}` as an event {why}; {hint}", told.event));
    }
    let at = match &told.at {
        None => now,
        Some(text) => {
            let at = DateTime::parse_from_rfc3339(text);
            wall::whole(at.map_err(|_| format!("`{text}` is no time; write it as 2026-03-02T09:00:00+07:00"))?.to_utc())
        }
    };
    Ok(Read { line, address, event: told.event, at, properties: told.properties })
}

/// Records the events of a request that bears a key of its own, unless it was recorded before.
fn record_once(
    work: &Work<'_>,
    key: &str,
    request: &str,
    events: &[Read],
    now: Instant,
) -> Result<std::result::Result<Value, &'static str>> {
    if let Some((earlier, answer)) = work.answered(key)? {
        if earlier != request {
            return Ok(Err("another request had this Idempotency-Key"));
        }
        return Ok(Ok(serde_json::from_str(&answer).unwrap_or_default()));
    }
    let answer = add(work, events)?;
    work.note_answer(key, request, &answer.to_string(), now)?;
    Ok(Ok(answer))
}

fn add(work: &Work<'_>, events: &[Read]) -> Result<Value> {
    let (mut added, mut known, mut unknown) = (0, 0, Vec::new());
    for Read { line, address, event, at, properties } in events {
        let Some(contact) = work.contact(address)? else {
            unknown.push(json!({ "line": line, "error": "there is no such contact" }));
            continue;
        };
        match work.add_event(&NewEvent { contact: contact.id, name: event, at: *at, properties }, None)? {
            EventChange::Added => added += 1,
            EventChange::Known => known += 1,
        }
    }
    Ok(json!({ "recorded": added, "known": known, "unknown": unknown }))
}

/// Answers a program.
pub(super) fn say(status: StatusCode, answer: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{answer}\n")).into_response()
}
