//! Due times in every time zone, compared with a slow oracle.
//!
//! The oracle knows one thing only: what the clock on the wall shows at each minute. It walks the
//! minutes around every change of offset from 2024 to 2030, in every IANA zone, and reads the rules
//! off that walk: where a wall time strikes first, what a gap jumps over, when a window opens. It
//! takes nothing from drip's own arithmetic and never turns a wall time into an instant by formula.
//!
//! Zones that show the same wall time at every moment of those years are walked once for all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use drip::model::delay::Delay;
use drip::model::quiet::QuietDates;
use drip::model::wall;
use drip::model::window::{Hours, Weekdays, Window};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440;
/// Minutes walked before and after each change: a week's delay ahead of it, and behind it the
/// fortnight to the next such Sunday if the change swallows this one's hour.
const BEFORE: i64 = 9 * DAY;
const AFTER: i64 = 17 * DAY;

/// What the wall clock of a zone shows, minute by minute.
struct Walk {
    zone: Tz,
    /// The first minute walked, counted in UTC from 1970.
    start: i64,
    /// The minute of the local calendar that is shown at each of them.
    shown: Vec<i64>,
    /// For each local minute from `shown[0]`: the walked minute at which it is shown first, or that
    /// jumped over it.
    strikes: Vec<usize>,
    /// The walked minute at which the offset changes.
    change: usize,
}

impl Walk {
    fn around(zone: Tz, change: i64) -> Self {
        let start = change - BEFORE;
        let shown: Vec<i64> = (start..change + AFTER).map(|minute| minute + offset(zone, minute)).collect();
        let (mut strikes, mut latest) = (Vec::with_capacity(shown.len()), shown[0] - 1);
        for (index, &local) in shown.iter().enumerate() {
            while latest < local {
                strikes.push(index);
                latest += 1;
            }
        }
        Self { zone, start, shown, strikes, change: index(BEFORE) }
    }

    /// Splits an instant into the minute walked and the milliseconds into it.
    fn minute(&self, instant: i64) -> (usize, i64) {
        (index(instant.div_euclid(MINUTE) - self.start), instant.rem_euclid(MINUTE))
    }

    fn instant(&self, minute: usize) -> i64 {
        (self.start + count(minute)) * MINUTE
    }

    /// Finds where the clock strikes a local minute, `rest` milliseconds into it.
    fn strike(&self, local: i64, rest: i64) -> i64 {
        let minute = self.strikes[index(local - self.shown[0])];
        // After a gap it is the first moment that counts, not one as far into the hour.
        self.instant(minute) + if self.shown[minute] == local { rest } else { 0 }
    }

    /// Says which clock times of day the change skips or repeats: from, to, in minutes after midnight.
    fn disputed(&self) -> (i64, i64) {
        let (before, after) = (self.shown[self.change - 1] + 1, self.shown[self.change]);
        let from = before.min(after);
        (from.rem_euclid(DAY), from.rem_euclid(DAY) + (before - after).abs())
    }
}

/// A delay, as a person would say it and as they would mean it.
struct DelayRule {
    text: String,
    days: i64,
    elapsed: i64,
    at: Option<i64>,
    since_entry: bool,
}

impl DelayRule {
    fn new(days: i64, elapsed: i64, at: Option<i64>, since_entry: bool) -> Self {
        let mut text = match (days, elapsed) {
            (days, 0) if days > 0 && days % 7 == 0 => format!("{}w", days / 7),
            (days, 0) => format!("{days}d"),
            (0, elapsed) if elapsed % 60 == 0 => format!("{}h", elapsed / 60),
            (0, elapsed) => format!("{elapsed}m"),
            (days, elapsed) => format!("{days}d{elapsed}m"),
        };
        text += &at.map(|at| format!(" at {}", clock(at))).unwrap_or_default();
        text += if since_entry { " since entry" } else { "" };
        Self { text, days, elapsed, at, since_entry }
    }

