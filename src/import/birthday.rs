//! Birthdays: dates, or days of every year where nobody asked for the year.

use chrono::NaiveDate;

use super::dates::{self, DateOrder, Reading};
use crate::model::plain::quoted;

/// Reads a text as a date, or as a day without a year: `02-28`, `28/02`, `02/28`, `28 Feb`, `28 tháng 2`.
pub(super) fn read(text: &str, order: DateOrder) -> Reading {
    match dates::read(text, order) {
        Reading::NoDate => {}
        date => return date,
    }
    let day = |month, day| yearly(month, day).map(Reading::Date);
    if let Some(parts) = in_words(text) {
        let impossible = || Reading::Impossible(format!("{} is no day of the calendar", quoted(text)));
        return day(parts.1, parts.0).unwrap_or_else(impossible);
    }
    let Some((first, sign, second)) = numbers(text) else { return Reading::NoDate };
    if sign == '-' {
        // RFC 6350 and ISO 8601 have the month first, and nobody's list the day.
        return day(first, second).unwrap_or(Reading::NoDate);
    }
    let (read, turned) = match order {
        DateOrder::Dmy => (day(second, first), day(first, second)),
        DateOrder::Mdy | DateOrder::Ymd => (day(first, second), day(second, first)),
    };
    let written = quoted(text);
    match (read, turned, order) {
        (Some(day), ..) => day,
        (None, None, _) => Reading::Impossible(format!("{written} is no day of the calendar")),
        (None, Some(_), DateOrder::Dmy) => Reading::Impossible(format!(
            "{written} is no date with the day first; with the month first it is `--dates mdy`"
        )),
        (None, Some(_), _) => Reading::Impossible(format!(
            "{written} is no date with the month first; with the day first it is `--dates dmy`"
        )),
    }
}

/// Returns the order that a day without a year can only have, as `02/28` the month first.
pub(super) fn order(text: &str) -> Option<DateOrder> {
    let (first, _, second) = numbers(text).filter(|(_, sign, _)| *sign != '-')?;
    match (yearly(first, second), yearly(second, first)) {
        (Some(_), None) => Some(DateOrder::Mdy),
        (None, Some(_)) => Some(DateOrder::Dmy),
        _ => None,
    }
}

/// Returns the day as an attribute holds it; a year with a 29 February has every day.
fn yearly(month: u32, day: u32) -> Option<String> {
    NaiveDate::from_ymd_opt(2000, month, day).map(|date| date.format("%m-%d").to_string())
}

/// Splits two short numbers at their sign.
fn numbers(text: &str) -> Option<(u32, char, u32)> {
    // vCard writes two signs where the year would stand.
    let text = text.strip_prefix("--").unwrap_or(text);
    let sign = text.chars().find(|c| !c.is_ascii_digit()).filter(|sign| matches!(sign, '-' | '/' | '.'))?;
    let (first, second) = text.split_once(sign)?;
    let number = |part: &str| {
        let right = matches!(part.len(), 1..=2) && part.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| part.parse().ok()).flatten()
    };
    Some((number(first)?, sign, number(second)?))
}

/// Reads `28 Feb`, `28 tháng 2` and `ngày 28 tháng 2` to day and month.
fn in_words(text: &str) -> Option<(u32, u32)> {
    if text.len() > 40 {
        return None;
    }
    let lower = text.to_lowercase().replace('-', " ");
    let words: Vec<&str> = lower.split_whitespace().filter(|word| *word != "ngày").collect();
    match words[..] {
        [day, "tháng", month] => Some((day.parse().ok()?, month.parse().ok()?)),
        [day, month] => Some((day.parse().ok()?, dates::month(month)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_a_year_is_one_of_every_year() {
        let date = |text: &str| Reading::Date(text.to_owned());
        for (text, order, expected) in [
            ("03-01", DateOrder::Dmy, date("03-01")),
            ("--03-01", DateOrder::Dmy, date("03-01")),
            ("28/02", DateOrder::Dmy, date("02-28")),
            ("02/28", DateOrder::Mdy, date("02-28")),
            ("3/1", DateOrder::Dmy, date("01-03")),
            ("3/1", DateOrder::Mdy, date("03-01")),
            ("02/28", DateOrder::Ymd, date("02-28")),
            ("29.2", DateOrder::Dmy, date("02-29")),
            ("28 Feb", DateOrder::Mdy, date("02-28")),
            ("ngày 28 tháng 2", DateOrder::Mdy, date("02-28")),
            ("28/02/1990", DateOrder::Dmy, date("1990-02-28")),
        ] {
            assert_eq!(read(text, order), expected, "{text}");
        }
        for (text, order, why) in [
            (
                "02/28",
                DateOrder::Dmy,
                "`02/28` is no date with the day first; with the month first it is `--dates mdy`",
            ),
            (
                "28/02",
                DateOrder::Mdy,
                "`28/02` is no date with the month first; with the day first it is `--dates dmy`",
            ),
            ("31/02", DateOrder::Dmy, "`31/02` is no day of the calendar"),
            ("31 tháng 2", DateOrder::Dmy, "`31 tháng 2` is no day of the calendar"),
        ] {
            assert_eq!(read(text, order), Reading::Impossible(why.to_owned()), "{text}");
        }
        for text in ["28-02", "33000", "1990", "may", "1/2/3/4", "lan", "123/4", "/", "12 Trần Phú"] {
            assert_eq!(read(text, DateOrder::Dmy), Reading::NoDate, "{text}");
        }
    }

    #[test]
    fn some_days_show_their_order() {
        assert_eq!(order("02/28"), Some(DateOrder::Mdy));
        assert_eq!(order("28/02"), Some(DateOrder::Dmy));
        assert!(["03/01", "02-28", "31/31", "x"].iter().all(|text| order(text).is_none()));
    }
}
