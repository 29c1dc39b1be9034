//! Bounces in plain words: qmail, Exim, Exchange, Domino, Yahoo and all who keep to no standard.
//!
//! What they have in common: the failed address stands at the start of a line, alone or with the reason
//! behind it or below it; or a sentence of failure names it. What follows the announcement of the returned
//! mail is not read.

use super::message::Message;
use super::original;
use super::text::{addresses, cut, plain, reply_code};
use super::words::REPORTS;

/// An explanation is read this far, in bytes.
const LONGEST_EXPLANATION: usize = 64 * 1024;
const MOST_LINES: usize = 1500;

/// What the words of a report tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) said: Vec<Said>,
    /// Everything before the returned mail.
    pub(super) explanation: String,
    /// Whether it says that the server goes on trying.
    pub(super) delays: bool,
}

/// What is said of one address.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) address: String,
    /// The address that led to it, where the server says so.
    pub(super) original: Option<String>,
    pub(super) text: String,
}

/// Returns what a message tells in words.
pub(super) fn read(message: &Message) -> Told {
    let mut told = Told::default();
    let known: Vec<String> = message.headers.all("x-failed-recipients").flat_map(addresses).collect();
    let skipped = not_recipients(message);
    for text in message.texts().filter(|text| !text.trim().is_empty()).take(4) {
        let explanation = before_returned(text);
        let said = by_line(explanation, &skipped);
        let words = plain(explanation);
        told.delays = told.delays || REPORTS.say("delay", &words);
        let said = if said.is_empty() { by_sentence(explanation, &skipped) } else { said };
        // A mail to oneself comes back to the address that failed.
        let said = if said.is_empty() { by_line(explanation, &[]) } else { said };
        if told.explanation.is_empty() || told.said.is_empty() && !said.is_empty() {
            explanation.clone_into(&mut told.explanation);
        }
        if told.said.is_empty() {
            told.said = said;
        }
        if !told.said.is_empty() {
            break;
        }
    }
    if !known.is_empty() {
        let of = |address: &String| {
            let said = told.said.iter().find(|said| said.address.eq_ignore_ascii_case(address));
            Said { address: address.clone(), ..said.cloned().unwrap_or_default() }
        };
        told.said = known.iter().map(of).collect();
    }
    if told.said.is_empty() {
        told.said = bare_names(&told.explanation, message);
    }
    if told.said.is_empty()
        && let Some(returned) = original::returned(message)
        && returned.get("precedence").is_none_or(|value| !value.eq_ignore_ascii_case("list"))
        && !returned.has("newsgroups")
    {
        // Nobody is named: the returned mail was for somebody, unless it was for a list.
        let to: Vec<String> = returned.get("to").map(addresses).unwrap_or_default();
        if let [address] = to.as_slice() {
            told.said = vec![Said { address: address.clone(), ..Said::default() }];
        }
    }
    told
}

