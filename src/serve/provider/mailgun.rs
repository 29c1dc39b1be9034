//! Mailgun: one event a request, beside a signature of a time and a token with the account's signing key.
//!
//! The signature does not cover the event. So each serves once: whoever has seen one could put another event beside it.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::read::{at, message_id, seconds, text, token, word};
use super::{Letter, Refused, Tie, Told, Unreadable, What, is_fresh};
use crate::inbound::{Called, Reason, verdict};
use crate::model::Instant;
use crate::model::reaction::By;
use crate::serve::machine;

/// Tokens have fifty characters.
const LONGEST_TOKEN: usize = 200;

pub(super) fn open(key: &str, body: &[u8], now: Instant) -> Result<Letter, Refused> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed("the body is no JSON"))?;
    let Some(event) = body.get("event-data").filter(|event| event.is_object()) else {
        return Err(Refused::Malformed("there is no `event-data`"));
    };
    let (stamp, once) = (word(&body, &["signature", "timestamp"]), text(&body, &["signature", "token"]));
    if !(1..=LONGEST_TOKEN).contains(&once.len())
        || !is_signed(key, &stamp, once, text(&body, &["signature", "signature"]))
    {
        return Err(Refused::Unproved("the signature is missing or wrong"));
    }
    if !stamp.parse().is_ok_and(|at| is_fresh(at, now)) {
        return Err(Refused::Unproved("the signature is too old, or one of the clocks is wrong"));
    }
    let mut letter = Letter { once: Some(once.to_owned()), ..Letter::default() };
    letter.take(told(event));
    Ok(letter)
}

/// Compares in constant time.
fn is_signed(key: &str, stamp: &str, once: &str, given: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
    mac.update(stamp.as_bytes());
    mac.update(once.as_bytes());
    let digits = given.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    digits.len() == 64 && bytes.is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

fn told(event: &Value) -> Result<Option<Told>, Unreadable> {
    let what = match text(event, &["event"]) {
        "delivered" => What::Delivered,
        "failed" => failed(event),
        "rejected" => {
            let words = text(event, &["reject", "reason"]);
            What::Failed(verdict(Called { hard: false, reason: Some(Reason::Rejected) }, "", words))
        }
        "complained" => What::Complained("abuse".to_owned()),
        "unsubscribed" => What::Left,
        "opened" => What::Opened(by(event, machine::open_told)),
        "clicked" => What::Clicked(by(event, machine::click_told), text(event, &["url"]).to_owned()),
        "accepted" => What::Noted,
        "" => return Err(Unreadable),
        _ => return Ok(None),
    };
    let (recipient, id) = (text(event, &["recipient"]).to_owned(), text(event, &["id"]).to_owned());
    if recipient.is_empty() || id.is_empty() {
        return Err(Unreadable);
    }
    let sender = text(event, &["envelope", "sender"]);
    let ties = token(event, &["user-variables"])
        .into_iter()
        .chain((!sender.is_empty()).then(|| Tie::ReturnPath(sender.to_owned())))
        .chain(message_id(event, &["message", "headers", "message-id"]))
        .collect();
    Ok(Some(Told { id, ties, recipient, what, at: seconds(event, &["timestamp"]) }))
}

fn failed(event: &Value) -> What {
    // It goes on trying.
    if text(event, &["severity"]) == "temporary" {
        return What::Noted;
    }
    let status = at(event, &["delivery-status"]).unwrap_or(&Value::Null);
    let words = [text(status, &["message"]), text(status, &["description"])];
    let words = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    let code = [text(status, &["enhanced-code"]).to_owned(), word(status, &["code"])];
    let code = code.into_iter().find(|code| !code.is_empty()).unwrap_or_default();
    let (hard, reason) = match text(event, &["reason"]) {
        // The address is on a list of Mailgun's, so nothing was sent.
        "suppress-complaint" => return What::Complained("abuse".to_owned()),
        "suppress-unsubscribe" => return What::Left,
        "suppress-bounce" => (true, Some(Reason::UserUnknown)),
        "old" => (false, Some(Reason::Expired)),
        "espblock" => (false, Some(Reason::Blocked)),
        _ => (text(status, &["bounce-type"]) != "soft", None),
    };
    // The words of a list's entry are Mailgun's own, with a code of its own.
    let is_listed = text(event, &["reason"]) == "suppress-bounce";
    let (code, words) = if is_listed { ("", "") } else { (code.as_str(), words) };
    What::Failed(verdict(Called { hard, reason }, code, words))
}

/// Returns who it was: Mailgun says so, where it knows a machine.
fn by(event: &Value, otherwise: fn(Option<&str>) -> By) -> By {
    match text(event, &["client-info", "bot"]) {
        "" => otherwise(at(event, &["client-info", "user-agent"]).and_then(Value::as_str)),
        "gmail" | "yahoo" => By::Proxy,
        _ => By::Machine,
    }
}
