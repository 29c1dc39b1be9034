//! Time zones by name, and the one that a wrong name most likely means.

use std::collections::HashMap;

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::model::nearest;
use crate::model::plain::quoted;

/// What people write where the zone database has another name.
const OTHER_NAMES: [(&str, Tz); 8] = [
    ("hanoi", Tz::Asia__Ho_Chi_Minh),
    ("ha noi", Tz::Asia__Ho_Chi_Minh),
    ("asia/hanoi", Tz::Asia__Ho_Chi_Minh),
    ("asia/ha_noi", Tz::Asia__Ho_Chi_Minh),
    ("vietnam", Tz::Asia__Ho_Chi_Minh),
    ("gmt+7", Tz::Asia__Ho_Chi_Minh),
    ("utc+7", Tz::Asia__Ho_Chi_Minh),
    ("beijing", Tz::Asia__Shanghai),
];

/// Suggestions are dear, and a bad file has the same wrong name in every row.
#[derive(Debug, Default)]
pub(super) struct Zones {
    refused: HashMap<String, String>,
}

impl Zones {
    /// Returns the zone of a name in any case, or why there is none.
    pub(super) fn parse(&mut self, name: &str) -> Result<Tz, String> {
        if let Ok(zone) = Tz::from_str_insensitive(name) {
            return Ok(zone);
        }
        if let Some(zone) = by_offset(name) {
            return Ok(zone);
        }
        if let Some(reason) = self.refused.get(name) {
            return Err(reason.clone());
        }
        let reason = match suggest(name) {
            Some(zone) => format!("{} is no time zone; did you mean `{zone}`?", quoted(name)),
            None => format!("{} is no time zone; write one as `Asia/Ho_Chi_Minh`", quoted(name)),
        };
        if self.refused.len() < 1000 {
            self.refused.insert(name.to_owned(), reason.clone());
        }
        Err(reason)
    }
}

/// Reads `GMT+7`, `UTC+07:00` and `+07:00`: whole hours have a zone of their own, whose sign is turned round by custom.
fn by_offset(name: &str) -> Option<Tz> {
    let upper = name.to_uppercase();
    if upper == "SE ASIA STANDARD TIME" {
        return Some(Tz::Asia__Ho_Chi_Minh);
    }
    let bare = upper.strip_prefix("GMT").or_else(|| upper.strip_prefix("UTC")).unwrap_or(&upper).trim();
    let (sign, rest) =
        bare.strip_prefix('+').map(|rest| ('-', rest)).or_else(|| Some(('+', bare.strip_prefix('-')?)))?;
    let hours: u32 = rest.strip_suffix(":00").unwrap_or(rest).parse().ok()?;
    if (sign, hours) == ('-', 7) {
        return Some(Tz::Asia__Ho_Chi_Minh);
    }
    format!("Etc/GMT{sign}{hours}").parse().ok()
}

fn suggest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    if let Some((_, zone)) = OTHER_NAMES.iter().find(|(other, _)| *other == lower) {
        return Some(zone.name());
    }
    let city = lower.replace(' ', "_");
    let of_city = |zone: &Tz| zone.name().rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city));
    if let Some(zone) = TZ_VARIANTS.iter().find(|zone| zone.name().contains('/') && of_city(zone)) {
        return Some(zone.name());
    }
    // No zone's name is longer than 40 characters; a longer text is no misspelling of one.
    (name.len() <= 60).then(|| nearest(name, TZ_VARIANTS.iter().map(|zone| zone.name()))).flatten()
}
