//! Wall time and instants: the one place that knows what a gap and an overlap of the clock mean.
//!
//! A wall time that a zone skips (a gap, in spring) stands for the first moment after the gap; one
//! that a zone has twice (an overlap, in autumn) stands for the first of the two.

use chrono::{Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::Instant;

/// Returns the wall time that `zone` shows at an instant.
pub fn wall(instant: Instant, zone: Tz) -> NaiveDateTime {
    instant.with_timezone(&zone).naive_local()
}

/// Returns an instant in whole milliseconds, which is what the store keeps. A leap second is the second after it, as it is
/// in the store: to chrono it comes before that one, and what is due by one of the two would not be by the other.
pub fn whole(instant: Instant) -> Instant {
    Utc.timestamp_millis_opt(instant.timestamp_millis()).single().unwrap_or(instant)
}

/// Writes an instant as people read it, to the minute.
pub fn shown(instant: Instant, zone: Tz) -> String {
    wall(instant, zone).format("%Y-%m-%d %H:%M").to_string()
}

/// Returns the instant of a wall time: after a gap, at the first of an overlap.
pub fn instant(wall: NaiveDateTime, zone: Tz) -> Instant {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(time) => time.with_timezone(&Utc),
        LocalResult::Ambiguous(first, second) => first.min(second).with_timezone(&Utc),
        LocalResult::None => after_gap(wall, zone),
    }
}

/// Returns every instant at which the zone shows a wall time: none in a gap, two in an overlap.
pub fn instants(wall: NaiveDateTime, zone: Tz) -> impl Iterator<Item = Instant> {
    let (first, second) = match zone.from_local_datetime(&wall) {
        LocalResult::Single(time) => (Some(time), None),
        LocalResult::Ambiguous(first, second) => (Some(first), Some(second)),
        LocalResult::None => (None, None),
    };
    first.into_iter().chain(second).map(|time| time.with_timezone(&Utc))
}

/// Returns the instant that is `days` calendar days later at the same wall time.
pub fn add_days(origin: Instant, days: u32, zone: Tz) -> Instant {
    if days == 0 {
        return origin;
    }
    let at = wall(origin, zone);
    match at.checked_add_days(Days::new(days.into())) {
        Some(later) => instant(later, zone),
        None => Instant::MAX_UTC,
    }
}

/// Returns the first instant of the local day that follows the one of `now`.
pub fn next_day(now: Instant, zone: Tz) -> Instant {
    start_of_day(wall(now, zone).date() + Days::new(1), zone)
}

/// Returns the first instant of a local day.
pub fn start_of_day(date: NaiveDate, zone: Tz) -> Instant {
    instant(date.and_time(NaiveTime::MIN), zone)
}

/// Returns the instants after `from` and up to `to` at which the zone's offset changes.
pub fn transitions(from: Instant, to: Instant, zone: Tz) -> Vec<Instant> {
    let offset = |at: Instant| chrono::Offset::fix(&zone.offset_from_utc_datetime(&at.naive_utc())).local_minus_utc();
    let mut found = Vec::new();
    let mut low = from;
    // No zone changes its offset twice within twelve hours.
    while low < to {
        let high = (low + TimeDelta::hours(12)).min(to);
        if offset(low) != offset(high) {
            let (mut before, mut after) = (low, high);
            while after - before > TimeDelta::seconds(1) {
                let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
                if offset(middle) == offset(low) { before = middle } else { after = middle }
            }
            // Offsets change on whole seconds; `from` may carry a fraction.
            found.push(Utc.timestamp_opt(after.timestamp(), 0).single().unwrap_or(after));
        }
        low = high;
    }
    found
}

fn after_gap(wall: NaiveDateTime, zone: Tz) -> Instant {
    let as_utc = Utc.from_utc_datetime(&wall);
    // The gap lies where the zone's offset, at most 26 hours with its jump, maps this wall time.
    let start = as_utc - TimeDelta::hours(38);
    transitions(start, as_utc + TimeDelta::hours(38), zone)
        .into_iter()
        .find(|&change| self::wall(change, zone) > wall)
        .unwrap_or(as_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(zone: &str, wall_time: &str, expected: &str) {
        let zone: Tz = zone.parse().expect("a zone");
        let at = NaiveDateTime::parse_from_str(wall_time, "%Y-%m-%d %H:%M").expect("a wall time");
        assert_eq!(instant(at, zone).format("%Y-%m-%dT%H:%MZ").to_string(), expected, "{zone} {wall_time}");
    }

    #[test]
    fn a_leap_second_is_the_one_after_it() {
        let read = |text: &str| whole(text.parse().expect("an instant")).to_rfc3339();
        assert_eq!(read("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00+00:00");
        assert_eq!(read("2016-12-31T23:59:60.2519Z"), "2017-01-01T00:00:00.251+00:00");
        assert_eq!(read("2016-12-31T23:59:59.9999Z"), "2016-12-31T23:59:59.999+00:00");
    }

    #[test]
    fn a_gap_moves_forward_and_an_overlap_takes_the_first() {
        case("Asia/Ho_Chi_Minh", "2026-03-01 09:00", "2026-03-01T02:00Z");
        case("Europe/Paris", "2026-03-29 02:30", "2026-03-29T01:00Z");
        case("Europe/Paris", "2026-10-25 02:30", "2026-10-25T00:30Z");
        case("America/New_York", "2026-03-08 02:00", "2026-03-08T07:00Z");
        case("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30Z");
        case("Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00Z");
    }
}
