//! `drip.yaml` → settings.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::fields::{Fields, Source};
use super::yaml::{Kind, Node};
use super::{Overrides, smtp_url};
use crate::error::Diagnostic;
use crate::model::address::Address;
use crate::model::condition::Condition;
use crate::model::id::is_name;
use crate::model::nearest;
use crate::model::settings::{FrequencyCap, Mailbox, Settings, Smtp};
use crate::model::window::{Hours, Weekdays, Window};

/// Reads the settings; `None` where something is wrong, which `source` then says.
pub(super) fn read(
    source: &mut Source,
    root: &Node,
    overrides: &Overrides,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Settings> {
    let mut fields = source.fields(root, "drip.yaml")?;
    let from = fields.need(source, "from", "drip.yaml").and_then(|node| source.parse(node, "from", mailbox));
    let reply_to = fields.take("reply_to").map(|node| source.parse(node, "reply_to", mailbox));
    let postal_address = fields
        .need(source, "postal_address", "drip.yaml")
        .and_then(|node| source.text(node, "postal_address"))
        .map(|text| text.trim().to_owned());
    let language = fields.take("language").map(|node| source.parse(node, "language", language));
    let timezone = fields.take("timezone").and_then(|node| source.parse(node, "timezone", zone));
    let window = window(source, &mut fields, Window::default());
    let frequency_cap = match fields.take("frequency_cap") {
        Some(node) => source.parse(node, "frequency_cap", cap).flatten(),
        None => Some(FrequencyCap::default()),
    };
    let smtp = fields.take("smtp").map(|node| smtp(source, node, warnings));
    let segments = fields.take("segments").map(|node| segments(source, node)).unwrap_or_default();
    fields.refuse(source, &["score", "stages", "dkim", "warm_up", "quiet_dates", "senders"]);
    fields.finish(source);
    let smtp = match &overrides.smtp_url {
        None => smtp.flatten(),
        Some(url) => match smtp_url::parse(url) {
            Ok(parsed) => {
                let connections = smtp.flatten().map_or(parsed.connections, |smtp| smtp.connections);
                Some(Smtp { connections, ..parsed })
            }
            Err(message) => {
                source.problems.push(Diagnostic::error(format!("DRIP_SMTP_URL: {message}")));
                None
            }
        },
    };
    Some(Settings {
        from: from?,
        reply_to: reply_to.flatten(),
        postal_address: postal_address?,
        language: language.flatten().unwrap_or_else(|| "en".to_owned()),
        timezone: timezone.unwrap_or(Tz::UTC),
        window,
        frequency_cap,
        smtp,
        segments,
    })
}

/// Reads `hours` and `days` over those that are inherited; `none` lifts them.
pub(super) fn window(source: &mut Source, fields: &mut Fields<'_>, inherited: Window) -> Window {
    let hours = fields.take("hours").and_then(|node| source.parse(node, "hours", |text| lift(text, Hours::parse)));
    let days = fields.take("days").and_then(|node| source.parse(node, "days", |text| lift(text, Weekdays::parse)));
    Window { hours: hours.unwrap_or(inherited.hours), days: days.unwrap_or(inherited.days) }
}

fn lift<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text == "none" { Ok(None) } else { parse(text).map(Some) }
}

fn smtp(source: &mut Source, node: &Node, warnings: &mut Vec<Diagnostic>) -> Option<Smtp> {
    let mut fields = source.fields(node, "`smtp`")?;
    let url = fields.take("url");
    let connections = fields.take("connections").and_then(|node| {
        source.parse(node, "connections", |text| match text.parse() {
            Ok(number @ 1..=100) => Ok(number),
            _ => Err(format!("`{text}` is not a number of connections; write 1 to 100")),
        })
    });
    fields.refuse(source, &["rate", "password_command", "dkim", "warm_up", "oauth"]);
    let span = fields.span.clone();
    fields.finish(source);
    let Some(url) = url else {
        source.error(span, "`smtp` has no `url`", Some("write url: \"smtps://relay.example\", or leave `smtp` out"));
        return None;
    };
    let smtp = source.parse(url, "url", smtp_url::parse)?;
    if smtp.login.is_some() {
        let warning =
            Diagnostic::warning("a password stands in drip.yaml, and so in git").at(source.place(url.span.clone()));
        warnings.push(warning.hint("take it out of the file and set DRIP_SMTP_URL in the environment"));
    }
    Some(Smtp { connections: connections.unwrap_or(smtp.connections), ..smtp })
}

