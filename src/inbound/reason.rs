//! From a server's words and codes to a class of reason, and from that to hard or soft.
//!
//! The words come first, since many servers put one code on everything; the enhanced status code (RFC 3463, RFC
//! 5248) decides where the words say nothing, the SMTP verb that was answered where that says nothing either.

use super::doubt;
use super::text::holds_any;
use super::words::{CODES, REFUSALS};
use super::{Action, Status};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $word:literal,)*) => {
        /// Why a mail was not delivered, as a class.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the word for it, as `user_unknown`.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// SPF, DKIM or DMARC of the sender's domain did not pass.
    AuthFailure "auth_failure",
    /// The sending address (IP) or domain has a bad name.
    BadReputation "bad_reputation",
    /// The sending host is refused: a block list, its name, its greeting.
    Blocked "blocked",
    /// Something in the mail is refused: an attachment, a type, a header.
    ContentError "content_error",
    /// No trouble: it was delivered, or passed on.
    Delivered "delivered",
    /// A limit of one mail: recipients, size (RFC 3463, X.2.3).
    ExceedLimit "exceed_limit",
    /// It could not be delivered in time, or not yet.
    Expired "expired",
    /// TLS could not be agreed upon.
    FailedStarttls "failed_starttls",
    /// The recipient's own filter, or a refusal that looks like one.
    Filtered "filtered",
    /// The recipient has another address now.
    HasMoved "has_moved",
    /// The domain is not there.
    HostUnknown "host_unknown",
    /// The mailbox is full.
    MailboxFull "mailbox_full",
    /// A program that delivers failed.
    MailerError "mailer_error",
    /// The mail is too big.
    MesgTooBig "mesg_too_big",
    /// The network or the names on it failed, or the mail went round in a loop.
    NetworkError "network_error",
    /// The server takes no mail for that domain.
    NoRelaying "no_relaying",
    /// The domain takes no mail at all.
    NotAccept "not_accept",
    /// The mail breaks a rule of the mail standards.
    NotCompliantRfc "not_compliant_rfc",
    /// The server said something that fits no class.
    OnHold "on_hold",
    /// A rule of the receiving house.
    PolicyViolation "policy_violation",
    /// The sender's address is refused.
    Rejected "rejected",
    /// The sending host has no name (PTR), or a wrong one.
    RequirePtr "require_ptr",
    /// Authentication, rights, or security in general.
    SecurityError "security_error",
    /// It was taken for spam.
    SpamDetected "spam_detected",
    /// Too many mails at once.
    Speeding "speeding",
    /// The account is suspended or disabled.
    Suspend "suspend",
    /// The server did not understand a command.
    SyntaxError "syntax_error",
    /// The receiving server had trouble of its own.
    SystemError "system_error",
    /// The receiving server's disk is full.
    SystemFull "system_full",
    /// Too many connections at once.
    TooManyConn "too_many_conn",
    /// Nothing was said.
    Undefined "undefined",
    /// There is no such mailbox.
    UserUnknown "user_unknown",
    /// A virus was found.
    VirusDetected "virus_detected",
}

/// The step of the SMTP dialogue that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Connect,
    Mail,
    Rcpt,
    Data,
}

/// What is known of one refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) action: Action,
    /// Of the server's own answer, else of the report.
    pub(super) status: Option<Status>,
    /// Whether the status stands in the answer of the server that refused.
    pub(super) answered: bool,
    pub(super) reply_code: Option<u16>,
    pub(super) verb: Option<Verb>,
    /// Whether the host that reports looked the address up itself.
    pub(super) own_lookup: bool,
    /// Whether the answer begins with the address, as an answer to `RCPT` does: `550 <a@b>: user unknown`.
    pub(super) cites: bool,
    /// The domains of the sender, where the recipient's is another.
    pub(super) own_hosts: &'a [String],
    /// What the server said of this recipient, the nearest to its own words first; in plain form.
    pub(super) near: &'a [String],
    /// The text around it.
    pub(super) far: &'a [String],
}

