//! How long after its origin a step comes: `2d`, `36h`, `1d at 09:00`, `5d since entry`.

use std::fmt::{self, Write as _};

use chrono::{Days, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::{Instant, wall};

/// A length of time: calendar days, which follow the wall clock, and elapsed seconds, which do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Calendar days in the contact's zone.
    pub days: u32,
    /// Elapsed seconds on top of them.
    pub seconds: u32,
}

impl Span {
    /// Reads `30m`, `36h`, `2d`, `1w`, or several units from large to small, as `1w2d` or `1h30m`.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        const UNITS: [(char, u32, bool); 5] =
            [('w', 7, true), ('d', 1, true), ('h', 3600, false), ('m', 60, false), ('s', 1, false)];
        let wrong = || format!("`{text}` is not a duration; write `30m`, `36h`, `2d` or `1w`");
        let (mut span, mut rest, mut next_unit) = (Self::default(), text, 0);
        if text.is_empty() {
            return Err("a duration is missing; write `30m`, `36h`, `2d` or `1w`".to_owned());
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
            let at = (next_unit..UNITS.len()).find(|&i| UNITS[i].0 == unit).ok_or_else(wrong)?;
            let amount = number.checked_mul(UNITS[at].1).ok_or_else(wrong)?;
            let field = if UNITS[at].2 { &mut span.days } else { &mut span.seconds };
            *field = field.checked_add(amount).ok_or_else(wrong)?;
            next_unit = at + 1;
            rest = &rest[digits + 1..];
        }
        // Ten years: beyond it is a slip of the finger, and dates stay far from chrono's edge.
        if span.days > 3660 || span.seconds > 3660 * 86_400 {
            return Err(format!("`{text}` is longer than ten years"));
        }
        Ok(span)
    }

    /// Returns the instant that lies this long after `origin` for someone in `zone`.
    pub fn after(self, origin: Instant, zone: Tz) -> Instant {
        wall::add_days(origin, self.days, zone) + TimeDelta::seconds(self.seconds.into())
    }

    /// Returns the length with each day taken as 24 hours.
    pub fn elapsed(self) -> TimeDelta {
        TimeDelta::days(self.days.into()) + TimeDelta::seconds(self.seconds.into())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (h, m, s) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        let mut text = String::new();
        for (amount, unit) in [(self.days, 'd'), (h, 'h'), (m, 'm'), (s, 's')] {
            if amount > 0 {
                write!(text, "{amount}{unit}")?;
            }
        }
        f.pad(if text.is_empty() { "0m" } else { &text })
    }
}

/// From where a delay counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The moment the previous step was sent or skipped; the entry for the first step.
    #[default]
    Previous,
    /// The moment the contact entered the campaign.
    Entry,
}

/// When a step is due, seen from its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delay {
    pub span: Span,
    /// Wall time in the contact's zone at which the step goes, that day or the first day it still can.
    pub at: Option<NaiveTime>,
    pub origin: Origin,
}

