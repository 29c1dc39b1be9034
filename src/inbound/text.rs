//! Small tools for the words in a mail: one line, one form, the addresses and codes in it.

use super::Status;

/// Returns the start of a text that is at most this long, in bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..floor(text, most)]
}

/// Returns the last place at or before an index at which a text can be cut.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&place| text.is_char_boundary(place)).unwrap_or_default()
}

/// Returns a text without line ends, control characters and double spaces.
pub(super) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let mut out = String::with_capacity(text.len());
    for word in text.split(breaks).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Returns a text in the form that phrases are looked for in: one line, lower case, plain quotes, and without the
/// codes that SMTP repeats on every line of a long answer.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if is_code(word) || word == "<<<" {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            match c {
                '\u{2018}' | '\u{2019}' | '`' => out.push('\''),
                '\u{201c}' | '\u{201d}' => out.push('"'),
                '\u{fe0e}' | '\u{fe0f}' | '\u{200b}' | '\u{ad}' => {}
                _ => out.extend(c.to_lowercase()),
            }
        }
    }
    out
}

/// Tells whether a word is `550`, `550-`, `5.7.1` or `550-5.7.1`.
fn is_code(word: &str) -> bool {
    let word = word.trim_start_matches('#').trim_end_matches(':');
    match word.split_once('-') {
        Some((code, "")) => code_of(code).is_some(),
        Some((code, status)) => code_of(code).is_some() && status_of(status).is_some(),
        None => code_of(word).is_some() || status_of(word).is_some(),
    }
}

fn code_of(word: &str) -> Option<u16> {
    let digits = word.as_bytes();
    let is_reply = digits.len() == 3
        && matches!(digits[0], b'2' | b'4' | b'5')
        && matches!(digits[1], b'0'..=b'5' | b'7')
        && digits[2].is_ascii_digit();
    is_reply.then(|| word.parse().ok()).flatten()
}

fn status_of(word: &str) -> Option<Status> {
    let mut numbers = word.split('.');
    let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let number = |text: &str| {
        let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    if numbers.next().is_some() || !matches!(class, "2" | "4" | "5") {
        return None;
    }
    let status = Status(class.parse().ok()?, number(subject)?, number(detail)?);
    // Subjects go to 7; a version of some program goes further.
    (status.1 <= 7).then_some(status)
}

/// Returns the first enhanced status code in a text that says more than its class; else the first of all. What stands behind
/// `->` is the answer of the server that refused, where that has one.
pub(super) fn status(text: &str) -> Option<Status> {
    let answer = text.rsplit_once("->").and_then(|(_, answer)| first_status(answer));
    answer.or_else(|| first_status(text))
}

fn first_status(text: &str) -> Option<Status> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let mut found = words.filter_map(|word| status_of(word.trim_matches('.'))).filter(|status| status.0 != 2);
    let first = found.next()?;
    if first.1 != 0 || first.2 != 0 {
        return Some(first);
    }
    found.find(|status| status.1 != 0 || status.2 != 0).or(Some(first))
}

/// Returns the first SMTP reply code of failure in a text, 400 to 599.
pub(super) fn reply_code(text: &str) -> Option<u16> {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(|c: char| "<>('\"#[:;".contains(c));
        let Some(digits) = word.get(..3) else { continue };
        let Some(code) = code_of(digits).filter(|code| *code >= 400) else { continue };
        let tail = &word[3..];
        let ends = tail.is_empty() || tail.starts_with(['-', ':', ']', ')', ',', '.', '\'', ';']);
        let is_amount = tail.is_empty()
            && words.peek().is_some_and(|unit| {
                ["second", "minute", "hour", "day", "byte", "kb", "mb", "attempt", "times"]
                    .iter()
                    .any(|known| unit.to_ascii_lowercase().starts_with(known))
            });
        if ends && !is_amount && !tail.starts_with(".0") {
            return Some(code);
        }
    }
    None
}

/// Returns every address in a text, in its order, each once.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        if let Some((start, end)) = address_around(text, from, at) {
            let address = text[start..end].to_owned();
            if !found.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                found.push(address);
            }
            from = end;
        } else {
            from = at + 1;
        }
        if found.len() >= 100 {
            break;
        }
    }
    found
}

/// Returns where the address around an `@` begins and ends, not before `from`.
fn address_around(text: &str, from: usize, at: usize) -> Option<(usize, usize)> {
    let local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_{|}~.".contains(c);
    let host = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    // No local part is longer than 64 bytes; VERP and forwarding write longer ones.
    let low = from.max(floor(text, at.saturating_sub(256)));
    let before = &text[low..at];
    let start = if before.ends_with('"') && before.len() > 1 {
        low + before[..before.len() - 1].rfind('"')?
    } else {
        low + before
            .rfind(|c: char| !local(c))
            .map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8))
    };
    let high = floor(text, at + 1 + 255);
    let after = &text[at + 1..high];
    let length = if after.starts_with('[') {
        after.find(']').map(|end| end + 1)?
    } else {
        after.find(|c: char| !host(c)).unwrap_or(after.len())
    };
    let domain = after[..length].trim_end_matches(['.', '-', '_']);
    let start = start + text[start..at].len() - text[start..at].trim_start_matches(['\'', '.', '/', '*']).len();
    // `dda:SMTP=a@b`, as X.400 gateways write it; and `ann...@gmail.com`, as Google hides it.
    let start = if text[start..at].to_ascii_lowercase().starts_with("smtp=") { start + 5 } else { start };
    let is_hidden = text[start..at].ends_with("...") || text[at + 1 + domain.len()..].starts_with("...");
    (start < at && domain.len() > 1 && !is_hidden).then_some((start, at + 1 + domain.len()))
}

/// How far apart the pieces of a phrase may stand, in bytes.
const WIDEST_GAP: usize = 80;

/// Tells whether a text holds a phrase; `*` in the phrase stands for a few words.
pub(super) fn holds(text: &str, phrase: &str) -> bool {
    let Some((first, others)) = phrase.split_once('*') else { return text.contains(phrase) };
    text.match_indices(first).any(|(at, _)| {
        let mut at = at + first.len();
        others.split('*').all(|piece| {
            let window = cut(&text[at..], WIDEST_GAP + piece.len());
            let found = window.find(piece);
            at += found.map_or(0, |start| start + piece.len());
            found.is_some()
        })
    })
}

/// Tells whether a text holds any of the phrases.
pub(super) fn holds_any(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| holds(text, phrase))
}
