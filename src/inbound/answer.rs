//! The other server's own words, out of those that the host which reports puts around them.
//!
//! `SMTP error from remote mail server after RCPT TO:<a@b>: 550 no`: the first half is of every refusal, and says nothing of this one.

use super::text::cut;

/// What stands directly before the answer, in plain form; what a host adds behind it.
const LEADS: [&str; 10] = [
    "remote host said: ",
    "remote server returned '",
    "remote server returned \"",
    "the error that the other server returned was: ",
    "the response from the remote server was: ",
    "the response was: ",
    "did not like our rcpt to: ",
    "did not like our mail from: ",
    "did not like our final data: ",
    "refused to talk to me: ",
];
const TAILS: [&str; 2] = ["giving up on ", "original message headers:"];
/// What Exim writes before the step that it was at.
const EXIM: &str = "smtp error from remote mail server after ";
/// A name and an address of a host stand within so many bytes.
const LONGEST_HOST: usize = 200;

/// Returns the answer in a text on one line; the text itself where nothing of it is known to be the reporter's.
pub(super) fn of(text: &str) -> &str {
    let answer = behind_host(text).or_else(|| behind_step(text)).or_else(|| behind_lead(text)).unwrap_or(text);
    let low = answer.to_ascii_lowercase();
    let end = TAILS.iter().filter_map(|tail| low.find(tail)).filter(|end| *end > 0).min().unwrap_or(answer.len());
    let answer = answer[..end].trim();
    if answer.is_empty() { text } else { answer }
}

/// Returns what stands behind `host mx.example[192.0.2.1] said: `.
fn behind_host(text: &str) -> Option<&str> {
    let (before, answer) = text.split_once(" said: ")?;
    (before.starts_with("host ") && before.len() < LONGEST_HOST).then_some(answer)
}

/// Returns what stands behind Exim's name of the step, and of the host that it may put behind that.
fn behind_step(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().find(EXIM)? + EXIM.len();
    // The colon of `RCPT TO:<a@b>` has no space behind it.
    let (_, answer) = text[at..].split_once(": ")?;
    if answer.starts_with("host ")
        && let Some(end) = cut(answer, LONGEST_HOST).find("]: ")
    {
        return Some(&answer[end + 3..]);
    }
    Some(answer)
}

fn behind_lead(text: &str) -> Option<&str> {
    let low = text.to_ascii_lowercase();
    LEADS.iter().find_map(|lead| {
        let at = low.find(lead)? + lead.len();
        Some(text[at..].trim_end_matches(['\'', '"']))
    })
}

/// Returns the answer of the other server out of the words that `IronPort` puts around it:
/// `5.1.0 - Unknown address error 550-'5.7.1 access denied' (delivery attempts: 0)`.
pub(super) fn unwrap(diagnostic: &str) -> String {
    let is_wrapped =
        diagnostic.starts_with(['4', '5']) && diagnostic.get(5..9).is_some_and(|text| text.contains(" - "));
    match diagnostic.find("-'").filter(|_| is_wrapped) {
        Some(at) => {
            let code = diagnostic.get(at.saturating_sub(3)..at).unwrap_or_default();
            let answer = diagnostic[at + 2..].rsplit_once('\'').map_or(&diagnostic[at + 2..], |(answer, _)| answer);
            format!("{code} {answer}")
        }
        None => diagnostic.to_owned(),
    }
}

/// Returns a session's transcript without what sendmail says itself of an answer that it shows beside it, and without the
/// answers to what it sent on after the refusal.
pub(super) fn without_own_words(text: &str) -> String {
    let shows = text.lines().any(|line| line.trim_start().starts_with("<<<"));
    let is_own = |line: &str| {
        let line = line.trim_start();
        line.contains("The following addresses had permanent fatal errors")
            || shows
                && (line.starts_with("554 5.0.0 ") && line.trim_end().ends_with("Service unavailable")
                    || line.starts_with("<<< 503 ")
                    || line.starts_with("<<< 554 5.0.0 No valid recipients"))
    };
    text.lines().filter(|line| !is_own(line)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_servers_words_are_left() {
        for text in [
            "host mx.example[192.0.2.1] said: 550 no",
            "SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 no",
            "host mx.example [192.0.2.1] SMTP error from remote mail server after end of data: 550 no",
            "SMTP error from remote mail server after MAIL FROM:<a@b.example> SIZE=2: host mx.example [192.0.2.1]: 550 no",
            "192.0.2.1 does not like recipient. Remote host said: 550 no Giving up on 192.0.2.1.",
            "mx.example Remote Server returned '550 no'",
            "mx.example [192.0.2.1] did not like our RCPT TO: 550 no",
            "550 no",
        ] {
            assert_eq!(of(text), "550 no", "{text}");
        }
        assert_eq!(of("Remote host said: "), "Remote host said: ");
    }
}