impl Delay {
    /// Reads `DURATION [at HH:MM] [since entry]`.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with("at ") {
            return Err(format!(
                "`{text}` does not say after how many days; write `0d {}`, or `1d …` for the day after",
                text.trim()
            ));
        }
        let mut words = text.split_whitespace().peekable();
        let span = Span::parse(words.next().unwrap_or_default())?;
        let mut delay = Self { span, ..Self::default() };
        while let Some(word) = words.next() {
            match (word, words.peek()) {
                ("at", Some(&time)) if delay.at.is_none() => {
                    delay.at = Some(parse_time(time)?);
                    words.next();
                }
                ("since", Some(&"entry")) if delay.origin == Origin::Previous => {
                    delay.origin = Origin::Entry;
                    words.next();
                }
                _ => {
                    return Err(format!(
                        "`{word}` is not expected in the delay `{text}`; write `2d`, `1d at 09:00` or `5d since entry`"
                    ));
                }
            }
        }
        Ok(delay)
    }

    /// Returns the instant at which the delay is over.
    ///
    /// With `at`, that is this wall time on the day the span leads to; where that lies before the
    /// origin (for calendar days) or the elapsed instant (for hours), it is that of the next day. Days
    /// lead to a date by the calendar, whatever the clocks do on it; hours lead to an instant.
    pub fn over(self, previous: Instant, entry: Instant, zone: Tz) -> Instant {
        let origin = match self.origin {
            Origin::Previous => previous,
            Origin::Entry => entry,
        };
        let reached = self.span.after(origin, zone);
        let Some(time) = self.at else { return reached };
        // A gap that ends at midnight puts `reached` a day too far: Nuuk, the last Saturday of March.
        let (floor, date) = match self.span {
            Span { days, seconds: 0 } => (origin, wall::wall(origin, zone).date() + Days::new(days.into())),
            _ => (reached, wall::wall(reached, zone).date()),
        };
        let that_day = wall::instant(date.and_time(time), zone);
        if that_day >= floor {
            return that_day;
        }
        wall::instant((date + Days::new(1)).and_time(time), zone)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.span.to_string();
        if let Some(at) = self.at {
            write!(text, " at {}", at.format("%H:%M"))?;
        }
        if self.origin == Origin::Entry {
            text += " since entry";
        }
        f.pad(&text)
    }
}

/// Reads a wall time as `HH:MM`.
///
/// # Errors
/// Returns what is wrong, as a clause for a message.
pub fn parse_time(text: &str) -> Result<NaiveTime, String> {
    let wrong = || format!("`{text}` is not a time of day; write it as `09:00`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |part: &str| part.len() <= 2 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return Err(wrong());
    }
    let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
    NaiveTime::from_hms_opt(number(hour)?, number(minute)?, 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_read_and_write_alike() {
        for (text, shown) in [
            ("30m", "30m"),
            ("36h", "36h"),
            ("2d", "2d"),
            ("1w", "7d"),
            ("1w2d", "9d"),
            ("1h30m", "1h30m"),
            ("0d", "0m"),
            ("1d at 09:00", "1d at 09:00"),
            ("5d since entry", "5d since entry"),
            ("5d at 9:30 since entry", "5d at 09:30 since entry"),
        ] {
            assert_eq!(Delay::parse(text).expect(text).to_string(), shown);
        }
        for text in [
            "",
            "2",
            "d",
            "2 d",
            "2d1w",
            "1d1d",
            "-1d",
            "2d at",
            "2d at 25:00",
            "2d at 9",
            "2d since",
            "1y",
            "99999d",
            "2d at 09:00 at 10:00",
        ] {
            assert!(Delay::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn at_means_that_day_or_the_first_day_it_still_can() {
        let zone: Tz = "Asia/Ho_Chi_Minh".parse().expect("a zone");
        let origin: Instant = "2026-03-02T08:00:00Z".parse().expect("15:00 in Viet Nam");
        for (text, due) in [
            ("1d at 09:00", "2026-03-03T02:00:00Z"),
            ("0d at 09:00", "2026-03-03T02:00:00Z"),
            ("0d at 16:00", "2026-03-02T09:00:00Z"),
            ("36h at 09:00", "2026-03-04T02:00:00Z"),
            ("36h", "2026-03-03T20:00:00Z"),
        ] {
            let over = Delay::parse(text).expect(text).over(origin, origin, zone);
            assert_eq!(over, due.parse::<Instant>().expect("an instant"), "{text}");
        }
    }

    #[test]
    fn a_day_later_is_the_next_day_also_where_its_hour_is_skipped() {
        // On Saturday 2024-03-30 the clocks of Nuuk jump from 23:00 to Sunday 00:00.
        let zone: Tz = "America/Nuuk".parse().expect("a zone");
        let origin: Instant = "2024-03-30T01:30:00Z".parse().expect("Friday 23:30 there");
        let over = Delay::parse("1d at 09:00").expect("a delay").over(origin, origin, zone);
        assert_eq!(over, "2024-03-30T11:00:00Z".parse::<Instant>().expect("Saturday 09:00 there"));
    }
}
