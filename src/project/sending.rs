//! The parts of `drip.yaml` that say how mail leaves: relay, limits, signature, senders.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};

use chrono::NaiveDate;

use super::fields::Source;
use super::values::{NAME_HINT, mailbox};
use super::yaml::{Kind, Node};
use super::{Overrides, smtp_url};
use crate::error::Diagnostic;
use crate::model::delay::Span;
use crate::model::id::is_name;
use crate::model::settings::{Dkim, GiveUp, Mailbox, Rate, Sender, Smtp, WarmUp};

/// Reads `smtp`; the URL of the environment wins over the one in the file.
pub(super) fn smtp(
    source: &mut Source,
    node: Option<&Node>,
    overrides: &Overrides,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Smtp> {
    let mut connections = None;
    let mut rates = Vec::new();
    let (mut command, mut is_token, mut place) = (None, false, None);
    let mut relay = None;
    if let Some(node) = node {
        let mut fields = source.fields(node, "`smtp`")?;
        let url = fields.take("url");
        connections = fields.take("connections").and_then(|node| source.parse(node, "connections", self::connections));
        rates = fields.take("rate").map(|node| self::rates(source, node)).unwrap_or_default();
        command =
            fields.take("password_command").and_then(|node| source.text(node, "password_command")).map(str::to_owned);
        is_token = fields.take("auth").and_then(|node| source.parse(node, "auth", auth)).unwrap_or(false);
        let span = fields.span.clone();
        fields.finish(source);
        place = Some(url.map_or(span.clone(), |url| url.span.clone()));
        match url {
            Some(url) => {
                relay = source.parse(url, "url", smtp_url::parse);
                if relay.as_ref().is_some_and(smtp_url::Relay::has_password) {
                    let warning = Diagnostic::warning("a password stands in drip.yaml, and so in git");
                    let hint =
                        "take it out of the file and set DRIP_SMTP_URL in the environment, or `password_command`";
                    warnings.push(warning.at(source.place(url.span.clone())).hint(hint));
                }
                relay.as_ref()?;
            }
            None if overrides.smtp_url.is_none() => {
                source.error(
                    span,
                    "`smtp` has no `url`",
                    Some("write url: \"smtps://relay.example\", or leave `smtp` out"),
                );
                return None;
            }
            None => {}
        }
    }
    if let Some(url) = &overrides.smtp_url {
        match smtp_url::parse(url) {
            Ok(parsed) => (relay, place) = (Some(parsed), None),
            Err(message) => source.problems.push(Diagnostic::error(format!("DRIP_SMTP_URL: {message}"))),
        }
    }
    match relay?.complete(command, is_token) {
        Ok(smtp) => Some(Smtp { connections: connections.unwrap_or(smtp.connections), rates, ..smtp }),
        Err(message) => {
            match place {
                Some(span) => source.error(span, message, None),
                None => source.problems.push(Diagnostic::error(format!("DRIP_SMTP_URL: {message}"))),
            }
            None
        }
    }
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=200) => Ok(number),
        _ => Err(format!("`{text}` is not a number of connections; write 1 to 200")),
    }
}

pub(super) fn auth(text: &str) -> Result<bool, String> {
    match text {
        "password" => Ok(false),
        "xoauth2" => Ok(true),
        _ => Err(format!("`{text}` is not a way to log in; write `password` or `xoauth2`")),
    }
}

/// Reads `50/s`, `50/s, 10000/h`, or a list of them.
fn rates(source: &mut Source, node: &Node) -> Vec<Rate> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| source.parse(item, "rate", rate)).collect(),
        _ => {
            let read = |text: &str| text.split(',').map(|part| rate(part.trim())).collect::<Result<Vec<_>, _>>();
            source.parse(node, "rate", read).unwrap_or_default()
        }
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || format!("`{text}` is not a rate; write `50/s`, `200/min`, `10000/h` or `50000/day`");
    let (mails, unit) = text.split_once('/').ok_or_else(wrong)?;
    let mails = mails.trim().parse().ok().filter(|mails| *mails > 0).ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        "day" | "d" => 86_400,
        _ => return Err(wrong()),
    };
    Ok(Rate { mails, seconds })
}

/// Reads `after 3d` or `after 12 attempts`.
pub(super) fn give_up(text: &str) -> Result<GiveUp, String> {
    let wrong = || format!("`{text}` is not known for `give_up`; write `after 3d` or `after 12 attempts`");
    let limit = text.strip_prefix("after ").ok_or_else(wrong)?.trim();
    let attempts = limit.strip_suffix("attempts").or_else(|| limit.strip_suffix("attempt"));
    match attempts {
        Some(number) => match number.trim().parse() {
            Ok(number @ 1..=1000) => Ok(GiveUp::Attempts(number)),
            _ => Err(wrong()),
        },
        None => Span::parse(limit).map(GiveUp::After).map_err(|_| wrong()),
    }
}