/// Reads names without a domain, alone on indented lines below a sentence of failure: users of the host that reports.
fn bare_names(explanation: &str, message: &Message) -> Vec<Said> {
    let Some(domain) = message.from().and_then(|from| from.rsplit_once('@').map(|(_, domain)| domain.to_owned()))
    else {
        return Vec::new();
    };
    if !REPORTS.say("failure", &plain(explanation)) {
        return Vec::new();
    }
    let is_name = |line: &str| {
        let name = line.trim();
        line.starts_with([' ', '\t'])
            && (2..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
    };
    let names = explanation.lines().take(100).filter(|line| is_name(line)).take(20);
    names
        .map(|name| Said { address: format!("{}@{}", name.trim(), domain.to_ascii_lowercase()), ..Said::default() })
        .collect()
}

/// Addresses in a report that did not fail: those whom it was sent to, and those one may ask for help.
fn not_recipients(message: &Message) -> Vec<String> {
    let mut found: Vec<String> = ["from", "to", "return-path", "delivered-to"]
        .iter()
        .flat_map(|name| message.headers.all(name))
        .flat_map(addresses)
        .collect();
    if let Some(returned) = original::returned(message) {
        found.extend(returned.get("from").map(addresses).unwrap_or_default());
        let to: Vec<String> = returned.all("to").flat_map(addresses).collect();
        found.retain(|address| !to.iter().any(|to| to.eq_ignore_ascii_case(address)));
    }
    found
}

fn is_help_desk(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase();
    ["postmaster", "mailer-daemon", "abuse", "helpdesk", "hostmaster", "support"].contains(&local.as_str())
}

/// Returns the part of a text before the mail that it returns.
pub(super) fn before_returned(text: &str) -> &str {
    let text = cut(text, LONGEST_EXPLANATION);
    returned_at(text).map_or(text, |(at, _)| &text[..at])
}

/// Returns the mail that a text returns behind its explanation.
pub(super) fn behind_announcement(text: &str) -> Option<&str> {
    let text = cut(text, 4 * LONGEST_EXPLANATION);
    returned_at(text).map(|(_, behind)| &text[behind..])
}

/// Finds where the returned mail is announced, and where it begins.
fn returned_at(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut seen_text = false;
    let mut blank = false;
    for line in text.split_inclusive('\n').take(MOST_LINES) {
        let end = at + line.len();
        if seen_text && announces(line) {
            return Some((at, end));
        }
        if seen_text && blank && begins_mail(&text[at..]) {
            return Some((at, at));
        }
        // Without an announcement, the fields that only a mail has at the start of a line.
        let is_field = |name: &str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if seen_text
            && ["Received: ", "Return-Path: ", "DKIM-Signature: ", "X-Originating-IP: "]
                .iter()
                .any(|name| is_field(name))
        {
            return Some((at, at));
        }
        blank = line.trim().is_empty();
        seen_text = seen_text || !blank;
        at = end;
    }
    None
}

/// Tells whether a text begins with the headers of a mail.
fn begins_mail(text: &str) -> bool {
    let names: Vec<&str> =
        text.lines().take(4).filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    names.len() >= 3
        && names[0] == "From"
        && names.iter().any(|name| matches!(*name, "To" | "Subject" | "Date"))
        && !names.contains(&"Sent")
}

fn announces(line: &str) -> bool {
    let trimmed = line.trim();
    if trimmed.len() > 120 {
        return false;
    }
    let words = trimmed.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().replace('\u{2019}', "'");
    if words.contains("original message follow") {
        return true;
    }
    REPORTS.list("returned").iter().any(|known| {
        words.starts_with(known) && {
            // A sentence that only begins so says something itself.
            let decorated = trimmed.starts_with(['-', '=', '*', '_', '|', '#']);
            let tail = &words[known.len()..];
            decorated || tail.len() <= 28 || trimmed.ends_with(':')
        }
    }) || trimmed.starts_with("--") && REPORTS.list("returned").iter().any(|known| words.contains(known))
}

/// Reads addresses that stand at the start of a line, with what follows up to the next.
fn by_line(text: &str, skipped: &[String]) -> Vec<Said> {
    let mut found: Vec<Said> = Vec::new();
    let mut current: Option<usize> = None;
    for line in text.lines().take(MOST_LINES) {
        if let Some(source) = source(line) {
            match current {
                Some(place) => found[place].original = found[place].original.take().or(Some(source)),
                None => {
                    found.push(Said { address: source, ..Said::default() });
                    current = Some(found.len() - 1);
                }
            }
            continue;
        }
        let start = at_start(line).filter(|(address, _)| {
            !is_help_desk(address) && !skipped.iter().any(|known| known.eq_ignore_ascii_case(address))
        });
        if let Some((address, rest)) = start {
            let known = found.iter().position(|said| said.address.eq_ignore_ascii_case(&address));
            let place = known.unwrap_or_else(|| {
                found.push(Said { address, ..Said::default() });
                found.len() - 1
            });
            found[place].text.push_str(rest);
            found[place].text.push('\n');
            current = Some(place);
        } else if let Some(place) = current
            && found[place].text.len() < 4000
        {
            found[place].text.push_str(line);
            found[place].text.push('\n');
        }
    }
    found
}

/// Returns the address that an alias or a forwarding stands for: `(expanded from: <a@b>)`.
fn source(line: &str) -> Option<String> {
    let inner = line.trim().strip_prefix('(')?.to_ascii_lowercase();
    let is_source = ["expanded from", "generated from", "originally addressed to", "was addressed to"]
        .iter()
        .any(|known| inner.starts_with(known));
    if is_source { addresses(cut(line, 500)).into_iter().next() } else { None }
}

/// Returns the address that a line begins with, and what stands behind it.
fn at_start(line: &str) -> Option<(String, &str)> {
    if line.len() > 1000 {
        return None;
    }
    let line = line.trim_start();
    if line.starts_with(">>> ")
        && line[4..].trim_start().starts_with(|c: char| c.is_ascii_uppercase())
        && line.contains(":<")
        || line.starts_with("<<<")
    {
        return None;
    }
    let bare = line.trim_start_matches(|c: char| c.is_whitespace() || "*>-•#|'\"(=".contains(c));
    // `554 <a@b>... 550 Host unknown`, as old sendmail writes it.
    let bare = if bare.get(..4).is_some_and(|code| code.ends_with(' ') && reply_code(code).is_some()) {
        bare[4..].trim_start()
    } else {
        bare
    };
    if let Some(found) = bare_address(bare) {
        return Some(found);
    }
    let (label, rest) = bare.split_once(':')?;
    let label = label.trim().to_lowercase();
    let label = label.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    if REPORTS.list("labels").contains(&label) || label.starts_with("delivery failed") {
        return bare_address(
            rest.trim_start_matches(|c: char| c.is_whitespace() || "[\"'".contains(c)).trim_start_matches("SMTP:"),
        );
    }
    None
}

fn bare_address(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches('[').trim_start_matches("SMTP:");
    let inner = text.strip_prefix('<').unwrap_or(text);
    let inner = inner.strip_prefix("mailto:").unwrap_or(inner);
    let first = addresses(cut(inner, 400)).into_iter().next()?;
    let at = inner.find(&first)?;
    if at != 0 {
        return None;
    }
    let rest = &inner[first.len()..];
    let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || "<>:;,.()[]\"'".contains(c));
    ends.then(|| (first, rest.trim_start_matches(['>', ':', ']', '"', '\''])))
}

/// Reads addresses out of sentences of failure, which may go over two lines.
fn by_sentence(text: &str, skipped: &[String]) -> Vec<Said> {
    let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    let mut found: Vec<Said> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        if !line.contains('@') || line.len() > 2000 || found.len() >= 20 {
            continue;
        }
        let around = lines[place.saturating_sub(2)..(place + 2).min(lines.len())].join(" ");
        if !REPORTS.say("failure", &plain(&around)) {
            continue;
        }
        for address in addresses(line) {
            let before =
                line.split_once(address.as_str()).map_or("", |(before, _)| before).trim_end_matches(['<', '"', '\'']);
            let wanted = !is_help_desk(&address)
                && !before.trim_end().to_lowercase().ends_with(" from")
                && !skipped.iter().any(|known| known.eq_ignore_ascii_case(&address))
                && !found.iter().any(|said| said.address.eq_ignore_ascii_case(&address));
            if wanted {
                let text = lines[place..(place + 12).min(lines.len())].join("\n");
                found.push(Said { address, text, original: None });
            }
        }
    }
    found
}
