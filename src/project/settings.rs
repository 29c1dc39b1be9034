//! `drip.yaml` → settings.

use chrono_tz::Tz;

use super::fields::Source;
use super::hours::window;
use super::values::mailbox;
use super::yaml::{Kind, Node};
use super::{Overrides, provider, receiving, sending, terms, topics, web};
use crate::error::Diagnostic;
use crate::model::address::Address;
use crate::model::nearest;
use crate::model::settings::{FrequencyCap, LONGEST_BOUNCE_NAME, Settings};
use crate::model::window::Window;

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
    let window = window(source, &mut fields, &Window::default());
    let frequency_caps = match fields.take("frequency_cap") {
        Some(node) => caps(source, node),
        None => vec![FrequencyCap::default()],
    };
    let senders = fields.take("senders").map(|node| sending::senders(source, node)).unwrap_or_default();
    let warm_up = fields.take("warm_up").and_then(|node| sending::warm_up(source, node));
    let dkim = fields.take("dkim").and_then(|node| sending::dkim(source, node, from.as_ref()));
    let bounce_address =
        fields.take("bounce_address").and_then(|node| source.parse(node, "bounce_address", bounce_address));
    let soft_bounces = fields.take("soft_bounces").map(|node| source.parse(node, "soft_bounces", soft_bounces));
    let utm = fields.take("utm").map(|node| sending::utm(source, node)).unwrap_or_default();
    let give_up = fields.take("give_up").and_then(|node| source.parse(node, "give_up", sending::give_up));
    let web = web::read(source, &mut fields);
    let topics = fields.take("topics").map(|node| topics::read(source, node)).unwrap_or_default();
    let smtp_node = fields.take("smtp");
    let smtp = sending::smtp(source, smtp_node, overrides, warnings);
    let provider = fields.take("provider").map(|node| provider::read(source, node));
    let imap_node = fields.take("imap");
    let imap = receiving::imap(source, imap_node, overrides, warnings);
    let zone = timezone.unwrap_or(Tz::UTC);
    let terms = terms::read(source, &mut fields, zone);
    fields.finish(source);
    Some(Settings {
        from: from?,
        reply_to: reply_to.flatten(),
        postal_address: postal_address?,
        language: language.flatten().unwrap_or_else(|| "en".to_owned()),
        timezone: zone,
        window,
        frequency_caps,
        senders,
        warm_up,
        dkim,
        bounce_address,
        soft_bounces: soft_bounces.flatten().unwrap_or(5),
        utm,
        give_up: give_up.unwrap_or_default(),
        web,
        topics,
        smtp,
        provider: provider.flatten(),
        imap,
        terms,
    })
}

/// Reads a language tag: `vi`, `pt-BR`.
pub(super) fn language(text: &str) -> Result<String, String> {
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

fn bounce_address(text: &str) -> Result<Address, String> {
    let address = Address::parse(text).map_err(|error| error.to_string())?;
    match address.as_str().rfind('@') {
        Some(length) if length > LONGEST_BOUNCE_NAME => Err(format!(
            "`{text}` has {length} characters before the `@`, and with the number of a mail behind them more than the 64 \
             that servers take; write {LONGEST_BOUNCE_NAME} at the most"
        )),
        _ => Ok(address),
    }
}

fn soft_bounces(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no number of mails; write `5`, or `never`");
    if text == "never" {
        Ok(0)
    } else {
        text.parse().ok().filter(|number| (1..=100).contains(number)).ok_or_else(wrong)
    }
}

/// Reads `1 per day`, `1 per day, 3 per week`, a list of them, or `none`.
fn caps(source: &mut Source, node: &Node) -> Vec<FrequencyCap> {
    let read = |text: &str| -> Result<Vec<FrequencyCap>, String> {
        if text == "none" { Ok(Vec::new()) } else { text.split(',').map(|part| cap(part.trim())).collect() }
    };
    match &node.kind {
        Kind::List(items) => {
            let caps = items.iter().filter_map(|item| source.parse(item, "frequency_cap", cap));
            caps.collect()
        }
        _ => source.parse(node, "frequency_cap", read).unwrap_or_default(),
    }
}

fn cap(text: &str) -> Result<FrequencyCap, String> {
    let wrong = || format!("`{text}` is not a frequency cap; write `1 per day`, `3 per week` or `none`");
    let (mails, period) = text.split_once(" per ").ok_or_else(wrong)?;
    let mails = mails.trim().parse().ok().filter(|mails| *mails > 0).ok_or_else(wrong)?;
    let days = match period.trim() {
        "day" => 1,
        "week" => 7,
        _ => return Err(wrong()),
    };
    Ok(FrequencyCap { mails, days })
}