/// Returns the class of a refusal.
pub(super) fn reason(evidence: &Evidence<'_>) -> Reason {
    if matches!(evidence.action, Action::Delivered | Action::Relayed | Action::Expanded) {
        return Reason::Delivered;
    }
    let coded = |texts: &[String]| texts.iter().find_map(|text| CODES.class(text));
    let spoken = |texts: &[String]| texts.iter().find_map(|text| by_words(&without_paths(text), evidence));
    let reason = coded(evidence.near)
        .or_else(|| spoken(evidence.near))
        .or_else(|| {
            evidence.status.filter(|status| status.2 != 0).and_then(by_status).map(|class| at_the_door(class, evidence))
        })
        .or_else(|| spoken(evidence.far))
        .unwrap_or_else(|| by_codes(evidence));
    if reason == Reason::HostUnknown && doubt::is_own_host(evidence) {
        return Reason::Rejected;
    }
    // Where a server's own words for people say that the account is only shut or full, it may open again.
    let softer = [Reason::Suspend, Reason::MailboxFull]
        .into_iter()
        .find(|class| evidence.far.iter().any(|text| REFUSALS.names(*class, text)));
    softer.filter(|_| reason == Reason::UserUnknown).unwrap_or(reason)
}

/// Returns a text with its links cut down to the host: a page about spam is no word about spam.
fn without_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(' ') {
        if !out.is_empty() {
            out.push(' ');
        }
        let Some((before, rest)) = word.split_once("://") else {
            out.push_str(word);
            continue;
        };
        // A sentence may end in a link without a space between the two: `content rejected.http://mx.example`.
        let before = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        if !before.is_empty() {
            out.push_str(before);
            out.push(' ');
        }
        out.push_str(rest.split(['/', '?', '#', ':']).next().unwrap_or_default());
    }
    out
}

fn by_words(text: &str, evidence: &Evidence<'_>) -> Option<Reason> {
    if text.is_empty() {
        return None;
    }
    let says = |list: &str| REFUSALS.say(list, text);
    let no_such_user = says("no_such_user");
    if let Some(reason) = REFUSALS.class(text) {
        return Some(seen_in_place(reason, text, evidence));
    }
    let passing = evidence.status.is_some_and(|status| status.0 == 4);
    if says("network") && (passing || !says("no_such_host") || text.contains("try again")) && !no_such_user {
        let late = evidence.action == Action::Delayed
            || holds_any(text, &["timed out", "timeout", "did not accept our requests"]);
        return Some(if late { Reason::Expired } else { Reason::NetworkError });
    }
    if says("no_such_host") {
        return Some(match evidence.verb {
            Some(Verb::Mail) => Reason::Rejected,
            Some(Verb::Connect) => Reason::Blocked,
            _ if matches!(evidence.status, Some(Status(_, 1, 7 | 8))) => Reason::Rejected,
            _ if passing => Reason::NetworkError,
            _ => Reason::HostUnknown,
        });
    }
    if says("mailer") {
        return Some(Reason::MailerError);
    }
    if no_such_user {
        // The answer to `MAIL` speaks of the sender.
        if evidence.verb == Some(Verb::Mail) || matches!(evidence.status, Some(Status(_, 1, 7 | 8))) {
            return Some(Reason::Rejected);
        }
        if let Some(Status(_, 1, 6)) = evidence.status {
            return Some(Reason::HasMoved);
        }
        if names_no_host(text) {
            return Some(Reason::HostUnknown);
        }
        return Some(if is_believed(text, evidence) { Reason::UserUnknown } else { Reason::Filtered });
    }
    // Cisco's gateways say no more of an address that is not in their table.
    if matches!(evidence.status, Some(Status(5, 1, 0))) && text.starts_with("address rejected") {
        return Some(if evidence.verb == Some(Verb::Mail) { Reason::Rejected } else { Reason::UserUnknown });
    }
    if says("filtered") {
        // Nobody's filter is asked before somebody is named.
        return Some(if evidence.verb == Some(Verb::Connect) { Reason::Blocked } else { Reason::Filtered });
    }
    if says("limit") {
        return Some(Reason::ExceedLimit);
    }
    // Vague words give way to a code that says more.
    let coded = evidence.status.filter(|status| status.2 != 0).and_then(by_status);
    if coded.is_some() && !(coded == Some(Reason::HostUnknown) && says("syntax")) {
        return coded.map(|class| at_the_door(class, evidence));
    }
    [("expired", Reason::Expired), ("syntax", Reason::SyntaxError), ("system", Reason::SystemError)]
        .into_iter()
        .find_map(|(list, reason)| says(list).then_some(reason))
}

