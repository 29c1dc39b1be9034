//! A reply of the relay: read with suspicion, kept short, and what it means.
//!
//! The meaning follows RFC 5321 section 4.2 and the enhanced codes of RFC 3463. When in doubt a contact
//! is not blamed: only what plainly says that the address does not exist counts against it.

use super::{Outcome, Rejection, Scope};

/// The longest text kept of a reply, in characters.
const KEPT: usize = 300;

/// One complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line without the code.
    pub(super) lines: Vec<String>,
}

/// The point of the dialogue a reply belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Mail,
    Rcpt,
    Data,
    /// After the final dot.
    Content,
}

/// One line of a reply: its code, whether more follow, and its text.
pub(super) fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, false, String::new())),
        [b' ', text @ ..] => Some((code, false, String::from_utf8_lossy(text).into_owned())),
        [b'-', text @ ..] => Some((code, true, String::from_utf8_lossy(text).into_owned())),
        _ => None,
    }
}

/// Returns a text as one bounded line without control characters: it goes to terminals and into the store.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > KEPT * 4 {
            break;
        }
    }
    match line.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl Reply {
    /// Returns code and text as one bounded line.
    pub(super) fn text(&self) -> String {
        one_line(&format!("{} {}", self.code, self.lines.join(" ")))
    }

    pub(super) fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Says whether the relay took the content: 250 says so, and 251 and 252 in their way. What else begins with a 2
    /// says something else, as 221 does that it is leaving.
    pub(super) fn is_taken(&self) -> bool {
        (250..=252).contains(&self.code)
    }

    /// Returns subject and detail of the enhanced code, when it agrees with the basic one (RFC 2034 section 4).
    fn enhanced(&self) -> Option<(u16, u16)> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |part: &str| part.parse::<u16>().ok().filter(|_| part.len() <= 3);
        (parts.next().is_none() && number(class) == Some(self.code / 100)).then_some(())?;
        Some((number(subject)?, number(detail)?))
    }

    fn says(&self, phrases: &[&str]) -> bool {
        let text = self.lines.join(" ").to_lowercase();
        phrases.iter().any(|phrase| text.contains(phrase))
    }

    /// Returns what a reply other than the hoped-for one means for the mail.
    pub(super) fn refusal(&self, stage: Stage) -> Outcome {
        let reply = self.text();
        let deferred = |scope| Outcome::Deferred { reply: reply.clone(), scope };
        match self.code {
            _ if self.is_too_much() => deferred(Scope::Rate),
            // The relay is closing, or drip may not send at all: true of the next mail as well.
            421 | 530 | 534 | 535 | 538 => deferred(Scope::Relay),
            400..500 => deferred(if self.is_about_the_relay(stage) { Scope::Relay } else { Scope::Mail }),
            // Out of step with the relay: this says nothing about the mail.
            503 => deferred(Scope::Connection),
            500..600 if stage == Stage::Mail && !self.is_about_size() => deferred(Scope::Relay),
            500..600 => Outcome::Rejected { kind: self.rejection(stage), reply },
            _ => deferred(Scope::Connection),
        }
    }

    fn is_about_size(&self) -> bool {
        self.enhanced().map_or(self.code == 552, |code| matches!(code, (3, 4) | (2, 3)))
    }

    /// Says whether mails come too fast, in the codes and words of large receivers; 4.5.3 is "too many recipients", which
    /// is used for limits as well.
    ///
    /// Words alone do not count where the code speaks of one address or one mailbox: `4.2.2 too many messages in it`.
    fn is_about_the_rate(&self) -> bool {
        match self.enhanced() {
            Some((7, 28) | (5, 3)) => true,
            // The subjects of the relay's system, of the network and of policy; 0 is as good as none.
            None | Some((0 | 3 | 4 | 7, _)) => {
                self.says(&["too many", "rate limit", "rate-limit", "throttl", "slow down"])
            }
            Some(_) => false,
        }
    }

    /// Says whether the relay gets too much for now, at a point where there is no mail yet.
    pub(super) fn is_too_much(&self) -> bool {
        (400..500).contains(&self.code) && self.is_about_the_rate()
    }

    fn is_about_the_relay(&self, stage: Stage) -> bool {
        match self.enhanced() {
            // The relay's own system is unwell.
            Some((3, _)) => stage == Stage::Mail,
            _ => self.code == 454,
        }
    }

    fn rejection(&self, stage: Stage) -> Rejection {
        match (self.enhanced(), self.code) {
            // 5.1.7 and 5.1.8 speak of the sender's address.
            (Some((1, detail)), _) if !matches!(detail, 7 | 8) => Rejection::Address,
            // 5.2.3 speaks of this message's length.
            (Some((2, detail)), _) if detail != 3 => Rejection::Mailbox,
            // The domain takes no mail at all (RFC 7504).
            (None, 521 | 556) if stage == Stage::Rcpt => Rejection::Address,
            (None, 552) if stage == Stage::Rcpt => Rejection::Mailbox,
            (None, 550 | 551 | 553) if stage == Stage::Rcpt && self.says(UNKNOWN_USER) => Rejection::Address,
            _ => Rejection::Policy,
        }
    }
}

