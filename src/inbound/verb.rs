//! Which step of the SMTP dialogue a refusal answered, as reports tell it.

use super::reason::Verb;
use super::text::{cut, plain};

/// How servers name the step, in plain form; the end of the content stands before `data` in general.
const SPOKEN: [(Verb, &[&str]); 4] = [
    (
        Verb::Rcpt,
        &[
            "in reply to rcpt to",
            "after rcpt to",
            "rcpt to response",
            "like our rcpt to",
            "[rcpt_to]",
            "does not like recipient",
            "rcpt to generated",
            "in response to rcpt",
            "response to rcpt",
            "response to the rcpt",
            "for rcpt to command",
            "after rcpt command",
            "smtp:rcpt",
            "(state 14)",
            "rcpt to command",
            "during rcpt to",
            "sent <<< rcpt to",
        ],
    ),
    (
        Verb::Mail,
        &[
            "in reply to mail from",
            "after mail from",
            "[mail_from]",
            "but sender was rejected",
            "like our mail from",
            "response to mail from",
            "mail from response",
            "for mail from command",
        ],
    ),
    (
        Verb::Data,
        &[
            "in reply to end of data",
            "in reply to data",
            "after end of data",
            "after data",
            "after pipelined end of data",
            "failed after i sent the message",
            "failed on data command",
            "like our final data",
            "like our data",
            "smtp command data",
            "for text command",
            "for data command",
            "(state 17)",
            "(state 18)",
            "[data]",
            "[dot]",
            "response to data",
            "response to end of data",
            "end of message",
        ],
    ),
    (
        Verb::Connect,
        &[
            "after initial connection",
            "after ehlo",
            "after helo",
            "in reply to ehlo",
            "in reply to helo",
            "refused to talk to me",
            "initial server greeting",
            "but my name was rejected",
            "while sending ehlo",
            "while sending helo",
            "greeting failed",
            "like our ehlo",
            "like our helo",
            "[ehlo]",
            "[helo]",
            "[connect]",
        ],
    ),
];

/// Returns the step that was refused.
pub(super) fn answered(text: &str) -> Option<Verb> {
    let text = cut(text, 16 * 1024);
    if let Some(verb) = transcript(text) {
        return Some(verb);
    }
    let said = plain(text);
    SPOKEN.into_iter().find_map(|(verb, phrases)| phrases.iter().any(|phrase| said.contains(phrase)).then_some(verb))
}

/// Reads a transcript of what was sent (`>>>`) and answered (`<<<`).
fn transcript(text: &str) -> Option<Verb> {
    let mut verb = None;
    let mut refused = None;
    let mut is_of_policy = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("... while talking to ") {
            // Who is refused before a word of theirs is shown is refused in the greeting.
            verb = Some(Verb::Connect);
        } else if let Some(sent) = line.strip_prefix(">>>") {
            verb = of(sent).or(verb);
        } else if let Some(answer) = line.strip_prefix("<<<")
            && answer.trim_start().starts_with(['4', '5'])
            && refused.is_none()
        {
            is_of_policy = answer.contains(" 5.7.");
            refused = Some(verb?);
        } else if refused == Some(Verb::Data)
            && !is_of_policy
            && line.starts_with("550 5.1.1 <")
            && line.contains("User unknown")
        {
            // sendmail sends `RCPT` and `DATA` in one go, and notes which of the two was refused.
            return Some(Verb::Rcpt);
        }
    }
    refused
}

/// Returns the first refusal in a transcript, all of its lines.
pub(super) fn answers(text: &str) -> String {
    let answers = cut(text, 16 * 1024)
        .lines()
        .map(str::trim_start)
        .skip_while(|line| !is_refusal(line))
        .take_while(|line| line.starts_with("<<<"));
    answers.take(20).map(|line| line.trim_start_matches('<')).collect()
}

fn is_refusal(line: &str) -> bool {
    line.strip_prefix("<<<").is_some_and(|answer| answer.trim_start().starts_with(['4', '5']))
}

fn of(sent: &str) -> Option<Verb> {
    let word: String = sent.trim_start().chars().take(4).collect::<String>().to_ascii_uppercase();
    Some(match word.as_str() {
        "RCPT" => Verb::Rcpt,
        "MAIL" => Verb::Mail,
        "DATA" | "BDAT" | "." => Verb::Data,
        "EHLO" | "HELO" => Verb::Connect,
        _ => return None,
    })
}