/// Returns what a class that the words name comes to beside the codes, at the step that was refused.
fn seen_in_place(reason: Reason, text: &str, evidence: &Evidence<'_>) -> Reason {
    let says = |list: &str| REFUSALS.say(list, text);
    let no_such_user = says("no_such_user") && evidence.verb != Some(Verb::Mail);
    match (reason, evidence.status) {
        (Reason::MesgTooBig | Reason::MailboxFull, Some(Status(_, 2, 3))) => Reason::ExceedLimit,
        (Reason::PolicyViolation | Reason::NotCompliantRfc, Some(Status(_, 6, _))) => Reason::ContentError,
        (Reason::SecurityError | Reason::PolicyViolation | Reason::NotAccept, Some(Status(_, 1, 7 | 8))) => {
            Reason::Rejected
        }
        // These numbers ask for a login, whatever they answer (RFC 4954).
        (Reason::SecurityError | Reason::PolicyViolation, _)
            if evidence.verb == Some(Verb::Mail) && !matches!(evidence.reply_code, Some(530 | 534 | 535 | 538)) =>
        {
            Reason::Rejected
        }
        // Microsoft's edge says no more of an address that is not in its directory.
        (Reason::SecurityError, Some(Status(_, 4, 1)))
            if holds_any(
                text,
                &["recipient address rejected: access denied", "recipient addresses rejected : access denied"],
            ) =>
        {
            Reason::UserUnknown
        }
        // A word of another class beside a plain `no such user` from where addresses are looked up.
        (
            Reason::Blocked
            | Reason::SecurityError
            | Reason::ContentError
            | Reason::PolicyViolation
            | Reason::FailedStarttls,
            _,
        ) if no_such_user && !says("of_the_host") && names_user(evidence.status) => Reason::UserUnknown,
        (Reason::Rejected, Some(Status(_, 1, 1))) if no_such_user && !text.contains("sender") => Reason::UserUnknown,
        (Reason::Rejected, Some(Status(_, 1, 2))) if !text.contains("sender") && !text.contains("from") => {
            Reason::HostUnknown
        }
        (reason, _) => at_the_door(reason, evidence),
    }
}

/// Whoever is turned away before a word was said is turned away for where he comes from.
fn at_the_door(reason: Reason, evidence: &Evidence<'_>) -> Reason {
    match reason {
        Reason::SecurityError | Reason::Rejected | Reason::PolicyViolation | Reason::ContentError
            if evidence.verb == Some(Verb::Connect) =>
        {
            Reason::Blocked
        }
        _ => reason,
    }
}

/// Tells whether what does not exist is a host: `mail.example.com does not exist`.
fn names_no_host(text: &str) -> bool {
    ["does not exist", "doesn't exist"].iter().any(|phrase| {
        text.split_once(phrase).is_some_and(|(before, _)| {
            let word = before.split_whitespace().next_back().unwrap_or_default();
            word.contains('.') && !word.contains('@') && !word.ends_with('.')
        })
    })
}

/// Tells whether a status speaks of the address (RFC 3463, X.1.x).
fn names_user(status: Option<Status>) -> bool {
    matches!(status, Some(Status(_, 1, 0 | 1 | 3 | 10 | 351)))
}

/// Tells whether `no such user` is the truth about an address: a server looks addresses up when it answers `RCPT`, or
/// says so by its status. The same words after the content was sent, or beside a status of policy, are
/// how filters turn a mail away.
fn is_believed(text: &str, evidence: &Evidence<'_>) -> bool {
    match (evidence.verb, evidence.status) {
        // Yandex puts a status of policy on it.
        (Some(Verb::Rcpt) | None, _) if text.starts_with("no such user!") => true,
        // Some put a status of policy on every refusal; to `RCPT` the words are still of the address.
        (Some(Verb::Rcpt), Some(Status(5, 7, _))) => !doubt::has_another_ground(text),
        (_, Some(Status(_, 7, _))) if evidence.answered => false,
        // 450 is what the standard gives for a mailbox that is busy.
        (_, status) if evidence.reply_code.is_some_and(|code| code < 500) && !names_user(status) => false,
        (_, status) if names_user(status) => true,
        _ if doubt::has_another_ground(text) => false,
        _ if REFUSALS.say("sure", text) => true,
        (Some(verb), _) => verb == Verb::Rcpt,
        (None, _) => evidence.own_lookup || evidence.cites,
    }
}