fn segments(source: &mut Source, node: &Node) -> BTreeMap<String, Condition> {
    let mut segments = BTreeMap::new();
    let Kind::Map(entries) = &node.kind else {
        source.error(node.span.clone(), "`segments` must be a mapping of names to conditions", None);
        return segments;
    };
    for (key, value) in entries {
        if !is_name(&key.name) {
            source.error(key.span.clone(), format!("`{}` is not a name", key.name), Some(NAME_HINT));
        }
        if let Some(condition) = source.condition(value, &key.name) {
            if condition.reads_trigger() {
                let message = format!("segment `{}` looks at `event`, which no segment has", key.name);
                source.error(value.span.clone(), message, Some("use did(\"…\") or count(\"…\")"));
            }
            segments.insert(key.name.clone(), condition);
        }
    }
    for (key, value) in entries {
        if in_a_circle(&key.name, &segments) {
            source.error(value.span.clone(), format!("segment `{}` leads back to itself", key.name), None);
        }
    }
    for (key, value) in entries {
        let named: Vec<String> =
            segments.get(&key.name).map(|segment| segment.segments().map(str::to_owned).collect()).unwrap_or_default();
        for name in named {
            unknown_segment(source, &name, value, &segments);
        }
    }
    segments
}

/// Notes a segment that is not there.
pub(super) fn unknown_segment(source: &mut Source, name: &str, node: &Node, segments: &BTreeMap<String, Condition>) {
    if segments.contains_key(name) {
        return;
    }
    let hint = match nearest(name, segments.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name it under `segments` in drip.yaml".to_owned(),
    };
    source.error(node.span.clone(), format!("there is no segment `{name}`"), Some(&hint));
}

fn in_a_circle(start: &str, segments: &BTreeMap<String, Condition>) -> bool {
    let mut reached: Vec<&str> = vec![start];
    let mut at = 0;
    while at < reached.len() {
        for next in segments.get(reached[at]).into_iter().flat_map(Condition::segments) {
            if next == start {
                return true;
            }
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
        at += 1;
    }
    false
}

/// What a name may be made of.
pub(super) const NAME_HINT: &str = "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit";

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
        None => (None, text),
    };
    let address = Address::parse(address).map_err(|error| format!("{error}; write `Acme <hello@acme.example>`"))?;
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    if name.as_deref().is_some_and(|name| name.contains('@')) {
        return Err("the name of a sender must not hold an `@`; mail readers take it for fraud".to_owned());
    }
    Ok(Mailbox { name, address })
}

/// Reads a language tag: `vi`, `pt-BR`.
fn language(text: &str) -> Result<String, String> {
    if is_language(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a language; write `vi`, `en` or `pt-BR`"))
    }
}

/// Says whether a text is a language of two or three letters, with a region perhaps (RFC 5646).
pub(super) fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()))
}

fn zone(text: &str) -> Result<Tz, String> {
    if let Ok(zone) = Tz::from_str_insensitive(text) {
        return Ok(zone);
    }
    // Cities that people expect to be there.
    let city = text.rsplit('/').next().unwrap_or(text).to_lowercase().replace([' ', '_'], "");
    let near = match city.as_str() {
        "hanoi" | "hànội" | "danang" | "saigon" | "hochiminh" | "hcm" | "vietnam" => Some("Asia/Ho_Chi_Minh"),
        _ => nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
    };
    Err(match near {
        Some(near) => format!("`{text}` is not a time zone; did you mean `{near}`?"),
        None => format!("`{text}` is not a time zone; write a name as `Asia/Ho_Chi_Minh` or `Europe/Paris`"),
    })
}

fn cap(text: &str) -> Result<Option<FrequencyCap>, String> {
    if text == "none" {
        return Ok(None);
    }
    let wrong = || format!("`{text}` is not a frequency cap; write `1 per day`, `3 per week` or `none`");
    let (mails, period) = text.split_once(" per ").ok_or_else(wrong)?;
    let mails = mails.trim().parse().ok().filter(|mails| *mails > 0).ok_or_else(wrong)?;
    let days = match period.trim() {
        "day" => 1,
        "week" => 7,
        _ => return Err(wrong()),
    };
    Ok(Some(FrequencyCap { mails, days }))
}
