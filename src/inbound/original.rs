//! What ties a message to a mail that was sent: identifiers in the returned headers and in the message's own.

use super::message::{Headers, Message};
use super::text::{addresses, one_line};
use super::{Original, notification, prose};

const MOST_IDS: usize = 30;

/// Returns what a message says of the mail that it returns or answers.
pub(super) fn of(message: &Message) -> Original {
    let mut original = Original { from: message.from(), subject: message.subject(), ..Original::default() };
    if let Some(returned) = returned(message) {
        add_ids(&mut original, &returned, &["message-id"]);
        original.returns_to.extend(returned.all("return-path").flat_map(addresses).take(MOST_IDS));
        original.list_id = returned.get("list-id").map(list_id);
        original.feedback_id = returned.get("feedback-id").map(one_line);
    }
    add_ids(
        &mut original,
        &message.headers,
        &["in-reply-to", "x-original-message-id", "x-auto-response-to", "references"],
    );
    for part in message.parts.iter().filter(|part| !part.returned && part.kind == "message/delivery-status") {
        let fields = Headers::read(part.text.as_bytes()).0;
        add_ids(&mut original, &fields, &["x-original-message-id", "original-envelope-id"]);
    }
    for part in message.parts.iter().filter(|part| !part.returned && part.kind == "message/feedback-report") {
        let fields = Headers::read(part.text.as_bytes()).0;
        original.returns_to.extend(fields.all("original-mail-from").flat_map(addresses).take(MOST_IDS));
    }
    original.returns_to.extend(notification::returns_to(message).iter().flat_map(|source| addresses(source)));
    if original.message_ids.is_empty() {
        for text in message.texts() {
            let lines = text.lines().take(200).filter_map(|line| line.trim_start().split_once(':'));
            for (_, value) in lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("message-id")) {
                add(&mut original, value);
            }
        }
    }
    for name in ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc"] {
        for address in message.headers.all(name).flat_map(addresses) {
            if original.to.len() < MOST_IDS && !original.to.contains(&address) {
                original.to.push(address);
            }
        }
    }
    original
}

/// Returns the headers of the mail that a message returns: attached, as headers alone, or behind the prose.
pub(super) fn returned(message: &Message) -> Option<Headers> {
    let attached = message.parts.iter().find_map(|part| match part.kind.as_str() {
        "message/rfc822" | "message/global" if !part.headers.is_empty() => Some(part.headers.clone()),
        "message/rfc822"
        | "message/global"
        | "text/rfc822-headers"
        | "message/rfc822-headers"
        | "message/global-headers" => fields(&part.text),
        _ => None,
    });
    attached.or_else(|| message.texts().take(4).find_map(|text| prose::behind_announcement(text).and_then(fields)))
}

/// Reads headers out of a text, from the first line on that looks like one.
fn fields(text: &str) -> Option<Headers> {
    let mut rest = text;
    for _ in 0..40 {
        let line = rest.lines().next()?;
        let is_field = line.split_once(':').is_some_and(|(name, _)| {
            name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        if is_field {
            let (headers, _) = Headers::read(rest.as_bytes());
            if ["message-id", "from", "subject", "received", "to"].iter().any(|name| headers.has(name)) {
                return Some(headers);
            }
        }
        rest = rest.split_once('\n')?.1;
    }
    None
}

fn add_ids(original: &mut Original, headers: &Headers, names: &[&str]) {
    for name in names {
        for value in headers.all(name) {
            add(original, value);
        }
    }
}

/// Adds the identifiers in a value, the last first: the last of `References` is the mail that was answered.
fn add(original: &mut Original, value: &str) {
    for word in value.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | '"')).rev() {
        let is_id = word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        if is_id && original.message_ids.len() < MOST_IDS && !original.message_ids.iter().any(|known| known == word) {
            original.message_ids.push(word.to_owned());
        }
    }
}

fn list_id(value: &str) -> String {
    let inner = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(id, _)| id);
    one_line(inner)
}
