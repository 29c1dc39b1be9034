//! Hours and days in which mail may go, in the contact's zone.

use std::fmt;

use chrono::{Datelike, Days, NaiveTime, TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;

use super::delay::parse_time;
use super::quiet::QuietDates;
use super::{Instant, wall};

/// A part of the day, from the start up to but not including the end; may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Minutes after midnight.
    start: u32,
    /// Minutes after midnight; 1440 is the end of the day.
    end: u32,
}

impl Hours {
    /// Reads `08:00-20:00`; `24:00` may be the end, and `22:00-06:00` passes midnight.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (from, to) =
            text.split_once('-').ok_or_else(|| format!("`{text}` is not a pair of times; write `\"08:00-20:00\"`"))?;
        let minutes = |part: &str| -> Result<u32, String> {
            let time = parse_time(part.trim())?;
            Ok(time.hour() * 60 + time.minute())
        };
        let start = minutes(from)?;
        let end = if to.trim() == "24:00" { 1440 } else { minutes(to)? };
        if start == end {
            return Err(format!("`{text}` is empty; for the whole day write `00:00-24:00`"));
        }
        Ok(Self { start, end })
    }

    fn contains(self, time: NaiveTime) -> bool {
        let minute = time.hour() * 60 + time.minute();
        if self.start < self.end {
            (self.start..self.end).contains(&minute)
        } else {
            minute >= self.start || minute < self.end
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.start / 60, self.start % 60, self.end / 60, self.end % 60)
    }
}

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

/// How many days quiet dates may follow each other before mail goes all the same.
const LONGEST_QUIET: i64 = 2 * 366;

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Weekdays {
    /// Reads `mon-fri`, `mon,wed,fri`, `sat-sun`, or a mix of them.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let day = |name: &str| {
            let name = name.trim().to_lowercase();
            NAMES
                .iter()
                .position(|known| name.len() >= 3 && (name == *known || format!("{}day", long_stem(known)) == name))
                .ok_or_else(|| format!("`{name}` is not a weekday; write mon, tue, wed, thu, fri, sat or sun"))
        };
        let mut set = 0;
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (day(from)?, day(to)?);
            let length = (to + 7 - from) % 7;
            for i in 0..=length {
                set |= 1 << ((from + i) % 7);
            }
        }
        Ok(Self(set))
    }

    /// Says whether a weekday is in the set.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.num_days_from_monday()) != 0
    }
}

fn long_stem(short: &str) -> &str {
    match short {
        "tue" => "tues",
        "wed" => "wednes",
        "thu" => "thurs",
        "sat" => "satur",
        other => other,
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = (0..7).filter(|i| self.0 & (1 << i) != 0).map(|i| NAMES[i]).collect();
        f.write_str(&names.join(","))
    }
}

/// When mail may go: `None` does not limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    pub hours: Option<Hours>,
    pub days: Option<Weekdays>,
    pub quiet: QuietDates,
}

impl Window {
    /// Says whether mail may go at an instant: by the wall clock and weekday that `zone` shows then.
    pub fn is_open(&self, at: Instant, zone: Tz) -> bool {
        let shown = wall::wall(at, zone);
        self.hours.is_none_or(|hours| hours.contains(shown.time()))
            && self.days.is_none_or(|days| days.contains(shown.weekday()))
            && !self.quiet.contains(shown.date())
    }

