//! What a mail provider says of a mail that failed, weighed against the words of the server that refused it.

use super::consequence::Failure;
use super::doubt;
use super::reason::{self, Evidence};
use super::text::{one_line, plain, reply_code, status};
use super::{Action, Permanence, Reason, Status, verb};

/// What a provider calls a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// Whether it holds the address for dead.
    pub hard: bool,
    /// Its own class, for where the server's words name none.
    pub reason: Option<Reason>,
}

/// Returns what failed, and for how long.
///
/// Providers call much a hard bounce that is none: a mail taken for spam, a sender with a bad name. So an address is dead only
/// where the provider says so and the words of the server, if they say anything, do not say something else.
pub fn verdict(called: Called, code: &str, words: &str) -> Failure {
    let words = one_line(words);
    let given = status(code).or_else(|| status(&words));
    let near = [plain(&words)];
    let evidence = Evidence {
        action: Action::Failed,
        status: given,
        answered: status(&words).is_some(),
        reply_code: reply_code(&words).or_else(|| reply_code(code)),
        verb: verb::answered(&words),
        // The provider stands for it that the address was looked up.
        own_lookup: called.hard,
        cites: false,
        own_hosts: &[],
        near: &near,
        far: &[],
    };
    let read = reason::reason(&evidence);
    let says_nothing = [Reason::OnHold, Reason::Undefined].contains(&read);
    let is_dead = says_nothing || doubt::permanence(read, &evidence) == Permanence::Hard;
    Failure {
        permanence: if called.hard && is_dead { Permanence::Hard } else { Permanence::Soft },
        reason: called.reason.filter(|_| says_nothing).unwrap_or(read),
        status: given.filter(|Status(class, ..)| [4, 5].contains(class)),
        diagnostic: words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_dead_where_the_provider_says_so_and_the_server_says_nothing_else() {
        use Permanence::{Hard, Soft};
        let (dead, alive) = (Called { hard: true, reason: None }, Called { hard: false, reason: None });
        for (called, code, words, permanence, reason) in [
            (dead, "5.1.1", "smtp; 550 5.1.1 user unknown", Hard, Reason::UserUnknown),
            (dead, "", "550 no such user here", Hard, Reason::UserUnknown),
            (dead, "", "", Hard, Reason::Undefined),
            (dead, "550", "", Hard, Reason::Undefined),
            (dead, "5.7.1", "550 5.7.1 message rejected as spam", Soft, Reason::SpamDetected),
            (
                dead,
                "",
                "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org",
                Soft,
                Reason::Blocked,
            ),
            (dead, "5.2.2", "552 5.2.2 mailbox full", Soft, Reason::MailboxFull),
            (alive, "5.1.1", "550 5.1.1 user unknown", Soft, Reason::UserUnknown),
            (alive, "", "", Soft, Reason::Undefined),
        ] {
            let failure = verdict(called, code, words);
            assert_eq!((failure.permanence, failure.reason), (permanence, reason), "{code} {words}");
        }
        let called = Called { hard: false, reason: Some(Reason::MailboxFull) };
        assert_eq!(verdict(called, "", "").reason, Reason::MailboxFull);
        assert_eq!(verdict(called, "4.4.1", "timed out").reason, Reason::Expired, "the server's own words count more");
    }
}
