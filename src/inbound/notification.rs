//! Notes of Amazon SES that come as mail: JSON inside a note of its message service (SNS).

use serde_json::Value;

use super::doubt;
use super::message::Message;
use super::reason::{self, Evidence};
use super::text::{plain, reply_code, status};
use super::{Action, Kind, Recipient};

/// Returns what a note of SES is.
pub(super) fn read(message: &Message) -> Option<Kind> {
    let note = note(message)?;
    let said = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    match note.get("notificationType").or_else(|| note.get("eventType"))?.as_str()? {
        "Bounce" => {
            let bounce = note.get("bounce")?;
            let recipients = list(bounce, "bouncedRecipients");
            let recipients = recipients.iter().take(100).map(|recipient| {
                let diagnostic = said(recipient, "diagnosticCode");
                one(said(recipient, "emailAddress"), &diagnostic, &said(recipient, "status"), Action::Failed)
            });
            Some(Kind::Report(recipients.collect()))
        }
        "Complaint" => {
            let complaint = note.get("complaint")?;
            let recipients = list(complaint, "complainedRecipients");
            let kind = said(complaint, "complaintFeedbackType");
            Some(Kind::Complaint {
                recipients: recipients.iter().take(100).map(|recipient| said(recipient, "emailAddress")).collect(),
                feedback_type: if kind.is_empty() { "abuse".to_owned() } else { kind },
            })
        }
        "Delivery" => {
            let delivery = note.get("delivery")?;
            let answer = said(delivery, "smtpResponse");
            let recipients = list(delivery, "recipients");
            let recipients = recipients.iter().take(100).filter_map(Value::as_str);
            Some(Kind::Report(
                recipients.map(|address| one(address.to_owned(), &answer, "", Action::Delivered)).collect(),
            ))
        }
        _ => None,
    }
}

/// Returns where bounces of the mail that a note speaks of were to go.
pub(super) fn returns_to(message: &Message) -> Option<String> {
    Some(note(message)?.get("mail")?.get("source")?.as_str()?.to_owned())
}

/// Returns the note in a message, out of its envelope.
fn note(message: &Message) -> Option<Value> {
    let text = message.text().trim_start();
    if !text.starts_with('{') || !text.contains("notificationType") && !text.contains("eventType") {
        return None;
    }
    // Lines too long for a mail were folded, which no string in JSON survives.
    let value: Value = from_start(text).or_else(|| from_start(&text.replace("\r\n ", "").replace("\n ", "")))?;
    let inner = value.get("Message").and_then(Value::as_str).and_then(from_start);
    Some(inner.unwrap_or(value))
}

/// Reads the JSON that a text begins with; mail programs put a footer below it.
fn from_start(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
}

fn one(address: String, diagnostic: &str, code: &str, action: Action) -> Recipient {
    let diagnostic = diagnostic.strip_prefix("smtp;").unwrap_or(diagnostic).trim();
    let near = [plain(diagnostic)];
    let evidence = Evidence {
        action,
        status: status(diagnostic).or_else(|| status(code)),
        answered: status(diagnostic).is_some(),
        reply_code: reply_code(diagnostic),
        verb: None,
        own_lookup: false,
        cites: false,
        own_hosts: &[],
        near: &near,
        far: &[],
    };
    let reason = reason::reason(&evidence);
    Recipient {
        address,
        original_recipient: None,
        action,
        status: evidence.status,
        reply_code: evidence.reply_code,
        diagnostic: diagnostic.to_owned(),
        reason,
        permanence: doubt::permanence(reason, &evidence),
    }
}