    fn over(&self, walk: &Walk, previous: i64, entry: i64) -> i64 {
        let origin = if self.since_entry { entry } else { previous };
        let (minute, rest) = walk.minute(origin);
        let same_time = walk.shown[minute] + self.days * DAY;
        let day_reached = if self.days == 0 { origin } else { walk.strike(same_time, rest) };
        let reached = day_reached + self.elapsed * MINUTE;
        let Some(at) = self.at else { return reached };
        // Days lead to a date by the calendar; hours lead to an instant, and that has a date.
        let (date, floor) = if self.elapsed == 0 {
            (same_time.div_euclid(DAY), origin)
        } else {
            (walk.shown[walk.minute(reached).0].div_euclid(DAY), reached)
        };
        let strikes = [date, date + 1].map(|date| walk.strike(date * DAY + at, 0));
        strikes.into_iter().find(|&strike| strike >= floor).expect("that day or the next")
    }
}

fn delays(disputed: (i64, i64)) -> Vec<DelayRule> {
    let within = Some((disputed.0 + 10) % DAY);
    let plain = [(0, 30), (0, 90), (0, 36 * 60), (0, 0), (1, 0), (2, 0), (7, 0), (1, 90)];
    let mut rules: Vec<_> =
        plain.into_iter().map(|(days, elapsed)| DelayRule::new(days, elapsed, None, false)).collect();
    for at in [Some(90), Some(135), Some(150), Some(540), Some(0), Some(23 * 60 + 30), within] {
        rules.push(DelayRule::new(0, 0, at, false));
        rules.push(DelayRule::new(1, 0, at, false));
        rules.push(DelayRule::new(0, 36 * 60, at, false));
    }
    rules.push(DelayRule::new(5, 0, None, true));
    rules.push(DelayRule::new(5, 0, within, true));
    rules.push(DelayRule::new(7, 0, Some(150), false));
    rules
}

/// A window, as written and as meant.
struct WindowRule {
    hours: Option<(i64, i64)>,
    days: &'static str,
    weekdays: &'static [i64],
}

const EVERY_DAY: (&str, &[i64]) = ("", &[0, 1, 2, 3, 4, 5, 6]);
const WORKDAYS: (&str, &[i64]) = ("mon-fri", &[0, 1, 2, 3, 4]);
const FRI_TO_MON: (&str, &[i64]) = ("fri-mon", &[0, 4, 5, 6]);
const SUNDAY: (&str, &[i64]) = ("sun", &[6]);
const SATURDAY: (&str, &[i64]) = ("sat", &[5]);

impl WindowRule {
    fn window(&self) -> Window {
        let hours = self.hours.map(|(from, to)| format!("{}-{}", clock(from), clock(to)));
        Window {
            hours: hours.map(|text| Hours::parse(&text).expect("hours")),
            days: (!self.days.is_empty()).then(|| Weekdays::parse(self.days).expect("weekdays")),
            quiet: QuietDates::default(),
        }
    }

    fn open(&self, local: i64) -> bool {
        let (minute, weekday) = (local.rem_euclid(DAY), (local.div_euclid(DAY) + 3).rem_euclid(7));
        let in_hours = match self.hours {
            None => true,
            Some((from, to)) if from < to => from <= minute && minute < to,
            Some((from, to)) => from <= minute || minute < to,
        };
        in_hours && self.weekdays.contains(&weekday)
    }

    /// Returns for each walked minute the first one not before it at which the window is open.
    fn openings(&self, walk: &Walk) -> Vec<Option<usize>> {
        let mut next = None;
        let mut openings: Vec<_> = (0..walk.shown.len())
            .rev()
            .map(|minute| {
                if self.open(walk.shown[minute]) {
                    next = Some(minute);
                }
                next
            })
            .collect();
        openings.reverse();
        openings
    }
}

fn next_open(walk: &Walk, openings: &[Option<usize>], from: i64) -> i64 {
    let (minute, _) = walk.minute(from);
    match openings[minute].expect("the walk is long enough") {
        open if open == minute => from,
        open => walk.instant(open),
    }
}

