//! In whose language and zone a mail is written.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::model::wall;

/// In whose language and zone a mail is written.
#[derive(Debug, Clone, Copy)]
pub struct Locale<'a> {
    /// As the contact's, or the project's: `vi`, `en-GB`.
    pub language: &'a str,
    pub zone: Tz,
}

/// Under which name the functions of a template find it; no attribute can be called so.
pub(super) const KEY: &str = "#locale";

const WEEKDAYS_VI: [&str; 7] = ["thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"];
const WEEKDAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What the words of a mail are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Vietnamese,
    English,
    /// Dates are ISO, numbers as in English.
    Other,
}

/// A locale as the functions see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pub(super) words: Words,
    pub(super) zone: Tz,
}

impl Locale<'_> {
    /// Returns what the functions need, for the data of a mail written in `language`.
    pub(super) fn data(&self, language: &str) -> Value {
        json!({ "language": language, "zone": self.zone.name() })
    }
}

impl Writing {
    pub(super) fn from_data(data: &Value) -> Self {
        let text = |key: &str| data.get(KEY).and_then(|locale| locale.get(key)).and_then(Value::as_str);
        let words = match text("language").unwrap_or_default().split('-').next() {
            Some("vi") => Words::Vietnamese,
            Some("en") => Words::English,
            _ => Words::Other,
        };
        Self { words, zone: text("zone").and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC) }
    }
}

/// A moment as a value of a mail holds it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// A day, whatever the zone.
    Day(NaiveDate),
    /// Wall time in the zone of the mail.
    Time(NaiveDateTime),
}

impl Moment {
    /// Reads `2026-03-01`, a wall time, or RFC 3339, which is shown in `zone`.
    pub(super) fn read(text: &str, zone: Tz) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Time(wall::wall(time.with_timezone(&Utc), zone)));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day));
        }
        let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(Self::Time)
    }

    pub(super) fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Time(time) => time.date(),
        }
    }

    fn time(self) -> NaiveTime {
        match self {
            Self::Day(_) => NaiveTime::MIN,
            Self::Time(time) => time.time(),
        }
    }

    /// Writes the moment in one of the styles.
    ///
    /// # Errors
    /// Returns what the styles are.
    pub(super) fn styled(self, style: &str, words: Words) -> Result<String, String> {
        let (day, time) = (self.day(), self.time().format("%H:%M"));
        let (number, year) = (day.day(), day.year());
        let month = MONTHS_EN[day.month0() as usize];
        let weekday = |names: [&'static str; 7]| names[day.weekday().num_days_from_monday() as usize];
        Ok(match (style, words) {
            ("long", Words::Vietnamese) => format!("{number} tháng {}, {year}", day.month()),
            ("long", Words::English) => format!("{number} {month} {year}"),
            ("short", Words::Vietnamese) => day.format("%d/%m/%Y").to_string(),
            ("short", Words::English) => format!("{number} {} {year}", &month[..3]),
            ("weekday", Words::Vietnamese) => {
                format!("{}, {number} tháng {}", weekday(WEEKDAYS_VI), day.month())
            }
            ("weekday", Words::English) => format!("{}, {number} {month}", weekday(WEEKDAYS_EN)),
            ("long" | "short" | "weekday", Words::Other) | ("iso", _) => day.to_string(),
            ("time", _) => time.to_string(),
            ("datetime", words) => format!("{time}, {}", self.styled("long", words)?),
            _ => {
                return Err(format!(
                    "`{style}` is no style of a date; write long, short, weekday, time, datetime or iso"
                ));
            }
        })
    }

    /// Writes the moment by a pattern of `strftime`.
    ///
    /// # Errors
    /// Returns what is wrong with the pattern.
    pub(super) fn formatted(self, pattern: &str, words: Words) -> Result<String, String> {
        use chrono::format::{Item, StrftimeItems};
        let names = match words {
            Words::Vietnamese => Some((WEEKDAYS_VI, format!("tháng {}", self.day().month()))),
            _ => None,
        };
        let pattern = match names {
            Some((weekdays, month)) => pattern
                .replace("%A", weekdays[self.day().weekday().num_days_from_monday() as usize])
                .replace("%B", &month),
            None => pattern.to_owned(),
        };
        if StrftimeItems::new(&pattern).any(|item| matches!(item, Item::Error)) {
            return Err(format!("`{pattern}` is no pattern of a date; write it as `%d/%m/%Y`"));
        }
        // A pattern may name an offset, which a day has not got.
        let mut out = String::new();
        let time = self.day().and_time(self.time());
        match std::fmt::Write::write_fmt(&mut out, format_args!("{}", time.format(&pattern))) {
            Ok(()) => Ok(out),
            Err(_) => Err(format!("`{pattern}` asks for more than a date and a time of day")),
        }
    }
}
