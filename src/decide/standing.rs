//! Where a contact stands: stage, segments, score; and what the stage was in between.
//!
//! What is kept of it is a cache. Whether it was brought up to date once or a hundred times on the way, it comes to the same:
//! between two looks the stage is followed from event to event and from edge to edge.

use crate::model::Instant;
use crate::model::condition::{Condition, Scope};
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::model::stage::stage_of;
use crate::model::terms::Terms;

/// Who takes more looks than this to follow has conditions that flicker, not a life.
const LOOKS: usize = 100_000;

/// A contact, and what is known of it up to now.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    pub contact: &'a Contact,
    /// Every event up to `now`, oldest first.
    pub history: &'a [Event],
    pub terms: &'a Terms,
    pub now: Instant,
}

/// Coming into a stage, or into none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageChange {
    pub at: Instant,
    pub stage: Option<String>,
    pub was: Option<String>,
}

impl Person<'_> {
    fn scope(&self, at: Instant) -> Scope<'_> {
        Scope { contact: self.contact, event: None, history: self.history, sends: &[], terms: self.terms, now: at }
    }

    fn stage(&self, at: Instant) -> Option<String> {
        stage_of(&self.terms.stages, self.scope(at)).map(str::to_owned)
    }

    /// Returns how the stage changed since the contact was looked at last and was in `was`, up to now.
    pub fn stages_since(&self, looked_at: Instant, was: Option<&str>) -> Vec<StageChange> {
        if self.terms.stages.is_empty() {
            return Vec::new();
        }
        // Something was learnt of the time before: when it would have changed the stage is no longer to the point.
        if self.stage(looked_at).as_deref() != was {
            let (stage, was) = (self.stage(self.now), was.map(str::to_owned));
            return if stage == was { Vec::new() } else { vec![StageChange { at: self.now, stage, was }] };
        }
        self.play(looked_at, was.map(str::to_owned), Vec::new())
    }

    /// Returns every stage from the beginning up to now: from the first event, or from when the contact came.
    pub fn stages(&self, came: Instant) -> Vec<StageChange> {
        if self.terms.stages.is_empty() {
            return Vec::new();
        }
        let first = self.history.first().map_or(came, |event| event.at.min(came)).min(self.now);
        let stage = self.stage(first);
        let changes =
            stage.iter().map(|stage| StageChange { at: first, stage: Some(stage.clone()), was: None }).collect();
        self.play(first, stage, changes)
    }

    fn play(&self, from: Instant, mut stage: Option<String>, mut changes: Vec<StageChange>) -> Vec<StageChange> {
        let mut at = from;
        for _ in 0..LOOKS {
            let Some(next) = self.next_look(at).filter(|next| *next <= self.now) else { break };
            at = next;
            let now = self.stage(at);
            if now != stage {
                changes.push(StageChange { at, stage: now.clone(), was: stage });
                stage = now;
            }
        }
        changes
    }

    /// Returns when a stage may change next after an instant: with an event, or by itself.
    fn next_look(&self, after: Instant) -> Option<Instant> {
        let event = self.history.iter().map(|event| event.at).find(|at| *at > after);
        let stages = self.terms.stages.iter().map(|stage| &stage.condition);
        event.into_iter().chain(self.edge(stages, after)).min()
    }

    fn edge<'c>(&self, conditions: impl Iterator<Item = &'c Condition>, at: Instant) -> Option<Instant> {
        conditions.filter_map(|condition| condition.next_change(self.scope(at))).filter(|next| *next > at).min()
    }

    /// Returns when a stage or a segment may change next by itself.
    pub fn next_change(&self) -> Option<Instant> {
        let stages = self.terms.stages.iter().map(|stage| &stage.condition);
        self.edge(stages.chain(self.terms.segments.values()), self.now)
    }

    /// Returns the segments that the contact is in, by name.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        let holds = |condition: &Condition| condition.holds(self.scope(self.now));
        self.terms.segments.iter().filter(move |(_, condition)| holds(condition)).map(|(name, _)| name.as_str())
    }

    /// Returns the score; `None` where nobody has one.
    pub fn points(&self) -> Option<i64> {
        self.terms.score.as_ref().map(|score| score.points(self.scope(self.now)))
    }

    /// Returns what each rule of the score has brought, as of now.
    pub fn levels(&self) -> Vec<f64> {
        self.terms.score.as_ref().map(|score| score.levels_of(self.scope(self.now))).unwrap_or_default()
    }
}

/// Returns the first instant from `since` on at which a threshold was reached that is no other one told late: `before` and `with` are
/// when it was reached without and with an event that came to be known. What was the reason for a mail once is none again because it
/// turns out to have come sooner, or later.
pub fn crossed_anew(before: &[Instant], with: &[Instant], since: Instant) -> Option<Instant> {
    let mut new: Vec<Instant> = with.iter().copied().filter(|at| !before.contains(at)).collect();
    for gone in before.iter().filter(|at| !with.contains(at)) {
        // The score was there already since the last time before it, or is not before the next one.
        let sooner = with.iter().rposition(|at| at < gone).and_then(|at| new.iter().position(|one| *one == with[at]));
        if let Some(moved) = sooner.or_else(|| new.iter().position(|at| at > gone)) {
            new.remove(moved);
        }
    }
    new.into_iter().find(|at| *at >= since)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn a_threshold_that_was_reached_sooner_or_later_than_it_seemed_is_not_reached_again() {
        let at = |hour: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
        let anew = |before: &[i64], with: &[i64], since| {
            let times = |hours: &[i64]| hours.iter().map(|hour| at(*hour)).collect::<Vec<_>>();
            crossed_anew(&times(before), &times(with), at(since))
        };
        assert_eq!(anew(&[], &[3], 3), Some(at(3)));
        assert_eq!(anew(&[3], &[2], 2), None, "sooner");
        assert_eq!(anew(&[3], &[5], 2), None, "later");
        assert_eq!(anew(&[5], &[2, 5], 2), Some(at(2)), "and had faded again before the next one");
        assert_eq!(anew(&[3, 7], &[2, 7], 2), None);
        assert_eq!(anew(&[3, 7], &[3, 6, 9], 6), Some(at(9)), "one of them is another one");
        assert_eq!(anew(&[3, 7], &[3], 2), None);
    }
}