fn windows((lo, hi): (i64, i64)) -> Vec<WindowRule> {
    let inside = (lo + 10, lo + 20);
    let rules = [
        (None, EVERY_DAY),
        (None, WORKDAYS),
        (None, SUNDAY),
        (Some((480, 1200)), FRI_TO_MON),
        (Some((540, 1050)), WORKDAYS),
        (Some((1320, 360)), EVERY_DAY),
        (Some((1320, 360)), WORKDAYS),
        (Some((1200, 1440)), SUNDAY),
        (Some((0, 15)), EVERY_DAY),
        (Some(inside), EVERY_DAY),
        (Some(inside), SUNDAY),
        (Some(inside), SATURDAY),
        (Some((lo + 10, hi + 45)), EVERY_DAY),
        (Some((lo - 60, lo + 10)), EVERY_DAY),
        (Some((lo + 10, lo + 5)), FRI_TO_MON),
        (Some((hi, hi + 30)), SUNDAY),
    ];
    let turn = |minute: i64| minute.rem_euclid(DAY);
    rules
        .into_iter()
        .map(|(hours, (days, weekdays))| {
            // `24:00` is an end only; `00:00` as an end means the same, and passes midnight.
            let hours = hours.map(|(from, to)| (turn(from), if to == DAY { DAY } else { turn(to) }));
            WindowRule { hours, days, weekdays }
        })
        .collect()
}

/// Moments to start from, in minutes from the change: both sides of each edge, and whole days away.
const NEAR: [i64; 15] = [-1500, -181, -60, -31, -30, -1, 0, 1, 29, 30, 45, 60, 61, 121, 1441];
const NEAR_WINDOW: [i64; 12] = [-20 * 60, -180, -59, -1, 0, 1, 31, 60, 75, 200, -6 * DAY - 1200, -7 * DAY + 61];

#[test]
fn due_times_in_every_zone_agree_with_the_clock_on_the_wall() {
    let changes = changes_of_every_zone();
    let zones: usize = changes.values().map(Vec::len).sum();
    assert_eq!(zones, TZ_VARIANTS.len(), "each zone belongs to one group");
    assert!(zones > 590, "the whole IANA list, not a part of it: {zones}");
    for (zone, expected) in
        [("Europe/Paris", 14), ("America/New_York", 14), ("Australia/Lord_Howe", 14), ("Asia/Ho_Chi_Minh", 0)]
    {
        let zone: Tz = zone.parse().expect("a zone");
        let (found, _) = changes.iter().find(|(_, zones)| zones.contains(&zone)).expect("every zone is there");
        assert_eq!(found.changes.len(), expected, "{zone}");
    }
    let covered: usize = changes.iter().map(|(group, zones)| group.changes.len() * zones.len()).sum();
    let walks: Vec<(Tz, i64)> =
        changes.iter().flat_map(|(group, zones)| group.changes.iter().map(|change| (zones[0], change.0))).collect();
    // With tzdata 2025b: 597 zones, 2821 changes of theirs, 439 of them different from one another.
    assert!(covered > 2500, "{covered} changes in {zones} zones");
    assert!((400..covered).contains(&walks.len()), "{} walks for {covered} changes", walks.len());

    let next = AtomicUsize::new(0);
    let work = || {
        let mut compared = 0;
        while let Some(&(zone, change)) = walks.get(next.fetch_add(1, Ordering::Relaxed)) {
            compared += compare(&Walk::around(zone, change));
        }
        compared
    };
    let workers = thread::available_parallelism().map_or(2, usize::from).min(8);
    let compared: usize = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().expect("the times agree")).sum()
    });
    assert!(compared > walks.len() * 500, "{compared} comparisons in {} walks", walks.len());
}

