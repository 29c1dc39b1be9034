//! Whether a person answers; and which lines of an answer are the person's own.

use super::message::Message;
use super::text::plain;
use super::words::ANSWERS;
use super::{Original, sender};

/// Tells whether a message that is nothing else answers another.
pub(super) fn is_reply(message: &Message, original: &Original) -> bool {
    let headers = &message.headers;
    if headers.has("list-id") && !headers.has("in-reply-to")
        || headers.has("list-unsubscribe") && !headers.has("in-reply-to")
    {
        return false;
    }
    headers.has("in-reply-to")
        || headers.has("references")
        || sender::is_answer(&original.subject.to_lowercase())
        || quotes(message.text())
}

/// Returns the lines of a text that its writer wrote, up to the mail that is quoted.
pub(super) fn unquoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take(400)
        .take_while(|line| !opens_quotation(line))
        .filter(|line| !line.trim_start().starts_with('>') && !line.trim().is_empty())
}

fn quotes(text: &str) -> bool {
    text.lines().take(400).any(|line| line.starts_with("> ") || opens_quotation(line))
}

/// Tells whether a line opens a quotation: `On Monday, Ann wrote:`, `-----Original Message-----`, `From: …` below a rule.
fn opens_quotation(line: &str) -> bool {
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.len() > 300 {
        return false;
    }
    let words = plain(trimmed);
    let rule = trimmed.starts_with("--") || trimmed.starts_with("__") || trimmed.starts_with("==");
    let says = |list: &str, fits: &dyn Fn(&str) -> bool| ANSWERS.list(list).iter().any(|known| fits(known));
    says("wrote", &|end| words.ends_with(end))
        || rule && says("below", &|known| words.contains(known))
        || words.contains('@') && says("from", &|from| words.starts_with(from))
}
