//! Brevo: one event a request, or a list of them where batches are switched on; proved by a password or a bearer's token.

use serde_json::Value;

use super::read::{at, message_id, seconds, text, word};
use super::{Letter, Refused, Tie, Told, Unreadable, What};
use crate::inbound::{Called, Reason, verdict};
use crate::mail::provider::NAME;
use crate::model::reaction::By;
use crate::serve::machine;

pub(super) fn open(body: &[u8]) -> Result<Letter, Refused> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed("the body is no JSON"))?;
    let mut letter = Letter::default();
    let events = match &body {
        Value::Array(events) => events.as_slice(),
        event => std::slice::from_ref(event),
    };
    for event in events {
        letter.take(told(event));
    }
    Ok(letter)
}

fn told(event: &Value) -> Result<Option<Told>, Unreadable> {
    let agent = at(event, &["user_agent"]).and_then(Value::as_str);
    let failed = |hard: bool, reason: Option<Reason>| {
        What::Failed(verdict(Called { hard, reason }, "", text(event, &["reason"])))
    };
    let what = match text(event, &["event"]) {
        "delivered" => What::Delivered,
        "hard_bounce" | "invalid_email" => failed(true, Some(Reason::UserUnknown)),
        "soft_bounce" | "error" => failed(false, None),
        "blocked" => failed(false, Some(Reason::Blocked)),
        "spam" | "complaint" => What::Complained("abuse".to_owned()),
        "unsubscribed" => What::Left,
        // The first opening is told under both names.
        "opened" | "unique_opened" => What::Opened(machine::open_told(agent)),
        "proxy_open" | "unique_proxy_open" => What::Opened(By::Proxy),
        "click" => What::Clicked(machine::click_told(agent), text(event, &["link"]).to_owned()),
        "request" | "sent" | "deferred" => What::Noted,
        "" => return Err(Unreadable),
        _ => return Ok(None),
    };
    let recipient = text(event, &["email"]).to_owned();
    if recipient.is_empty() {
        return Err(Unreadable);
    }
    // `ts_epoch` is in milliseconds, and of the mail itself for some events.
    let when = ["ts_event", "ts"].into_iter().find(|name| event.get(name).is_some()).unwrap_or("ts_event");
    let custom = text(event, &["X-Mailin-custom"]).split('|').find_map(|pair| {
        let (name, token) = pair.trim().split_once(':')?;
        (name.trim() == NAME).then(|| Tie::Token(token.trim().to_owned()))
    });
    let ties = custom.into_iter().chain(message_id(event, &["message-id"])).collect();
    let message = text(event, &["message-id"]);
    let id = format!("{} {message} {recipient} {} {}", what.word(), word(event, &[when]), text(event, &["link"]));
    Ok(Some(Told { id, ties, recipient, what, at: seconds(event, &[when]) }))
}
