//! A day, or a day and a time of day, in the ways people write one.

use chrono::{NaiveDate, NaiveTime};

use crate::model::plain::quoted;

/// In which order a date with its year last stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// `28/02/2026`, as in Viet Nam and most of the world.
    #[default]
    Dmy,
    /// `02/28/2026`, as in the United States.
    Mdy,
    /// Only `2026-02-28`.
    Ymd,
}

/// What a text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// It has another form.
    NoDate,
    /// It has the form of a date, but no calendar has it.
    Impossible(String),
    /// ISO 8601: `2026-02-28`, or with its time `2026-02-28T09:30`.
    Date(String),
}

/// Reads a text as a date.
pub(super) fn read(text: &str, order: DateOrder) -> Reading {
    if let Some((year, month, day)) = in_vietnamese(text) {
        return match NaiveDate::from_ymd_opt(year, month, day) {
            Some(date) => Reading::Date(date.to_string()),
            None => Reading::Impossible(format!("{} is no day of the calendar", quoted(text))),
        };
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.len() > 40 {
        return Reading::NoDate;
    }
    let Some((day, time)) = parts(text) else { return Reading::NoDate };
    let Some([first, second, third]) = split(day) else { return Reading::NoDate };
    let time = match time.map(clock) {
        Some(None) => return Reading::NoDate,
        Some(Some(time)) => time,
        None => String::new(),
    };
    let month_word = month(second);
    let [first, third] = [first, third].map(|part| (part.len(), part.parse::<u32>().ok()));
    let ((first_len, Some(first)), (third_len, Some(third))) = (first, third) else { return Reading::NoDate };
    let Some(second) = month_word.or_else(|| (second.len() <= 2).then(|| second.parse().ok()).flatten()) else {
        return Reading::NoDate;
    };
    let impossible = |why: &str| Reading::Impossible(format!("{} {why}", quoted(text)));
    let (year, month, day) = match (first_len, third_len) {
        (4, 1..=2) => (first, second, third),
        (1..=2, 4) if month_word.is_some() => (third, second, first),
        (1..=2, 4) => match order {
            DateOrder::Dmy => (third, second, first),
            DateOrder::Mdy => (third, first, second),
            DateOrder::Ymd => return impossible("is not in the order year, month, day"),
        },
        (1..=2, 2) => return impossible("has a year of two digits; write all four"),
        _ => return Reading::NoDate,
    };
    match NaiveDate::from_ymd_opt(i32::try_from(year).unwrap_or(0), month, day) {
        Some(date) => Reading::Date(format!("{}{time}", date.format("%Y-%m-%d"))),
        None if month > 12 && day <= 12 && third_len == 4 && order == DateOrder::Dmy => {
            impossible("is no date with the day first; with the month first it is `--dates mdy`")
        }
        None if month > 12 && day <= 12 && third_len == 4 => {
            impossible("is no date with the month first; with the day first it is `--dates dmy`")
        }
        None => impossible("is no day of the calendar"),
    }
}

/// Reads `ngày 5 tháng 3 năm 1990`, and `5 tháng 3, 1990`.
fn in_vietnamese(text: &str) -> Option<(i32, u32, u32)> {
    if !(text.contains("áng") || text.contains("ÁNG")) || text.len() > 60 {
        return None;
    }
    let lower = text.to_lowercase().replace(',', " ");
    let words: Vec<&str> = lower.split_whitespace().filter(|word| !matches!(*word, "ngày" | "năm")).collect();
    match words[..] {
        [day, "tháng", month, year] if year.len() == 4 => {
            Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
        }
        _ => None,
    }
}

/// Says whether a whole column of such texts is a column of dates: a year of two digits could be anything else.
pub(super) fn shows_date(text: &str) -> bool {
    match read(text, DateOrder::Dmy) {
        Reading::Date(_) => true,
        Reading::Impossible(_) => matches!(read(text, DateOrder::Mdy), Reading::Date(_)),
        Reading::NoDate => false,
    }
}

/// Splits the day from the time of day.
fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    let at = text.find([' ', 'T']);
    // `28 Feb 1990` has its spaces inside.
    match at {
        Some(at) if text[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
            Some((&text[..at], Some(text[at + 1..].trim_start())))
        }
        Some(_) if text.matches(' ').count() == 2 && !text.contains(':') => Some((text, None)),
        Some(_) => None,
        None => Some((text, None)),
    }
}

/// Splits at two of the same sign.
fn split(day: &str) -> Option<[&str; 3]> {
    let sign = day.chars().find(|c| !c.is_ascii_digit()).filter(|sign| matches!(sign, '-' | '/' | '.' | ' '))?;
    let mut parts = day.split(sign);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let right =
        |part: &&str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (parts.next().is_none() && three.iter().all(right)).then_some(three)
}

