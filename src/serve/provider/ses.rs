//! Amazon SES: what a message of SNS holds, by feedback notifications of an identity or by events of a configuration set.

use serde_json::Value;

use super::read::{address, at, list, message_id, text, time};
use super::{Letter, Tie, Told, Unreadable, What};
use crate::inbound::{Called, Reason, verdict};
use crate::mail::provider::NAME;
use crate::serve::machine;

/// Reads a message; its name in SNS is for events that have no other.
pub(super) fn read(message: &str, name: &str) -> Letter {
    let mut letter = Letter::default();
    match serde_json::from_str::<Value>(message) {
        Ok(event) if event.is_object() => told(&event, name, &mut letter),
        // SES tries a new topic out with a sentence.
        _ => letter.ignored += 1,
    }
    letter
}

fn told(event: &Value, name: &str, letter: &mut Letter) {
    let kind = [text(event, &["eventType"]), text(event, &["notificationType"])];
    let kind = kind.into_iter().find(|kind| !kind.is_empty()).unwrap_or_default();
    let agent = |of: &str| at(event, &[of, "userAgent"]).and_then(Value::as_str);
    let all = |what: What, part: &str, letter: &mut Letter| {
        let to = list(event, &["mail", "destination"]).iter().find_map(Value::as_str);
        letter.take(one(event, name, what, to.unwrap_or_default(), part));
    };
    match kind {
        "Bounce" => {
            for recipient in list(event, &["bounce", "bouncedRecipients"]) {
                let to = text(recipient, &["emailAddress"]);
                letter.take(one(event, name, What::Failed(failure(event, recipient)), to, "bounce"));
            }
        }
        "Complaint" => {
            let feedback = match text(event, &["complaint", "complaintFeedbackType"]) {
                "" => "abuse",
                feedback => feedback,
            };
            for recipient in list(event, &["complaint", "complainedRecipients"]) {
                let to = text(recipient, &["emailAddress"]);
                letter.take(one(event, name, What::Complained(feedback.to_owned()), to, "complaint"));
            }
        }
        "Delivery" => {
            for recipient in list(event, &["delivery", "recipients"]) {
                let to = recipient.as_str().unwrap_or_default();
                letter.take(one(event, name, What::Delivered, to, "delivery"));
            }
        }
        "Open" => all(What::Opened(machine::open_told(agent("open"))), "open", letter),
        "Click" => {
            let url = text(event, &["click", "link"]).to_owned();
            all(What::Clicked(machine::click_told(agent("click")), url), "click", letter);
        }
        "Reject" => {
            let called = Called { hard: false, reason: Some(Reason::VirusDetected) };
            all(What::Failed(verdict(called, "", text(event, &["reject", "reason"]))), "reject", letter);
        }
        "Subscription" => {
            let leaves = at(event, &["subscription", "newTopicPreferences", "unsubscribeAll"]);
            if leaves == Some(&Value::Bool(true)) {
                all(What::Left, "subscription", letter);
            } else {
                letter.ignored += 1;
            }
        }
        "Send" | "DeliveryDelay" => all(What::Noted, "", letter),
        "" => letter.unreadable += 1,
        _ => letter.ignored += 1,
    }
    if letter.told.is_empty() && letter.ignored == 0 {
        letter.unreadable = letter.unreadable.max(1);
    }
}

fn one(event: &Value, name: &str, what: What, recipient: &str, part: &str) -> Result<Option<Told>, Unreadable> {
    let recipient = address(recipient).to_owned();
    if recipient.is_empty() {
        return Err(Unreadable);
    }
    let mail = at(event, &["mail"]).unwrap_or(&Value::Null);
    // The same bounce comes by both ways, where both are set up.
    let id = [text(event, &[part, "feedbackId"]), text(event, &[part, "timestamp"]), name];
    let id = id.into_iter().find(|id| !id.is_empty()).unwrap_or_default();
    let link = text(event, &["click", "link"]);
    let id = format!("{} {} {id} {recipient} {link}", what.word(), text(mail, &["messageId"]));
    let tags = list(mail, &["tags", NAME]).iter().filter_map(Value::as_str);
    // SES gives the mail a Message-ID of its own; the one it came with stands among its headers.
    let header = list(mail, &["headers"]).iter().find(|one| text(one, &["name"]).eq_ignore_ascii_case("message-id"));
    let source = address(text(mail, &["source"]));
    let ties = tags
        .map(|token| Tie::Token(token.to_owned()))
        .chain((!source.is_empty()).then(|| Tie::ReturnPath(source.to_owned())))
        .chain(header.and_then(|header| message_id(header, &["value"])))
        .chain(message_id(mail, &["commonHeaders", "messageId"]))
        .collect();
    Ok(Some(Told { id, ties, recipient, what, at: time(event, &[part, "timestamp"]) }))
}

fn failure(event: &Value, recipient: &Value) -> crate::inbound::Failure {
    let hard = text(event, &["bounce", "bounceType"]) == "Permanent";
    let reason = match text(event, &["bounce", "bounceSubType"]) {
        "NoEmail" | "Suppressed" | "OnAccountSuppressionList" => Some(Reason::UserUnknown),
        "MailboxFull" => Some(Reason::MailboxFull),
        "MessageTooLarge" => Some(Reason::MesgTooBig),
        "ContentRejected" | "AttachmentRejected" => Some(Reason::ContentError),
        _ => None,
    };
    let words = text(recipient, &["diagnosticCode"]);
    // Nothing was sent, and what SES says of that is its own advice.
    let is_listed = ["Suppressed", "OnAccountSuppressionList"].contains(&text(event, &["bounce", "bounceSubType"]));
    verdict(Called { hard, reason }, text(recipient, &["status"]), if is_listed { "" } else { words })
}
