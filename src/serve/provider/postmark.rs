//! Postmark: one event a request, proved by a password in the address or by a header.

use serde_json::Value;

use super::read::{at, text, time, token, word};
use super::{Letter, Refused, Told, Unreadable, What};
use crate::inbound::{Called, Reason, verdict};
use crate::serve::machine;

pub(super) fn open(body: &[u8]) -> Result<Letter, Refused> {
    let event = serde_json::from_slice(body).map_err(|_| Refused::Malformed("the body is no JSON"))?;
    let mut letter = Letter::default();
    letter.take(told(&event));
    Ok(letter)
}

fn told(event: &Value) -> Result<Option<Told>, Unreadable> {
    let kind = text(event, &["RecordType"]);
    let agent = at(event, &["UserAgent"]).and_then(Value::as_str);
    let (what, recipient, when) = match kind {
        "Delivery" => (What::Delivered, "Recipient", "DeliveredAt"),
        "Bounce" => match bounce(event) {
            Some(what) => (what, "Email", "BouncedAt"),
            None => return Ok(None),
        },
        "SpamComplaint" => (What::Complained("abuse".to_owned()), "Email", "BouncedAt"),
        "Open" => (What::Opened(machine::open_told(agent)), "Recipient", "ReceivedAt"),
        "Click" => {
            let url = text(event, &["OriginalLink"]).to_owned();
            (What::Clicked(machine::click_told(agent), url), "Recipient", "ReceivedAt")
        }
        // The other way round a person has asked to be mailed again: that is no provider's to say.
        "SubscriptionChange" if at(event, &["SuppressSending"]) != Some(&Value::Bool(true)) => return Ok(None),
        "SubscriptionChange" => match (text(event, &["SuppressionReason"]), text(event, &["Origin"])) {
            ("ManualSuppression", "Recipient") => (What::Left, "Recipient", "ChangedAt"),
            // Told as a bounce or a complaint too.
            _ => return Ok(None),
        },
        "" => return Err(Unreadable),
        _ => return Ok(None),
    };
    let recipient = text(event, &[recipient]).to_owned();
    let message = text(event, &["MessageID"]);
    if recipient.is_empty() || message.is_empty() {
        return Err(Unreadable);
    }
    let at = time(event, &[when]);
    let link = text(event, &["OriginalLink"]);
    let id = format!("{kind} {message} {} {recipient} {} {link}", word(event, &["ID"]), text(event, &[when]));
    let ties = token(event, &["Metadata"]).into_iter().collect();
    Ok(Some(Told { id, ties, recipient, what, at }))
}

/// Returns what a bounce is; some of Postmark's types are none.
fn bounce(event: &Value) -> Option<What> {
    let called = |hard: bool, reason: Option<Reason>| Called { hard, reason };
    let called = match text(event, &["Type"]) {
        "HardBounce" | "BadEmailAddress" => called(true, Some(Reason::UserUnknown)),
        "SpamComplaint" => return Some(What::Complained("abuse".to_owned())),
        "Unsubscribe" => return Some(What::Left),
        "AutoResponder" | "AddressChange" | "Subscribe" | "OpenRelayTest" | "Unconfirmed" => return None,
        "Transient" => return Some(What::Noted),
        "DnsError" => called(false, Some(Reason::NetworkError)),
        "SpamNotification" => called(false, Some(Reason::SpamDetected)),
        "VirusNotification" => called(false, Some(Reason::VirusDetected)),
        "DMARCPolicy" => called(false, Some(Reason::AuthFailure)),
        "Blocked" => called(false, Some(Reason::Blocked)),
        _ => called(false, None),
    };
    // `Details` has the server's words, `Description` Postmark's own on the type.
    Some(What::Failed(verdict(called, "", text(event, &["Details"]))))
}