/// How servers without enhanced codes say that there is no such mailbox.
const UNKNOWN_USER: &[&str] =
    &["no such user", "user unknown", "unknown user", "no such recipient", "does not exist", "doesn't exist"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(stage: Stage, line: &str, expected: Result<Rejection, Scope>) {
        let (code, _, text) = parse_line(line.as_bytes()).unwrap();
        let found = match (Reply { code, lines: vec![text] }).refusal(stage) {
            Outcome::Rejected { kind, .. } => Ok(kind),
            Outcome::Deferred { scope, .. } => Err(scope),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn only_a_missing_address_counts_against_the_contact() {
        case(Stage::Rcpt, "550 5.1.1 no such user", Ok(Rejection::Address));
        case(Stage::Rcpt, "556 5.1.10 null MX", Ok(Rejection::Address));
        case(Stage::Content, "550 5.1.1 no such user", Ok(Rejection::Address));
        case(Stage::Rcpt, "550 User unknown", Ok(Rejection::Address));
        case(Stage::Rcpt, "550 rejected", Ok(Rejection::Policy));
        case(Stage::Rcpt, "550 5.7.1 user unknown to our policy", Ok(Rejection::Policy));
        case(Stage::Rcpt, "550 5.1.8 bad sender domain", Ok(Rejection::Policy));
        case(Stage::Rcpt, "552 5.2.2 mailbox full", Ok(Rejection::Mailbox));
        case(Stage::Content, "554 5.7.1 spam", Ok(Rejection::Policy));
        case(Stage::Content, "550 no such user in the subject, please", Ok(Rejection::Policy));
    }

    #[test]
    fn what_concerns_every_mail_stops_the_run_and_blames_nobody() {
        case(Stage::Mail, "550 5.7.1 sender not allowed", Err(Scope::Relay));
        case(Stage::Mail, "530 5.7.0 authentication required", Err(Scope::Relay));
        case(Stage::Rcpt, "530 5.7.0 must issue STARTTLS", Err(Scope::Relay));
        case(Stage::Content, "421 4.7.0 try again later", Err(Scope::Relay));
        case(Stage::Rcpt, "450 4.7.28 unusual rate", Err(Scope::Rate));
        case(Stage::Rcpt, "450 4.7.0 Too many mails", Err(Scope::Rate));
        case(Stage::Content, "421 4.7.28 Our system has detected an unusual rate", Err(Scope::Rate));
        case(Stage::Rcpt, "452 4.5.3 too many recipients", Err(Scope::Rate));
        case(Stage::Rcpt, "450 Too many connections", Err(Scope::Rate));
        case(Stage::Rcpt, "452 4.2.2 mailbox full, too many messages", Err(Scope::Mail));
        case(Stage::Rcpt, "450 4.2.1 too many messages for this user, slow down", Err(Scope::Mail));
        case(Stage::Rcpt, "450 4.1.1 too many unknown users", Err(Scope::Mail));
        case(Stage::Mail, "452 4.3.1 no space", Err(Scope::Relay));
        case(Stage::Rcpt, "451 4.7.1 greylisted", Err(Scope::Mail));
        case(Stage::Content, "451 4.3.0 local error", Err(Scope::Mail));
        case(Stage::Mail, "552 5.3.4 too big", Ok(Rejection::Policy));
        case(Stage::Data, "503 5.5.1 bad sequence", Err(Scope::Connection));
        case(Stage::Data, "250 what", Err(Scope::Connection));
    }

    #[test]
    fn a_reply_is_kept_short_and_harmless() {
        let lines = vec!["5.7.1 \u{1b}]0;owned\u{7} a\tb".to_owned(), "x".repeat(10_000)];
        let text = Reply { code: 550, lines }.text();
        assert!(text.starts_with("550 5.7.1 ]0;owned a b xxx"), "{text}");
        assert_eq!(text.chars().count(), KEPT + 1);
        assert!(!text.contains(char::is_control));
        for garbage in ["", "25", "2x0 ok", "250ok", "999 ok", "\u{fffd}"] {
            assert_eq!(parse_line(garbage.as_bytes()), None, "{garbage}");
        }
    }
}
