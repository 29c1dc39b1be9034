//! `SendGrid`: a list of events a request, the whole of it signed (ECDSA on P-256 with SHA-256) beside the time.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::read::{at, message_id, seconds, text, token};
use super::{Letter, Refused, Told, Unreadable, What, is_fresh};
use crate::inbound::{Called, Reason, verdict};
use crate::model::Instant;
use crate::model::reaction::By;
use crate::serve::machine;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIME: &str = "x-twilio-email-event-webhook-timestamp";
/// What stands before the point of the curve in every key of this kind (RFC 5480).
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Says whether a text is a verification key as `SendGrid` shows it.
pub fn is_key(text: &str) -> bool {
    point(text).is_some()
}

fn point(key: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(key.trim()).ok()?;
    let point = bytes.strip_prefix(&BEFORE_POINT)?;
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

pub(super) fn open(key: &str, headers: &HeaderMap, body: &[u8], now: Instant) -> Result<Letter, Refused> {
    let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stamp = given(TIME);
    let signature = STANDARD.decode(given(SIGNATURE)).unwrap_or_default();
    let signed = [stamp.as_bytes(), body].concat();
    let is_signed = point(key).is_some_and(|point| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&signed, &signature).is_ok()
    });
    if !is_signed {
        return Err(Refused::Unproved("the signature is missing or wrong"));
    }
    if !stamp.parse().is_ok_and(|at| is_fresh(at, now)) {
        return Err(Refused::Unproved("the signature is too old, or one of the clocks is wrong"));
    }
    let events: Vec<Value> =
        serde_json::from_slice(body).map_err(|_| Refused::Malformed("the body is no list in JSON"))?;
    let mut letter = Letter::default();
    for event in &events {
        letter.take(told(event));
    }
    Ok(letter)
}

fn told(event: &Value) -> Result<Option<Told>, Unreadable> {
    let kind = text(event, &["event"]);
    let agent = at(event, &["useragent"]).and_then(Value::as_str);
    let what = match kind {
        "delivered" => What::Delivered,
        "bounce" => failed(event),
        "dropped" => dropped(event),
        "spamreport" => What::Complained("abuse".to_owned()),
        "unsubscribe" | "group_unsubscribe" => What::Left,
        "open" if at(event, &["sg_machine_open"]) == Some(&Value::Bool(true)) => What::Opened(By::Machine),
        "open" => What::Opened(machine::open_told(agent)),
        "click" => What::Clicked(machine::click_told(agent), text(event, &["url"]).to_owned()),
        "processed" | "deferred" => What::Noted,
        "" => return Err(Unreadable),
        _ => return Ok(None),
    };
    let (recipient, id) = (text(event, &["email"]).to_owned(), text(event, &["sg_event_id"]).to_owned());
    if recipient.is_empty() || id.is_empty() {
        return Err(Unreadable);
    }
    let ties = token(event, &[]).into_iter().chain(message_id(event, &["smtp-id"])).collect();
    Ok(Some(Told { id, ties, recipient, what, at: seconds(event, &["timestamp"]) }))
}

fn failed(event: &Value) -> What {
    let reason = match text(event, &["bounce_classification"]) {
        "Invalid Address" => Some(Reason::UserUnknown),
        "Mailbox Unavailable" => Some(Reason::Suspend),
        "Reputation" => Some(Reason::BadReputation),
        "Content" => Some(Reason::ContentError),
        "Frequency or Volume Too High" | "Frequency/Volume" => Some(Reason::Speeding),
        _ => None,
    };
    // `blocked`: this mail was refused, and `SendGrid` itself sends the next one.
    let hard = text(event, &["type"]) != "blocked" && reason.is_none_or(|reason| reason == Reason::UserUnknown);
    What::Failed(verdict(Called { hard, reason }, text(event, &["status"]), text(event, &["reason"])))
}

/// Returns what became of a mail that `SendGrid` did not send, most often for what it knows of the address.
fn dropped(event: &Value) -> What {
    let why = text(event, &["reason"]);
    let listed = |words: &str| why.to_ascii_lowercase().starts_with(words);
    if listed("spam reporting") {
        return What::Complained("abuse".to_owned());
    }
    if listed("unsubscribed") {
        return What::Left;
    }
    let hard = listed("bounced address") || listed("invalid");
    let reason = if hard { Reason::UserUnknown } else { Reason::Rejected };
    let mut failure = verdict(Called { hard, reason: Some(reason) }, text(event, &["status"]), "");
    why.clone_into(&mut failure.diagnostic);
    What::Failed(failure)
}
