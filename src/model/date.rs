//! Days in an attribute of a contact, and when a campaign follows them: birthdays, renewals.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::Value;

use super::wall;

/// A day as an attribute holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    Date(NaiveDate),
    /// A day of every year, where the year is not known: `05-17`.
    Yearly(u32, u32),
}

impl Day {
    /// Reads `2026-03-01`, a time on that day, `05-17` or `--05-17` (RFC 6350); a time with an offset
    /// is a day in `zone`.
    pub fn read(value: &Value, zone: Tz) -> Option<Self> {
        let text = value.as_str()?.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Date(wall::wall(time.to_utc(), zone).date()));
        }
        let yearly = text.strip_prefix("--").unwrap_or(text);
        if yearly.len() == 5 {
            let day = NaiveDate::parse_from_str(&format!("2000-{yearly}"), "%Y-%m-%d").ok()?;
            return Some(Self::Yearly(day.month(), day.day()));
        }
        let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let timed = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        let time = || timed.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        date(text).or_else(|| time().map(|time| time.date())).map(Self::Date)
    }

    /// Returns the day in a year: 29 February stands for 28 February where the year has none.
    fn in_year(self, year: i32) -> Option<NaiveDate> {
        let (month, day) = match self {
            Self::Date(date) => (date.month(), date.day()),
            Self::Yearly(month, day) => (month, day),
        };
        NaiveDate::from_ymd_opt(year, month, day).or_else(|| NaiveDate::from_ymd_opt(year, month, day - 1))
    }

    /// Returns the first day, not before `from`, that lies `offset` from the day, or from one of its anniversaries.
    pub fn next(self, offset: Offset, yearly: bool, from: NaiveDate) -> Option<NaiveDate> {
        if let (Self::Date(date), false) = (self, yearly) {
            return offset.applied_to(date).filter(|day| *day >= from);
        }
        let born = match self {
            Self::Date(date) => Some(date),
            Self::Yearly(..) => None,
        };
        // The offset moves a day by less than two years.
        let first = born.map_or(i32::MIN, |born| born.year()).max(from.year() - 2);
        (first..=first + 5)
            .filter_map(|year| self.in_year(year))
            .filter_map(|day| offset.applied_to(day))
            .find(|day| *day >= from)
    }
}

/// Calendar days before (negative) or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset(i32);

impl Offset {
    /// Reads `-3d`, `7d`, `+2w` or `0d`.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not an offset in days; write `-3d` for three days before, `1w` for a week after");
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (number, unit) = rest.split_at_checked(rest.len().saturating_sub(1)).ok_or_else(wrong)?;
        let days = match unit {
            "d" => 1,
            "w" => 7,
            _ => return Err(wrong()),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let days = number.parse::<i32>().ok().and_then(|number| number.checked_mul(days)).ok_or_else(wrong)?;
        if days > 366 {
            return Err(format!("`{text}` is longer than a year"));
        }
        Ok(Self(sign * days))
    }

    /// Returns it as words that a day follows: `3 days before`, `on the day of`.
    pub fn in_words(self) -> String {
        let days = match self.0.unsigned_abs() {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        match self.0 {
            0 => "on the day of".to_owned(),
            ..0 => format!("{days} before"),
            1.. => format!("{days} after"),
        }
    }

    fn applied_to(self, day: NaiveDate) -> Option<NaiveDate> {
        let days = Days::new(self.0.unsigned_abs().into());
        if self.0 < 0 { day.checked_sub_days(days) } else { day.checked_add_days(days) }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_aloud() {
        let said = |text: &str| Offset::parse(text).expect(text).in_words();
        assert_eq!(
            ["0d", "-3d", "1d", "2w"].map(said),
            ["on the day of", "3 days before", "1 day after", "14 days after"]
        );
    }

    fn next(value: &str, offset: &str, yearly: bool, from: &str) -> String {
        let day = Day::read(&value.into(), chrono_tz::Asia::Ho_Chi_Minh).expect(value);
        let offset = Offset::parse(offset).expect(offset);
        day.next(offset, yearly, from.parse().expect("a date")).map_or("never".to_owned(), |day| day.to_string())
    }

    #[test]
    fn birthdays_and_renewals_come_when_people_expect_them() {
        for (value, offset, yearly, from, expected) in [
            ("1990-05-17", "0d", true, "2026-05-17", "2026-05-17"),
            ("1990-05-17", "0d", true, "2026-05-18", "2027-05-17"),
            ("05-17", "-1w", true, "2026-05-18", "2027-05-10"),
            ("--12-30", "3d", true, "2027-01-01", "2027-01-02"),
            ("01-02", "-1w", true, "2026-12-20", "2026-12-26"),
            // 29 February is 28 February in the years between.
            ("2004-02-29", "0d", true, "2027-01-01", "2027-02-28"),
            ("2004-02-29", "0d", true, "2028-01-01", "2028-02-29"),
            ("2026-09-01", "-3d", false, "2026-08-01", "2026-08-29"),
            ("2026-09-01", "-3d", false, "2026-08-30", "never"),
            ("2026-09-01 23:30", "0d", false, "2026-08-30", "2026-09-01"),
            // 18:00 in London is past midnight in Saigon.
            ("2026-09-01T18:00:00Z", "0d", false, "2026-08-30", "2026-09-02"),
            // Nothing comes before the first of them.
            ("2026-09-01", "-3d", true, "2026-01-01", "2026-08-29"),
            ("2026-09-01", "0d", true, "2020-01-01", "2026-09-01"),
        ] {
            assert_eq!(next(value, offset, yearly, from), expected, "{value} {offset} {yearly} {from}");
        }
        for value in ["", "yesterday", "17/05/1990", "2026-02-30", "1990", "2000-1-1x"] {
            assert_eq!(Day::read(&value.into(), chrono_tz::UTC), None, "{value}");
        }
        for text in ["", "d", "3", "3h", "--3d", "400d", "-3 d", "9999999999w"] {
            assert!(Offset::parse(text).is_err(), "{text}");
        }
    }
}
