//! Leaving by mail, as mail programs do it for their reader; and drip's own mails, when one comes back.

use super::message::Message;
use super::reply::unquoted;
use super::sender;
use super::text::plain;
use super::words::ANSWERS;

/// Tells whether a message asks to be sent nothing more.
pub(super) fn asks_to_leave(message: &Message) -> bool {
    let subject = message.subject().to_lowercase();
    // The subject of drip's own `List-Unsubscribe`: the word and the token.
    if let Some(rest) = subject.trim().strip_prefix("unsubscribe ")
        && is_token(rest.trim())
    {
        return true;
    }
    if sender::is_answer(&subject) {
        // Below the subject of an answer only the whole of a person's own words counts.
        return message.headers.has("in-reply-to") && says_only_that(message);
    }
    let bare = subject.trim().trim_end_matches(['.', '!']);
    ANSWERS.list("leaving").contains(&bare) || subject.trim().is_empty() && says_only_that(message)
}

/// Tells whether the writer's own lines are a word of leaving and nothing else.
fn says_only_that(message: &Message) -> bool {
    let mut lines = unquoted(message.text());
    let Some(first) = lines.next() else { return false };
    let said = plain(first);
    ANSWERS.list("leaving").contains(&said.trim_end_matches(['.', '!', ' '])) && lines.next().is_none()
}

/// Tells whether a text is a token of drip's: the Message-ID of a mail, `token.number.xproof@domain`.
pub(super) fn is_token(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_proof = |proof: &str| proof.len() == 16 && proof.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Mails of before there was a proof have none.
    let local = local.rsplit_once(".x").filter(|(_, proof)| is_proof(proof)).map_or(local, |(local, _)| local);
    let Some((token, number)) = local.rsplit_once('.') else { return false };
    !text.contains(char::is_whitespace)
        && domain.contains('.')
        && !token.is_empty()
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a message is one that drip sent, come back as it was.
pub(super) fn is_our_own(message: &Message) -> bool {
    let headers = &message.headers;
    let id = headers.get("message-id").unwrap_or_default().trim().trim_matches(['<', '>']);
    let leaves_by = headers.get("list-unsubscribe").unwrap_or_default();
    let marked = headers.get("auto-submitted").is_some_and(|value| value.trim() == "auto-generated")
        && headers.get("x-auto-response-suppress").is_some_and(|value| value.contains("OOF"));
    is_token(id) && marked && (leaves_by.is_empty() || leaves_by.contains("unsubscribe%20"))
}