/// Returns the number of an English month.
pub(super) fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| word == *month || word == month[..3])?;
    u32::try_from(index + 1).ok()
}

/// Returns a time of day with its offset as ISO 8601 writes it.
fn clock(text: &str) -> Option<String> {
    // Vietnamese Windows writes `sáng` and `chiều` where others write AM and PM.
    let upper = text.to_ascii_uppercase().replace(" SA", " AM").replace(" CH", " PM");
    let (time, offset) = match upper.strip_suffix("UTC").or_else(|| upper.strip_suffix('Z')) {
        Some(time) => (time.trim_end(), "Z".to_owned()),
        None => match upper.rfind(['+', '-']) {
            Some(at) => {
                let digits = upper[at + 1..].replace(':', "");
                let right = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
                let offset = right.then(|| format!("{}{}:{}", &upper[at..=at], &digits[..2], &digits[2..]))?;
                (upper[..at].trim_end(), offset)
            }
            None => (upper.as_str(), String::new()),
        },
    };
    let read = |form: &str| NaiveTime::parse_from_str(time, form).ok();
    if let Some(time) = read("%H:%M").or_else(|| read("%I:%M %p")) {
        return Some(format!("T{}{offset}", time.format("%H:%M")));
    }
    let time = read("%H:%M:%S%.f").or_else(|| read("%I:%M:%S %p"))?;
    Some(format!("T{}{offset}", time.format("%H:%M:%S%.f")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_its_order_and_no_other() {
        let date = |text: &str| Reading::Date(text.to_owned());
        for (text, order, expected) in [
            ("2026-02-28", DateOrder::Mdy, date("2026-02-28")),
            ("2026/2/8", DateOrder::Dmy, date("2026-02-08")),
            ("28/02/1990", DateOrder::Dmy, date("1990-02-28")),
            ("8-2-1990", DateOrder::Dmy, date("1990-02-08")),
            ("28.02.1990", DateOrder::Dmy, date("1990-02-28")),
            ("02/03/1990", DateOrder::Mdy, date("1990-02-03")),
            ("28-Feb-1990", DateOrder::Mdy, date("1990-02-28")),
            ("28 February 1990", DateOrder::Dmy, date("1990-02-28")),
            ("01/03/2026 09:30", DateOrder::Dmy, date("2026-03-01T09:30")),
            ("2024-03-01 09:30:15", DateOrder::Dmy, date("2024-03-01T09:30:15")),
            ("2024-03-01 09:30:15 +0700", DateOrder::Dmy, date("2024-03-01T09:30:15+07:00")),
            ("2024-03-01T02:30:15.25Z", DateOrder::Dmy, date("2024-03-01T02:30:15.250Z")),
            ("3/1/2024 1:05 PM", DateOrder::Mdy, date("2024-03-01T13:05")),
            ("05/03/2026 2:30 CH", DateOrder::Dmy, date("2026-03-05T14:30")),
            ("05/03/2026 8:30:15 SA", DateOrder::Dmy, date("2026-03-05T08:30:15")),
            ("ngày 5 tháng 3 năm 1990", DateOrder::Dmy, date("1990-03-05")),
            ("5 Tháng 3, 1990", DateOrder::Mdy, date("1990-03-05")),
        ] {
            assert_eq!(read(text, order), expected, "{text}");
        }
        for (text, order, why) in [
            (
                "12/31/1990",
                DateOrder::Dmy,
                "`12/31/1990` is no date with the day first; with the month first it is `--dates mdy`",
            ),
            (
                "31/12/1990",
                DateOrder::Mdy,
                "`31/12/1990` is no date with the month first; with the day first it is `--dates dmy`",
            ),
            ("31/12/1990", DateOrder::Ymd, "`31/12/1990` is not in the order year, month, day"),
            ("30/02/1990", DateOrder::Dmy, "`30/02/1990` is no day of the calendar"),
            ("28/02/90", DateOrder::Dmy, "`28/02/90` has a year of two digits; write all four"),
            ("28-Feb-90", DateOrder::Dmy, "`28-Feb-90` has a year of two digits; write all four"),
        ] {
            assert_eq!(read(text, order), Reading::Impossible(why.to_owned()), "{text}");
        }
        for text in [
            "25/12",
            "1990",
            "20140102",
            "1.2.3",
            "192.168.1.1",
            "10-20-30-40",
            "2026-02-28x",
            "lan",
            "1 a b",
            "0901 234 567",
            "12/12/19901",
            "tháng 3 năm 1990",
            "5 tháng 3",
        ] {
            assert_eq!(read(text, DateOrder::Dmy), Reading::NoDate, "{text}");
            assert!(!shows_date(text), "{text}");
        }
        assert!(shows_date("31/12/2012") && shows_date("12/31/2012") && !shows_date("28/02/90"));
    }
}
