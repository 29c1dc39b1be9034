//! Complaints: the feedback loops of mailbox providers (RFC 5965), and the bare form that Microsoft's sends.

use super::Kind;
use super::message::{Headers, Message};
use super::original;
use super::text::addresses;

/// Returns the complaint that a message is.
pub(super) fn read(message: &Message) -> Option<Kind> {
    let fields = message.parts.iter().filter(|part| !part.returned).find(|part| part.kind == "message/feedback-report");
    let fields = match fields {
        Some(part) => Headers::read(part.text.trim_start().as_bytes()).0,
        None if is_bare(message) => Headers::default(),
        None => return None,
    };
    let feedback_type = fields.get("feedback-type").unwrap_or("abuse").trim().to_ascii_lowercase();
    let mut recipients: Vec<String> = Vec::new();
    let mut add = |found: Vec<String>| {
        for address in found {
            if recipients.len() < 100 && !recipients.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                recipients.push(address);
            }
        }
    };
    for name in ["original-rcpt-to", "removal-recipient", "x-original-rcpt-to"] {
        fields.all(name).for_each(|value| add(addresses(value)));
    }
    if recipients.is_empty()
        && let Some(returned) = original::returned(message)
    {
        for name in ["x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "to"] {
            if let Some(value) = returned.get(name) {
                recipients = addresses(value);
                break;
            }
        }
    }
    Some(Kind::Complaint { recipients, feedback_type })
}

/// Tells whether a message is a complaint in the form of the junk mail reporting programme: a mail attached,
/// below a subject that says so.
fn is_bare(message: &Message) -> bool {
    let subject = message.subject().to_lowercase();
    (subject.starts_with("complaint about message from") || message.headers.has("x-hmxmroriginalrecipient"))
        && message.parts.iter().any(|part| part.kind == "message/rfc822")
        || message.is_report_of("feedback-report")
}
