//! Delivery reports: the fields of RFC 3464 where there are any, the server's prose beside them or alone.

use super::message::{Message, Part};
use super::prose::{self, Said};
use super::reason::{self, Evidence};
use super::text::{addresses, cut, one_line, plain, reply_code, status};
use super::words::REFUSALS;
use super::{Action, Recipient, Status, answer, doubt, original, sender, verb};

/// Recipients of one report beyond these are not looked at.
const MOST_RECIPIENTS: usize = 100;
/// So many recipients may share the words around their names; to more of them these do not speak.
const FEW: usize = 4;
/// The part of a server's words that is looked at before the rest, in bytes.
const HEAD: usize = 240;
/// The longest diagnostic kept, in bytes.
const LONGEST_DIAGNOSTIC: usize = 2000;

/// Returns what a report says of each recipient; `None` where the message is no report.
pub(super) fn read(message: &Message) -> Option<Vec<Recipient>> {
    let mut groups: Vec<Group> = of_parts(message, false);
    if groups.is_empty() && sender::is_by_server(message) && !sender::says_failure(message, 60) {
        // A gateway that says nothing itself and wraps the report of another server.
        groups = of_parts(message, true);
    }
    let named = groups.iter().any(|group| group.address().is_some());
    if !named && !sender::is_report(message) {
        return None;
    }
    // A person may quote or forward the fields of a report in a text of their own.
    if named && !groups.iter().any(|group| group.machine) && !sender::is_report(message) {
        return None;
    }
    let told = prose::read(message);
    let delayed = told.delays || sender::announces_delay(message);
    let mut recipients: Vec<Recipient> = Vec::new();
    let sources: Vec<(Group, Said)> = if named {
        let told_of = |group: Group| {
            let said = told.said.iter().find(|said| group.names(&said.address)).cloned().unwrap_or_default();
            (group, said)
        };
        groups.into_iter().filter(|group| group.address().is_some()).map(told_of).collect()
    } else {
        // Fields without a recipient still hold the diagnosis.
        let bare = groups.into_iter().next().unwrap_or_default();
        told.said.iter().map(|said| (bare.clone(), said.clone())).collect()
    };
    let (alone, few) = (sources.len() == 1, sources.len() <= FEW);
    for (group, said) in sources.into_iter().take(MOST_RECIPIENTS) {
        let whole = if alone || few && said.text.is_empty() && group.diagnostic.is_empty() {
            told.explanation.as_str()
        } else {
            ""
        };
        let recipient = recipient(&group, &said, whole, delayed, message);
        if !recipients.iter().any(|known| known.address.eq_ignore_ascii_case(&recipient.address)) {
            recipients.push(recipient);
        }
    }
    Some(recipients)
}

fn recipient(group: &Group, said: &Said, whole: &str, delayed: bool, message: &Message) -> Recipient {
    let diagnostic = answer::unwrap(&one_line(cut(&group.diagnostic, LONGEST_DIAGNOSTIC)));
    let around = one_line(cut(&answer::without_own_words(&said.text), LONGEST_DIAGNOSTIC));
    let block = answer::of(&around).to_owned();
    let nearest = if diagnostic.is_empty() { block.as_str() } else { diagnostic.as_str() };
    let answered = status(nearest);
    let group_status = status(&group.status);
    let in_text = || if whole.is_empty() { None } else { status(whole) };
    let reported = answered.filter(|answer| answer.1 != 0).or(group_status).or(answered).or_else(in_text);
    let reply_code = reply_code(nearest)
        .or_else(|| reply_code(&block))
        .or_else(|| reply_code(&group.status))
        .or_else(|| reply_code(whole));
    let action = group.action.unwrap_or(if delayed {
        Action::Delayed
    } else if matches!(group_status, Some(Status(2, ..))) {
        Action::Delivered
    } else {
        Action::Failed
    });
    let address = group.address().unwrap_or_else(|| said.address.clone());
    let verb =
        verb::answered(&said.text).or_else(|| verb::answered(whole)).or_else(|| verb::answered(&group.diagnostic));
    // What stands first in a block is the reason; advice and footers follow.
    let near = [
        plain(&diagnostic),
        plain(&verb::answers(whole)),
        plain(if block.len() > 3 * HEAD { cut(&block, HEAD) } else { "" }),
        plain(&block),
        plain(comment(&group.status)),
        plain(&group.category),
    ];
    let far = [
        plain(if around == block { "" } else { &around }),
        plain(&answer::without_own_words(cut(whole, 4 * LONGEST_DIAGNOSTIC))),
        plain(&message.subject()),
    ];
    let evidence = Evidence {
        action,
        status: reported,
        answered: answered.is_some(),
        reply_code,
        verb,
        own_lookup: reply_code.is_none()
            && [&near[0], &near[3], &far[1]].iter().any(|text| REFUSALS.say("own_lookup", text))
            || group.category.contains("bad-mailbox"),
        cites: cites(nearest, &address),
        own_hosts: &own_hosts(message, &address),
        near: &near,
        far: &far,
    };
    let reason = reason::reason(&evidence);
    Recipient {
        address,
        original_recipient: group.original.clone().or_else(|| said.original.clone()),
        action,
        status: reported,
        reply_code,
        diagnostic: if diagnostic.is_empty() { block } else { diagnostic },
        reason,
        permanence: doubt::permanence(reason, &evidence),
    }
}