/// Reads `{ first_day: 50, growth: 30%, until: 5000, since: 2026-11-01 }`.
pub(super) fn warm_up(source: &mut Source, node: &Node) -> Option<WarmUp> {
    let mails = |text: &str| {
        let number = text.parse().ok().filter(|number: &u32| *number > 0);
        number.ok_or_else(|| format!("`{text}` is not a number of mails a day"))
    };
    let growth = |text: &str| {
        let number = text.trim_end_matches('%').trim().parse().ok().filter(|number: &u32| (1..=1000).contains(number));
        number.ok_or_else(|| format!("`{text}` is not a growth; write `30%` for a third more each day"))
    };
    let since = |text: &str| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("`{text}` is not a date; write `2026-11-01`"))
    };
    let mut fields = source.fields(node, "`warm_up`")?;
    let first_day =
        fields.need(source, "first_day", "`warm_up`").and_then(|node| source.parse(node, "first_day", mails));
    let growth = fields.take("growth").map(|node| source.parse(node, "growth", growth));
    let until = fields.need(source, "until", "`warm_up`").and_then(|node| source.parse(node, "until", mails));
    let since = fields.take("since").map(|node| source.parse(node, "since", since));
    fields.finish(source);
    let (first_day, until) = (first_day?, until?);
    if until <= first_day {
        source.error(node.span.clone(), "the warm-up is over on its first day", Some("`until` is the larger number"));
    }
    let since = match since {
        Some(given) => Some(given?),
        None => None,
    };
    Some(WarmUp { first_day, growth: growth.unwrap_or(Some(30))?, since, until })
}

/// Reads `{ selector: drip1, key_file: keys/dkim.pem, domain: acme.example }`.
pub(super) fn dkim(source: &mut Source, node: &Node, from: Option<&Mailbox>) -> Option<Dkim> {
    let label = |text: &str| {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let right = !text.is_empty() && text.len() <= 200 && text.chars().all(valid) && !text.starts_with(['.', '-']);
        if right { Ok(text.to_lowercase()) } else { Err(format!("`{text}` is not a name in DNS")) }
    };
    let mut fields = source.fields(node, "`dkim`")?;
    let selector = fields.need(source, "selector", "`dkim`").and_then(|node| source.parse(node, "selector", label));
    let key_node = fields.need(source, "key_file", "`dkim`");
    let key_file = key_node.and_then(|node| source.text(node, "key_file")).map(|text| PathBuf::from(text.trim()));
    let domain_node = fields.take("domain");
    let domain = domain_node.map(|node| source.parse(node, "domain", label));
    fields.finish(source);
    let own = from.map(|from| from.address.domain().to_owned());
    let domain = domain.unwrap_or(own.clone())?;
    if let (Some(own), Some(node)) = (own, domain_node)
        && own != domain
        && !own.ends_with(&format!(".{domain}"))
    {
        let message = format!("mail from `{own}` is not aligned with a signature of `{domain}`");
        source.error(
            node.span.clone(),
            message,
            Some("leave `domain` out, or name a domain above it (RFC 7489 section 3.1)"),
        );
    }
    let key_file = key_file?;
    if let Some(node) = key_node
        && key_file.components().any(|part| matches!(part, Component::ParentDir))
    {
        source.error(
            node.span.clone(),
            "`key_file` leads out of its folder",
            Some("write an absolute path, or one below the project"),
        );
    }
    Some(Dkim { domain, selector: selector?, key_file })
}

/// Reads the named senders.
pub(super) fn senders(source: &mut Source, node: &Node) -> BTreeMap<String, Sender> {
    let mut senders = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        let hint = "write `senders: { sales: { from: \"Lan <lan@acme.example>\" } }`";
        source.error(node.span.clone(), "`senders` must be a mapping of names to senders", Some(hint));
        return senders;
    };
    for (key, node) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name", key.name), Some(NAME_HINT));
        }
        let sender = if let Kind::Scalar(_) = node.kind {
            source.parse(node, &key.name, mailbox).map(|from| Sender { from, reply_to: None })
        } else {
            let Some(mut fields) = source.fields(node, "a sender") else { continue };
            let from = fields.need(source, "from", "the sender").and_then(|node| source.parse(node, "from", mailbox));
            let reply_to = fields.take("reply_to").and_then(|node| source.parse(node, "reply_to", mailbox));
            fields.finish(source);
            from.map(|from| Sender { from, reply_to })
        };
        senders.extend(sender.map(|sender| (key.name.clone(), sender)));
    }
    senders
}

/// Reads `{ source: drip, medium: email, campaign: … }`.
pub(super) fn utm(source: &mut Source, node: &Node) -> Vec<(String, String)> {
    let Some(mut fields) = source.fields(node, "`utm`") else { return Vec::new() };
    let mut utm = Vec::new();
    for name in ["source", "medium", "campaign", "term", "content"] {
        let Some(node) = fields.take(name) else { continue };
        if let Some(text) = source.text(node, name) {
            utm.push((format!("utm_{name}"), text.trim().to_owned()));
        }
    }
    fields.finish(source);
    utm
}
