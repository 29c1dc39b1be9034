//! Whether a message is a server's report at all, where no fields of RFC 3464 say so.
//!
//! Two of three must agree: who sent it, what its subject says, what its words say. A person who answers,
//! quotes or forwards a report sends from an address of their own, and below a subject of a reply.

use super::message::Message;
use super::prose;
use super::text::{addresses, cut, plain};
use super::words::{ANSWERS, REPORTS};

/// A text is looked at this far for a sentence of failure, in bytes.
const LONGEST_LOOK: usize = 8 * 1024;

/// Tells whether a message reports on another.
pub(super) fn is_report(message: &Message) -> bool {
    if message.is_report_of("delivery-status") || message.headers.has("x-failed-recipients") {
        return true;
    }
    // Notes that a mail was read, or thrown away unread (RFC 8098); a server's own filter may refuse in that form.
    if message.is_report_of("disposition-notification") && !is_by_server(message) {
        return false;
    }
    let subject = message.subject().to_lowercase();
    let by_server = is_by_server(message);
    if is_answer(&subject) && !by_server {
        let ends =
            REPORTS.list("subjects").iter().any(|title| subject.trim_end_matches([')', '.', ' ']).ends_with(title));
        return ends
            && !message.headers.has("in-reply-to")
            && !message.headers.has("references")
            && says_failure(message, 3);
    }
    let titled = REPORTS.say("subjects", &subject);
    let says = says_failure(message, 60);
    let by_nobody = has_empty_return_path(message);
    let answers = message.headers.has("in-reply-to") && !by_server;
    // Machines that answer for a person leave the sender empty too; their words decide.
    (by_server && (titled || says))
        || (titled && says && !answers)
        || (by_nobody && says && titled)
        || message.content_type() == "multipart/report" && says
}

/// Tells whether the subject says that a mail is only late.
pub(super) fn announces_delay(message: &Message) -> bool {
    let subject = message.subject().to_lowercase();
    is_report(message)
        && [
            "delay",
            "warning: message",
            "still being retried",
            "not yet been delivered",
            "could not send message for past",
        ]
        .iter()
        .any(|word| subject.contains(word))
}

/// Tells whether a subject begins as that of a person's answer or of a mail passed on.
pub(super) fn is_answer(subject: &str) -> bool {
    let subject = subject.trim_start();
    ANSWERS.list("marks").iter().any(|mark| subject.starts_with(mark)) || subject.starts_with("re[")
}

pub(super) fn is_by_server(message: &Message) -> bool {
    let from = message.headers.get("from").unwrap_or_default().to_lowercase();
    let bare = from.trim();
    if bare == "<>" || bare.is_empty() && message.headers.has("from") || bare.ends_with("<>") {
        return true;
    }
    if bare.rsplit_once('@').is_some_and(|(before, _)| {
        before.contains("postmaster") || before.contains("no-reply") || before.contains("noreply")
    }) {
        return true;
    }
    let local = addresses(bare).first().and_then(|address| address.split('@').next()).unwrap_or_default().to_owned();
    let name = bare.split('<').next().unwrap_or_default();
    let is_daemon = |text: &str| REPORTS.say("daemons", text);
    is_daemon(&local) || is_daemon(name) || is_daemon(bare) && !bare.contains('@')
}

pub(super) fn has_empty_return_path(message: &Message) -> bool {
    message.headers.get("return-path").is_some_and(|path| path.trim() == "<>")
}

/// Tells whether the message's own words, not those it quotes, say that a mail did not arrive.
pub(super) fn says_failure(message: &Message, lines: usize) -> bool {
    message.texts().filter(|text| !text.trim().is_empty()).take(3).any(|text| {
        let unquoted: String = prose::before_returned(text)
            .lines()
            .filter(|line| (!line.starts_with('>') || line.starts_with(">>>")) && !line.trim().is_empty())
            .take(lines)
            .flat_map(|line| [line, "\n"])
            .collect();
        REPORTS.say("failure", &plain(cut(&unquoted, LONGEST_LOOK)))
    })
}