    /// Returns the first instant, not before `from`, at which the window is open.
    pub fn next_open(&self, from: Instant, zone: Tz) -> Instant {
        if self.is_open(from, zone) {
            return from;
        }
        // A closed window can open at three kinds of moment only: at the start of its hours, at
        // midnight (another weekday or date), and when the zone changes its offset.
        let first = wall::wall(from, zone).date() - Days::new(1);
        let start = self.hours.map_or(0, |hours| hours.start);
        // A fortnight and some: `sun` from 02:15 to 02:45 misses the Sunday whose hour a gap swallows.
        let last = if self.quiet.is_empty() { 17 } else { LONGEST_QUIET };
        let until = from + TimeDelta::days(last - 1);
        let mut moments = wall::transitions(from, from + TimeDelta::days(16), zone);
        let mut day = 0;
        while day < last {
            // Two weeks at a time: holidays are rare, and rarely longer.
            for _ in 0..17 {
                let date = first + Days::new(day.unsigned_abs());
                for minute in [0, start] {
                    let time = NaiveTime::MIN + TimeDelta::minutes(minute.into());
                    moments.extend(wall::instants(date.and_time(time), zone));
                }
                day += 1;
            }
            moments.sort_unstable();
            if let Some(open) = moments.iter().copied().find(|&at| at >= from && self.is_open(at, zone)) {
                return open;
            }
            let so_far = from + TimeDelta::days(day - 1);
            moments = wall::transitions(so_far, so_far + TimeDelta::days(17), zone);
        }
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::quiet::Quiet;

    fn open(hours: &str, days: &str, zone: &str, from: &str) -> String {
        let window = Window {
            hours: (!hours.is_empty()).then(|| Hours::parse(hours).expect(hours)),
            days: (!days.is_empty()).then(|| Weekdays::parse(days).expect(days)),
            quiet: ["2027-02-05..2027-02-10", "09-02"].iter().map(|text| Quiet::parse(text).expect(text)).collect(),
        };
        let at = window.next_open(from.parse().expect("an instant"), zone.parse().expect("a zone"));
        at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    #[test]
    fn the_window_opens_on_the_contacts_own_clock() {
        let saigon = "Asia/Ho_Chi_Minh";
        // Friday 18:00 there; open again on Monday at 08:00.
        assert_eq!(open("08:00-17:30", "mon-fri", saigon, "2026-03-06T11:00:00Z"), "2026-03-09T01:00:00Z");
        assert_eq!(open("08:00-17:30", "mon-fri", saigon, "2026-03-06T02:00:00Z"), "2026-03-06T02:00:00Z");
        assert_eq!(open("22:00-06:00", "", saigon, "2026-03-06T02:00:00Z"), "2026-03-06T15:00:00Z");
        assert_eq!(open("", "sat-sun", saigon, "2026-03-06T02:00:00Z"), "2026-03-06T17:00:00Z");
        // The window opens inside the hour that Paris skips: it is open from the jump on.
        assert_eq!(open("02:30-04:00", "", "Europe/Paris", "2026-03-29T00:00:00Z"), "2026-03-29T01:00:00Z");
        // It lies wholly inside the skipped hour: tomorrow.
        assert_eq!(open("02:15-02:45", "", "Europe/Paris", "2026-03-29T00:00:00Z"), "2026-03-30T00:15:00Z");
        // The same on Sundays alone, just after the one before: a fortnight on.
        assert_eq!(open("02:15-02:45", "sun", "Europe/Paris", "2026-03-22T02:00:00Z"), "2026-04-05T00:15:00Z");
    }

    #[test]
    fn no_mail_goes_on_a_holiday() {
        let saigon = "Asia/Ho_Chi_Minh";
        // Thursday evening before Tết: the next morning that is no holiday is that of 11 February.
        assert_eq!(open("08:00-17:30", "", saigon, "2027-02-04T11:00:00Z"), "2027-02-11T01:00:00Z");
        assert_eq!(open("", "", saigon, "2027-02-04T16:59:59Z"), "2027-02-04T16:59:59Z");
        assert_eq!(open("", "", saigon, "2027-02-04T17:00:00Z"), "2027-02-10T17:00:00Z");
        assert_eq!(open("", "thu", saigon, "2027-09-01T17:00:00Z"), "2027-09-08T17:00:00Z");
    }

    #[test]
    fn weekdays_read_as_people_write_them() {
        for (text, shown) in [
            ("mon-fri", "mon,tue,wed,thu,fri"),
            ("Sat-Sun", "sat,sun"),
            ("fri-mon", "mon,fri,sat,sun"),
            ("mon, wednesday", "mon,wed"),
        ] {
            assert_eq!(Weekdays::parse(text).expect(text).to_string(), shown);
        }
        for text in ["", "mo", "mon-", "everyday", "mon;tue"] {
            assert!(Weekdays::parse(text).is_err(), "{text}");
        }
        for text in ["8-20", "08:00", "09:00-09:00", "25:00-26:00"] {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
    }
}