/// Returns the domains of whoever gets the report and wrote the mail, without the recipient's.
fn own_hosts(message: &Message, recipient: &str) -> Vec<String> {
    let returned = original::returned(message);
    let writer = returned.iter().flat_map(|headers| headers.all("from"));
    let owner = ["delivered-to", "x-original-to", "to"].into_iter().flat_map(|name| message.headers.all(name));
    let hosts = owner.chain(writer).flat_map(addresses).filter_map(|address| host(&address));
    let theirs = host(recipient);
    hosts.filter(|host| theirs.as_ref() != Some(host)).collect()
}

fn host(address: &str) -> Option<String> {
    address.rsplit_once('@').map(|(_, host)| host.to_lowercase())
}

/// Tells whether an answer begins with the address in brackets and a colon.
fn cites(answer: &str, address: &str) -> bool {
    let Some((before, rest)) = answer.split_once('<') else { return false };
    let told = before
        .split_whitespace()
        .filter(|word| !word.ends_with("said:") && !word.ends_with(':'))
        .all(reply_code_or_status);
    told && rest.split_once(">:").is_some_and(|(cited, _)| cited.eq_ignore_ascii_case(address))
}

fn reply_code_or_status(word: &str) -> bool {
    reply_code(word).is_some() || status(word).is_some()
}

/// The fields of one recipient.
#[derive(Debug, Clone, Default)]
struct Group {
    last: Option<String>,
    original: Option<String>,
    action: Option<Action>,
    status: String,
    diagnostic: String,
    /// The class that `PowerMTA` puts beside a refusal.
    category: String,
    /// Whether the fields stand in a part made for them.
    machine: bool,
}

impl Group {
    fn address(&self) -> Option<String> {
        self.last.clone().or_else(|| self.original.clone())
    }

    fn names(&self, address: &str) -> bool {
        [&self.last, &self.original].into_iter().flatten().any(|known| known.eq_ignore_ascii_case(address))
    }

    fn is_empty(&self) -> bool {
        self.last.is_none() && self.original.is_none() && self.action.is_none() && self.diagnostic.is_empty()
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "final-recipient" => self.last = recipient_of(value),
            "original-recipient" => self.original = recipient_of(value),
            "action" => self.action = action(value),
            "status" => value.clone_into(&mut self.status),
            "diagnostic-code" => typed(value).clone_into(&mut self.diagnostic),
            "x-powermta-bouncecategory" => value.clone_into(&mut self.category),
            _ => {}
        }
    }
}

fn of_parts(message: &Message, returned: bool) -> Vec<Group> {
    message.parts.iter().filter(|part| part.returned == returned && may_hold_fields(part)).flat_map(groups).collect()
}

fn may_hold_fields(part: &Part) -> bool {
    is_made_for_fields(part)
        || part.kind.starts_with("text/plain") && {
            let text = part.text.to_ascii_lowercase();
            text.contains("final-recipient") && (text.contains("action") || text.contains("status"))
        }
}

fn is_made_for_fields(part: &Part) -> bool {
    matches!(part.kind.as_str(), "message/delivery-status" | "message/global-delivery-status")
}

/// Reads the groups of fields in a part; a group ends at an empty line or where its recipient would be named twice.
fn groups(part: &Part) -> Vec<Group> {
    let machine = is_made_for_fields(part);
    let mut found = vec![Group { machine, ..Group::default() }];
    let mut field: Option<(String, String)> = None;
    let mut close = |field: &mut Option<(String, String)>, ends: bool| {
        let Some(group) = found.last_mut() else { return };
        if let Some((name, value)) = field.take() {
            if name == "final-recipient" && group.last.is_some() {
                found.push(Group { machine, ..Group::default() });
            }
            if let Some(group) = found.last_mut() {
                group.set(&name, &value);
            }
        }
        if ends && found.last().is_some_and(|group| !group.is_empty()) && found.len() <= 2 * MOST_RECIPIENTS {
            found.push(Group { machine, ..Group::default() });
        }
    };
    for line in part.text.lines() {
        if line.trim().is_empty() {
            close(&mut field, true);
            continue;
        }
        let named = line.split_once(':').filter(|(name, _)| {
            let name = name.trim_end();
            !line.starts_with([' ', '\t'])
                && name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
        match (named, &mut field) {
            (Some((name, value)), _) => {
                close(&mut field, false);
                field = Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            // Some servers do not indent what goes on.
            (None, Some((_, value))) if value.len() < 2 * LONGEST_DIAGNOSTIC => {
                value.push('\n');
                value.push_str(line.trim());
            }
            (None, _) => {}
        }
    }
    close(&mut field, false);
    found.retain(|group| !group.is_empty());
    found
}

/// Returns the value behind its type, as in `rfc822; a@b` and `smtp; 550 no`.
fn typed(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if kind.len() <= 24 && !kind.trim().contains(' ') => rest.trim(),
        _ => value.trim(),
    }
}

fn recipient_of(value: &str) -> Option<String> {
    let kind = value.split(';').next().unwrap_or_default();
    let value = typed(value).trim_matches(['<', '>', ' ']);
    if kind.trim().eq_ignore_ascii_case("x400") {
        return None;
    }
    addresses(value).into_iter().next()
}

fn action(value: &str) -> Option<Action> {
    let word = value.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
    Some(match word.as_str() {
        "failed" | "failure" | "fail" | "error" | "undeliverable" => Action::Failed,
        "delayed" | "delay" | "deferred" => Action::Delayed,
        "delivered" | "deliverable" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    })
}

/// Returns the words behind a status code: `5.0.0 (recipient reached disk quota)`.
fn comment(status: &str) -> &str {
    status.find(|c: char| c.is_alphabetic()).map_or("", |at| status[at..].trim_end_matches(')'))
}
