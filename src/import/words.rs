//! What a cell of a well-known column says: consent, tags, language, time.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::dates::{self, DateOrder, Reading};
use super::vietnamese::fold;
use crate::model::contact::Consent;
use crate::model::plain::quoted;
use crate::model::{Instant, wall};

pub(super) fn consent(text: &str) -> Result<Consent, String> {
    Consent::from_word(text).ok_or_else(|| {
        let words: Vec<_> = Consent::ALL.iter().map(|consent| format!("`{}`", consent.as_str())).collect();
        format!("{} is no consent; it is one of {}", quoted(text), words.join(", "))
    })
}

/// Reads yes or no; a word that is neither must not be taken for consent.
pub(super) fn yes(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "1" | "y" | "t" | "x" | "có" | "đồng ý" | "đúng" => Ok(true),
        "no" | "false" | "0" | "n" | "f" | "không" | "sai" => Ok(false),
        _ => Err(format!("{} is neither `yes` nor `no`", quoted(text))),
    }
}

/// Returns the consent that a word of a status narrows to.
///
/// `of_mail` says that the column speaks of the subscription alone; else the word may be about an order.
pub(super) fn status(text: &str, of_mail: bool) -> Option<Consent> {
    let word = normal(text);
    Some(match word.as_str() {
        "unsubscribed"
        | "unsubscribe"
        | "opted out"
        | "opt out"
        | "blocklisted"
        | "blacklisted"
        | "do not mail"
        | "do not email"
        | "đã hủy đăng ký"
        | "hủy đăng ký"
        | "ngừng nhận tin"
        | "từ chối nhận tin" => Consent::Unsubscribed,
        "cleaned" | "bounced" | "hard bounced" | "hard bounce" => Consent::Bounced,
        "complained" | "marked as spam" => Consent::Complained,
        "cancelled" | "canceled" | "inactive" | "suppressed" | "blocked" | "do not contact" | "từ chối" | "đã hủy"
            if of_mail =>
        {
            Consent::Unsubscribed
        }
        "bounce" if of_mail => Consent::Bounced,
        "complaint" | "spam" if of_mail => Consent::Complained,
        "unconfirmed"
        | "pending"
        | "not subscribed"
        | "never subscribed"
        | "non subscribed"
        | "non marketing contact"
        | "chưa xác nhận"
            if of_mail =>
        {
            Consent::Pending
        }
        _ => return None,
    })
}

/// Returns a word in one dress; the tone of `hủy` may stand over either vowel.
fn normal(text: &str) -> String {
    text.to_lowercase().replace(['_', '-'], " ").replace("huỷ", "hủy")
}

/// Says whether a word tells how somebody stands to a list of mail, whatever it tells.
pub(super) fn is_status(text: &str) -> bool {
    let word = normal(text);
    status(text, true).is_some()
        || matches!(word.as_str(), "active" | "subscribed" | "confirmed" | "opted in" | "đã đăng ký" | "đang hoạt động")
}

/// Splits tags at `,` `;` `|` outside quotes, as Mailchimp writes them: `"vip","tea, green"`.
pub(super) fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut quoted = false;
    let parts = text.split(|c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ',' | ';' | '|')
    });
    for part in parts {
        let part = part.trim();
        let inner = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
        let tag = inner.map_or_else(|| part.to_owned(), |inner| inner.trim().replace("\"\"", "\""));
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Checks the shape of a language tag (RFC 5646) and writes it in its usual case; knows a few languages by name.
pub(super) fn language(text: &str) -> Result<String, String> {
    // `vi_VN.UTF-8` is what a Unix program calls it.
    let text = text.split('.').next().unwrap_or(text).trim();
    if let Some(tag) = LANGUAGES.get(&fold(text)) {
        return Ok((*tag).to_owned());
    }
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    let mut right = matches!(first.len(), 2..=3) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut tag = first.to_ascii_lowercase();
    for part in parts {
        right &= matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        tag.push('-');
        tag.push_str(&if part.len() == 2 { part.to_ascii_uppercase() } else { part.to_owned() });
    }
    if right { Ok(tag) } else { Err(format!("{} is no language; write one as `vi` or `en-US`", quoted(text))) }
}

/// The languages that are known by name, as they are folded.
static LANGUAGES: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let names = [
        ("tiếng việt", "vi"),
        ("việt", "vi"),
        ("vietnamese", "vi"),
        ("tiếng anh", "en"),
        ("english", "en"),
        ("anh", "en"),
        ("français", "fr"),
        ("french", "fr"),
        ("deutsch", "de"),
        ("german", "de"),
        ("japanese", "ja"),
        ("korean", "ko"),
        ("chinese", "zh"),
        ("spanish", "es"),
        ("español", "es"),
        ("italian", "it"),
        ("portuguese", "pt"),
        ("russian", "ru"),
        ("dutch", "nl"),
        ("thai", "th"),
    ];
    names.into_iter().map(|(name, tag)| (fold(name), tag)).collect()
});