/// Compares drip with the oracle around one change; returns how often.
fn compare(walk: &Walk) -> usize {
    let zone = walk.zone;
    let change = walk.instant(walk.change);
    let disputed = walk.disputed();
    let mut compared = 0;
    let mut due_times = Vec::new();

    for rule in delays(disputed) {
        let delay = Delay::parse(&rule.text).expect(&rule.text);
        let length = (rule.days * DAY + rule.elapsed) * MINUTE;
        for (nth, near) in NEAR.into_iter().enumerate() {
            // The delay starts near the change, then ends near it; every third moment is no whole minute.
            for from in [change, change - length] {
                let from = from + near * MINUTE + if nth % 3 == 0 { 30_500 } else { 0 };
                let previous = if rule.since_entry { from + DAY * MINUTE } else { from };
                let expected = rule.over(walk, previous, from);
                let over = delay.over(utc(previous), utc(from), zone);
                assert_eq!(over, utc(expected), "{zone}: `{}` from {}", rule.text, utc(from));
                due_times.push(expected);
                compared += 1;
            }
        }
    }

    for (nth, rule) in windows(disputed).into_iter().enumerate() {
        let (window, openings) = (rule.window(), rule.openings(walk));
        // What a delay led to, taken in turn so that every window meets every kind of delay.
        let after_delay = due_times.iter().skip(nth).step_by(97).copied();
        let near = NEAR_WINDOW.into_iter().map(|near| change + near * MINUTE + if near % 2 == 0 { 0 } else { 59_999 });
        for from in near.chain(after_delay) {
            let expected = utc(next_open(walk, &openings, from));
            let open = window.next_open(utc(from), zone);
            assert_eq!(open, expected, "{zone}: {window:?} from {}", utc(from));
            assert!(window.is_open(open, zone), "{zone}: {window:?} is shut at {open}");
            compared += 1;
        }
    }

    for near in NEAR {
        let now = change + near * MINUTE;
        let (minute, _) = walk.minute(now);
        let today = walk.shown[minute].div_euclid(DAY);
        let tomorrow =
            (minute..walk.shown.len()).find(|&minute| walk.shown[minute].div_euclid(DAY) > today).expect("a later day");
        assert_eq!(wall::next_day(utc(now), zone), utc(walk.instant(tomorrow)), "{zone}: the day after {}", utc(now));
        compared += 1;
    }
    compared
}

/// What makes two zones the same for these years: the offset at first, and each change.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Clock {
    first_offset: i64,
    /// The minute in UTC, and the offset from then on.
    changes: Vec<(i64, i64)>,
}

/// Groups the zones by what their clocks show from 2024 to 2030, some weeks more at either end.
fn changes_of_every_zone() -> BTreeMap<Clock, Vec<Tz>> {
    let day = |text: &str| text.parse::<DateTime<Utc>>().expect("a day").timestamp() / 60;
    let years = day("2024-01-01T00:00:00Z")..day("2031-01-01T00:00:00Z");
    let (from, to) = (years.start - 30 * DAY, years.end + 30 * DAY);
    // Twice in four hours no zone has ever changed; a change and its reverse would hide from this step.
    let step = 4 * 60;
    let mut groups: BTreeMap<Clock, Vec<Tz>> = BTreeMap::new();
    for zone in TZ_VARIANTS {
        let (mut changes, mut current) = (Vec::new(), offset(zone, from));
        let first_offset = current;
        let mut at = from;
        while at < to {
            if offset(zone, at + step) != current {
                let change = (at..=at + step).find(|&minute| offset(zone, minute) != current).expect("it changed");
                current = offset(zone, change);
                changes.push((change, current));
            }
            at += step;
        }
        changes.retain(|(change, _)| years.contains(change));
        groups.entry(Clock { first_offset, changes }).or_default().push(zone);
    }
    groups
}

/// Returns the minutes by which the zone's clock is ahead of UTC at a minute.
fn offset(zone: Tz, minute: i64) -> i64 {
    let at = Utc.timestamp_opt(minute * 60, 0).single().expect("a time").naive_utc();
    let seconds = zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
    assert_eq!(seconds % 60, 0, "{zone}: these years know whole minutes only");
    i64::from(seconds / 60)
}

fn utc(milliseconds: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(milliseconds).single().expect("a time")
}

fn clock(minute: i64) -> String {
    if minute == DAY {
        return "24:00".to_owned();
    }
    (NaiveTime::MIN + TimeDelta::minutes(minute)).format("%H:%M").to_string()
}

fn index(minutes: i64) -> usize {
    usize::try_from(minutes).expect("the walk starts early enough")
}

fn count(minutes: usize) -> i64 {
    i64::try_from(minutes).expect("a walk is short")
}
