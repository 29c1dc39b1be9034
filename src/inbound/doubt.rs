//! Whether words that seem to call an address dead speak of the recipient at all: servers refuse senders, mails and whole days
//! with the same words.

use super::reason::{Evidence, Reason, Verb};
use super::text::holds_any;
use super::words::REFUSALS;
use super::{Action, Permanence, Status};

/// What stands in a refusal of mail from somebody, or of some mail, where it sounds like one of all mail.
const OF_SOME: [&str; 7] = ["from", "sender", "your", "larger", "containing", "content", "spam"];
/// What the host that reports says where it found no server for a domain.
const NO_SERVER: [&str; 5] =
    ["couldn't find a mail exchanger", "no mx record found", "no mx found", "no mx for ", "indicated no smtp service"];
/// How a standard answer may end that says what it says only where nothing else follows.
const UNAVAILABLE: &str = "requested action not taken: mailbox unavailable";
/// So many words lead to a link: `for explanation visit`.
const LEADING: usize = 3;

/// Returns whether the address itself is dead.
pub(super) fn permanence(reason: Reason, evidence: &Evidence<'_>) -> Permanence {
    let hard = match reason {
        Reason::UserUnknown | Reason::HostUnknown => true,
        Reason::HasMoved => {
            !is_before_or_after_rcpt(evidence)
                || matches!(evidence.status, Some(Status(_, 1, 6) | Status(_, 7, 17 | 18)))
                || evidence.reply_code == Some(551)
        }
        Reason::NotAccept => takes_no_mail(evidence),
        _ => false,
    };
    if hard && evidence.action == Action::Failed { Permanence::Hard } else { Permanence::Soft }
}

/// Tells whether a domain says that it takes no mail at all (RFC 7505), or the host that reports found no server for it.
fn takes_no_mail(evidence: &Evidence<'_>) -> bool {
    let passing = evidence.status.is_some_and(|status| status.0 == 4)
        || evidence.reply_code.is_some_and(|code| code < 500) && evidence.status.is_none();
    let says = |phrases: &[&str]| evidence.near.iter().any(|text| holds_any(text, phrases));
    let is_said = matches!(evidence.status, Some(Status(_, 1, 10)))
        || says(&["null mx", "nullmx"])
        // These numbers stand for nothing else, where no other code says more (RFC 7504).
        || matches!((evidence.reply_code, evidence.status), (Some(521 | 556), None | Some(Status(_, 3, 2))))
        || evidence.reply_code.is_none() && says(&NO_SERVER);
    let of_some = evidence.near.iter().any(|text| words(text).any(|word| OF_SOME.contains(&word)));
    is_said && !of_some && !passing && !is_before_or_after_rcpt(evidence)
}

/// Tells whether what was refused was not the recipient: the host, the sender or the content.
fn is_before_or_after_rcpt(evidence: &Evidence<'_>) -> bool {
    matches!(evidence.verb, Some(Verb::Connect | Verb::Mail | Verb::Data))
}

/// Tells whether the host that is said not to exist is the sender's: `your domain does not exist`, or by its name.
pub(super) fn is_own_host(evidence: &Evidence<'_>) -> bool {
    let of_sender = |text: &String| {
        REFUSALS.say("own_host", text)
            || text
                .split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '@' | '+' | '_'))
                .any(|word| evidence.own_hosts.iter().any(|host| word.trim_end_matches('.') == host))
    };
    evidence.near.iter().any(of_sender)
}

/// Tells whether a server that says `mailbox unavailable` in the words of the standard goes on to say why.
pub(super) fn has_another_ground(text: &str) -> bool {
    let Some((_, rest)) = text.split_once(UNAVAILABLE) else { return false };
    let rest = rest.split("(in reply to").next().unwrap_or_default();
    words(rest).filter(|word| word.chars().all(char::is_alphabetic)).count() > LEADING
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()))
        .filter(|word| !word.is_empty())
}