/// Reads RFC 3339, a day, or a day and a time of day in `zone`; in another order only where the user named it.
pub(super) fn time(text: &str, zone: Tz, order: Option<DateOrder>) -> Result<Instant, String> {
    read_time(text, zone, order).map(wall::whole)
}

fn read_time(text: &str, zone: Tz, order: Option<DateOrder>) -> Result<Instant, String> {
    let wrong =
        || format!("{} is no time; write it as `2026-03-01 09:30` or `2026-03-01T09:30:00+07:00`", quoted(text));
    let turned = || format!("{} is no time in ISO 8601; with the day first it is `--dates dmy`", quoted(text));
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let iso = match dates::read(text, order.unwrap_or(DateOrder::Ymd)) {
        Reading::Date(iso) => iso,
        Reading::Impossible(why) if order.is_some() => return Err(why),
        _ if order.is_none() && matches!(dates::read(text, DateOrder::Dmy), Reading::Date(_)) => return Err(turned()),
        _ => return Err(wrong()),
    };
    if order.is_none() && text.as_bytes().get(4) != Some(&b'-') {
        return Err(wrong());
    }
    if let Ok(day) = NaiveDate::parse_from_str(&iso, "%Y-%m-%d") {
        return Ok(wall::instant(day.and_time(NaiveTime::MIN), zone));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
    if let Some(time) = local.iter().find_map(|form| NaiveDateTime::parse_from_str(&iso, form).ok()) {
        return Ok(wall::instant(time, zone));
    }
    let offset = ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
    let time = offset.iter().find_map(|form| DateTime::parse_from_str(&iso.replace('Z', "+00:00"), form).ok());
    time.map(|time| time.with_timezone(&Utc)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_split_outside_quotes() {
        for (text, expected) in [
            ("vip, tea ;vip|new", vec!["vip", "tea", "new"]),
            (r#""vip","tea, green""#, vec!["vip", "tea, green"]),
            (r#""say ""hi""",x"#, vec![r#"say "hi""#, "x"]),
            (r#"5" screen,x"#, vec![r#"5" screen,x"#]),
            (" , ;", vec![]),
        ] {
            assert_eq!(tags(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_is_iso_8601_in_any_of_its_dresses() {
        for text in [
            "2026-03-01T09:30:00+07:00",
            "2026-03-01 09:30",
            "2026-03-01 09:30:00",
            "2026-03-01 09:30:00 +0700",
            "2026-03-01T02:30Z",
            "2026-03-01 02:30:00 UTC",
            "2026-3-1 9:30",
        ] {
            let at = time(text, Tz::Asia__Ho_Chi_Minh, None).expect(text);
            assert_eq!(at.to_rfc3339(), "2026-03-01T02:30:00+00:00", "{text}");
        }
        for text in ["01/03/2026", "2026/03/01", "2026-02-30", "2026-03-01 25:00", "20260301"] {
            assert!(time(text, Tz::Asia__Ho_Chi_Minh, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_language_is_a_tag_or_a_well_known_name() {
        for (text, tag) in [("vi_vn", "vi-VN"), ("Tiếng Việt", "vi"), ("EN", "en"), ("zh-Hant-TW", "zh-Hant-TW")] {
            assert_eq!(language(text).as_deref(), Ok(tag));
        }
        assert!(language("Klingon!").is_err());
    }
}
