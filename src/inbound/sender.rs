//! Whether a message is a server's report at all, where no fields of RFC 3464 say so.
//!
//! Two of three must agree: who sent it, what its subject says, what its words say. A person who answers,
//! quotes or forwards a report sends from an address of their own, and below a subject of a reply; a machine that answers
//! for a person says that it does.

use super::automatic;
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
            && !automatic::answers_for_a_person(message)
            && says_failure(message, 3);
    }
    let says = says_failure(message, 60);
    if message.content_type() == "multipart/report" && says {
        return true;
    }
    if is_answer(&subject) && message.headers.has("in-reply-to") || automatic::answers_for_a_person(message) {
        return false;
    }
    let titled = REPORTS.say("subjects", &subject);
    let answers = message.headers.has("in-reply-to") && !by_server;
    // Firms write from `noreply@` and below the name of an office, so that neither says enough.
    (is_by_daemon(message) && (titled || says))
        || (titled && says && !answers)
        || (says && by_server && gives_back(message))
}

/// Tells whether a message comes from no address that could be answered, and has the mail it speaks of in it.
fn gives_back(message: &Message) -> bool {
    has_empty_return_path(message) && message.parts.iter().any(|part| part.kind == "message/rfc822")
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

/// Tells whether a message comes from nobody, or from an address that only a mail system has.
fn is_by_daemon(message: &Message) -> bool {
    let from = message.headers.get("from").unwrap_or_default().to_lowercase();
    let bare = from.trim();
    if bare == "<>" || bare.is_empty() && message.headers.has("from") || bare.ends_with("<>") {
        return true;
    }
    let local = addresses(bare).first().and_then(|address| address.split('@').next()).unwrap_or_default().to_owned();
    local.contains("postmaster") || is_daemon(&local) || is_daemon(bare) && !bare.contains('@')
}

/// Tells whether a message may come from a server, also by an address that others use or by a name alone.
pub(super) fn is_by_server(message: &Message) -> bool {
    let from = message.headers.get("from").unwrap_or_default().to_lowercase();
    let before = from.rsplit_once('@').map_or("", |(before, _)| before);
    is_by_daemon(message)
        || ["postmaster", "no-reply", "noreply"].iter().any(|name| before.contains(name))
        || is_daemon(from.split('<').next().unwrap_or_default())
}

fn is_daemon(name: &str) -> bool {
    REPORTS.say("daemons", name)
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
