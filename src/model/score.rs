//! A score: points that events bring, which fade.
//!
//! It is a function of a contact's events and of an instant, and of nothing else: whenever it is asked for, and however
//! often, the answer is the same.

use chrono::TimeDelta;

use super::Instant;
use super::condition::{Condition, Edges, Scope};
use super::delay::Span;
use super::event::Event;

/// How events make a score.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Score {
    pub rules: Vec<Points>,
    /// The score stands no higher than this.
    pub at_most: Option<f64>,
}

/// What one kind of event brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    pub event: String,
    pub condition: Option<Condition>,
    /// Below zero: what speaks against somebody.
    pub points: f64,
    /// What the rule brings never stands further from zero than this.
    pub at_most: Option<f64>,
    /// After so long half of it is left, with a day taken as 24 hours; `None`: it stays.
    pub half_life: Option<Span>,
}

/// Sums of halves and thirds miss a whole number by less than this.
const HAIR: f64 = 1e-9;

/// How many steps towards the next whole point are tried before the way there counts as far enough.
const STEPS: usize = 64;

/// What one rule has brought up to an instant.
#[derive(Debug, Clone, Copy)]
struct Level {
    value: f64,
    at: Instant,
    /// In milliseconds; infinite: it stays.
    half_life: f64,
}

impl Level {
    fn after(self, at: Instant) -> f64 {
        // What is not there yet is nothing however far back one looks.
        if self.value == 0.0 { 0.0 } else { self.value * (-milliseconds(at - self.at) / self.half_life).exp2() }
    }
}

impl Score {
    /// Returns the whole points at `scope.now`; what is begun of a point does not count.
    pub fn points(&self, scope: Scope<'_>) -> i64 {
        self.points_within(scope, 0)
    }

    pub(super) fn points_within(&self, scope: Scope<'_>, depth: usize) -> i64 {
        self.whole(self.levels(scope, depth).iter().map(|level| level.after(scope.now)).sum())
    }

    /// Returns the next instant at which the mere passing of time may take the whole points over one of the edges.
    pub(super) fn next_change(&self, scope: Scope<'_>, depth: usize, edges: &Edges) -> Option<Instant> {
        let (mut stays, mut fades) = (0.0, Vec::new());
        for level in self.levels(scope, depth) {
            if level.half_life.is_finite() { fades.push(level) } else { stays += level.value }
        }
        let sum = |at| stays + fades.iter().map(|level| level.after(at)).sum::<f64>();
        let points = self.whole(sum(scope.now));
        let most = self.at_most.unwrap_or(f64::INFINITY);
        let (low, high) = (edges.below(points), edges.above(points).filter(|high| needed(*high) <= most));
        let mut at = scope.now;
        for _ in 0..STEPS {
            let now = sum(at);
            let is_over = |points| low.is_some_and(|low| points < low) || high.is_some_and(|high| points >= high);
            if is_over(self.whole(now)) {
                break;
            }
            let left: f64 = fades.iter().map(|level| level.after(at).abs()).sum();
            let down = low.map_or(f64::INFINITY, |low| now - needed(low));
            let up = high.map_or(f64::INFINITY, |high| needed(high) - now);
            let way = down.min(up).max(0.0);
            if left < way {
                return None;
            }
            // No way is shorter than straight on at the greatest speed, which is that of now.
            let speed = fades.iter().map(|level| level.after(at).abs() * std::f64::consts::LN_2 / level.half_life);
            at = at.checked_add_signed(whole_milliseconds(way / speed.sum::<f64>()))?;
        }
        (at > scope.now).then_some(at)
    }

    /// Returns when the score rose to a threshold or above it: the instants of the events that did it, oldest first.
    pub fn reached(&self, threshold: i64, scope: Scope<'_>) -> Vec<Instant> {
        let mut levels = self.none(scope.now);
        let mut reached = Vec::new();
        for event in scope.history.iter().filter(|event| event.at <= scope.now) {
            let sum = |levels: &[Level]| self.whole(levels.iter().map(|level| level.after(event.at)).sum());
            let before = sum(&levels);
            self.add(&mut levels, event, scope, 0);
            if before < threshold && sum(&levels) >= threshold {
                reached.push(event.at);
            }
        }
        reached
    }

    /// Returns the conditions of its rules.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.rules.iter().filter_map(|rule| rule.condition.as_ref())
    }

    /// Returns whether an event may bring points.
    pub fn counts(&self, event: &str) -> bool {
        self.rules.iter().any(|rule| rule.event == event)
    }

    /// Returns what each rule has brought, as of `scope.now`.
    pub fn levels_of(&self, scope: Scope<'_>) -> Vec<f64> {
        self.levels(scope, 0).iter().map(|level| level.after(scope.now)).collect()
    }

    /// Returns the whole points that are left, so long after, of what each rule had brought.
    pub fn points_after(&self, levels: &[f64], elapsed: TimeDelta) -> i64 {
        let at = Instant::UNIX_EPOCH;
        let none = self.none(at).into_iter().zip(levels);
        self.whole(none.map(|(level, value)| Level { value: *value, ..level }.after(at + elapsed)).sum())
    }

    fn levels(&self, scope: Scope<'_>, depth: usize) -> Vec<Level> {
        let mut levels = self.none(scope.now);
        for event in scope.history.iter().filter(|event| event.at <= scope.now) {
            self.add(&mut levels, event, scope, depth);
        }
        levels
    }

    fn none(&self, at: Instant) -> Vec<Level> {
        let half_life = |rule: &Points| rule.half_life.map_or(f64::INFINITY, |span| milliseconds(span.elapsed()));
        self.rules.iter().map(|rule| Level { value: 0.0, at, half_life: half_life(rule) }).collect()
    }

    fn add(&self, levels: &mut [Level], event: &Event, scope: Scope<'_>, depth: usize) {
        for (rule, level) in self.rules.iter().zip(levels) {
            let scope = Scope { event: Some(event), sends: &[], now: event.at, ..scope };
            let counts = |condition: &Condition| condition.holds_within(scope, depth + 1);
            if rule.event == event.name && rule.condition.as_ref().is_none_or(counts) {
                let most = rule.at_most.unwrap_or(f64::INFINITY);
                // What stood at the limit fades from there: a hundred visits do not keep it up for a year.
                level.value = (level.after(event.at) + rule.points).clamp(-most, most);
                level.at = event.at;
            }
        }
    }

    fn whole(&self, sum: f64) -> i64 {
        let sum = sum.min(self.at_most.unwrap_or(f64::INFINITY));
        let points = (sum.abs() + HAIR).floor().copysign(sum);
        #[expect(clippy::cast_possible_truncation, reason = "a float beyond the integers becomes the outermost one")]
        let points = points as i64;
        points
    }
}

/// Returns the sum from which on there are so many whole points.
fn needed(points: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody has that many points")]
    let points = points as f64;
    // Within a point of zero there are none, on either side of it.
    if points > 0.0 { points - HAIR } else { points - 1.0 + HAIR }
}

fn milliseconds(length: TimeDelta) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
    let length = length.num_milliseconds() as f64;
    length
}

fn whole_milliseconds(length: f64) -> TimeDelta {
    // Further off than any mail; at least one, so that time goes on.
    let length = if length.is_finite() { length.ceil().clamp(1.0, 1e13) } else { 1e13 };
    #[expect(clippy::cast_possible_truncation, reason = "it was cut to size")]
    let length = length as i64;
    TimeDelta::milliseconds(length)
}