fn by_codes(evidence: &Evidence<'_>) -> Reason {
    if evidence.action == Action::Delayed {
        return Reason::Expired;
    }
    if matches!(evidence.verb, Some(Verb::Rcpt | Verb::Data) | None)
        && let Some(reason) = evidence.status.and_then(by_status)
    {
        return reason;
    }
    let is_said = evidence.near.iter().any(|text| !text.is_empty());
    match (evidence.verb, evidence.reply_code) {
        (Some(Verb::Connect), _) => Reason::Blocked,
        (Some(Verb::Mail), Some(530 | 534 | 535 | 538)) => Reason::SecurityError,
        (Some(Verb::Mail), _) => Reason::Rejected,
        (_, Some(551)) => Reason::HasMoved,
        (_, Some(552)) => Reason::MailboxFull,
        (Some(Verb::Rcpt), Some(550 | 553)) => Reason::Filtered,
        (_, Some(500..=504)) => Reason::SyntaxError,
        (_, Some(421 | 450 | 451)) => Reason::SystemError,
        (_, Some(452)) => Reason::SystemFull,
        (_, Some(530 | 534 | 535 | 538)) => Reason::SecurityError,
        _ if is_said => Reason::OnHold,
        _ => Reason::Undefined,
    }
}

/// Returns the class that a number of Microsoft's own stands for, beyond those of the standards.
fn by_status_of_microsoft(subject: u16, detail: u16) -> Option<Reason> {
    Some(match (subject, detail) {
        (7, 501..=503) => Reason::SpamDetected,
        (7, 508 | 705) | (2, 121 | 122) | (1, 90) => Reason::Speeding,
        (7, 509) => Reason::AuthFailure,
        (7, 512) => Reason::NotCompliantRfc,
        (7, 606..=649 | 708) => Reason::Blocked,
        (4, 14) => Reason::NetworkError,
        (4, 317) => Reason::FailedStarttls,
        _ => return None,
    })
}

/// Returns the class that a status code stands for, where it stands for one.
fn by_status(Status(class, subject, detail): Status) -> Option<Reason> {
    let permanent = class == 5;
    let microsofts = by_status_of_microsoft(subject, detail);
    if microsofts.is_some() {
        return microsofts;
    }
    Some(match (subject, detail) {
        (1, 1) => Reason::UserUnknown,
        (1, 3) if permanent => Reason::UserUnknown,
        (1, 2) => Reason::HostUnknown,
        (4, 4) if permanent => Reason::HostUnknown,
        (1, 6) | (7, 17 | 18) => Reason::HasMoved,
        (1, 7 | 8) | (7, 27) => Reason::Rejected,
        (1, 10) => Reason::NotAccept,
        (1, 0 | 4 | 5 | 9) | (2, 0 | 4) if permanent => Reason::Filtered,
        (2, 1) if permanent => Reason::Suspend,
        (7, 13) => Reason::Suspend,
        (2, 2) => Reason::MailboxFull,
        (2, 3) => Reason::ExceedLimit,
        (3, 1) => Reason::SystemFull,
        (3, 4) => Reason::MesgTooBig,
        (3, 0 | 2 | 3 | 5) | (4, 3) => Reason::SystemError,
        (4, 0 | 4 | 6) => Reason::NetworkError,
        (4, 1 | 2 | 7) => Reason::Expired,
        (4, 5) | (5, 3) => Reason::TooManyConn,
        (5, 1 | 2 | 4) => Reason::SyntaxError,
        (6, _) => Reason::ContentError,
        (7, 10 | 11 | 30) => Reason::FailedStarttls,
        (7, 20..=24 | 26 | 29) => Reason::AuthFailure,
        (7, 25) => Reason::RequirePtr,
        (7, 28) => Reason::Speeding,
        (7, _) => Reason::SecurityError,
        _ => return None,
    })
}
