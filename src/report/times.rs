//! When people reach the goal after they entered, day by day, and after which mail.
//!
//! Who entered lately has not had the time yet. So shares are those of a survival curve: on each day of the way the goals among
//! those whose day that is over, against all of them who had not reached the goal before (Kaplan and Meier, 1958). Whoever left
//! or is through stays among them: they could have reached it, and did not. A day is 24 hours; the first is day 0.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::funnel::share;
use crate::model::Instant;

/// A day beyond which nobody looks: ten years.
const LAST: usize = 3_660;

/// Passages and goals as they are counted together.
#[derive(Debug, Clone)]
pub struct Counting {
    now: Instant,
    /// Passages by how many whole days ago they began.
    ages: Vec<u64>,
    /// Goals by day, age of the passage, and place of the step in `steps`.
    goals: BTreeMap<(usize, usize, usize), u64>,
    steps: Vec<Option<String>>,
}

/// When people reach the goal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Times {
    /// From day 0 to the last on which anybody reached it.
    pub days: Vec<Day>,
    /// By the step whose mail was the last before the goal; `None`: before any mail.
    pub steps: Vec<After>,
}

/// One day of the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// Who reached the goal on it.
    pub goals: u64,
    /// Passages for which the day is over and that had not reached the goal before it.
    pub people: u64,
    /// The share of all who enter that reaches the goal up to the end of it; `None` where nobody has been inside for so long.
    pub reached: Option<f64>,
}

/// Goals after the mail of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    pub step: Option<String>,
    pub goals: u64,
    /// The share of all who enter that reaches the goal after this mail and before the next one.
    pub adds: f64,
}

impl Counting {
    pub fn new(now: Instant) -> Self {
        Self { now, ages: Vec::new(), goals: BTreeMap::new(), steps: Vec::new() }
    }

    /// Counts a passage.
    pub fn enter(&mut self, entered: Instant) {
        let age = day_of(self.now - entered);
        if self.ages.len() <= age {
            self.ages.resize(age + 1, 0);
        }
        self.ages[age] += 1;
    }

    /// Names a step that goals may be credited to, so that it is told of one that brings none.
    pub fn know(&mut self, step: &str) {
        self.place(Some(step));
    }

    /// Counts one that reached the goal so long after it began, with the step that the goal is credited to.
    pub fn reach(&mut self, entered: Instant, took: TimeDelta, step: Option<&str>) {
        let place = self.place(step);
        *self.goals.entry((day_of(took), day_of(self.now - entered), place)).or_default() += 1;
    }

    fn place(&mut self, step: Option<&str>) -> usize {
        self.steps.iter().position(|known| known.as_deref() == step).unwrap_or_else(|| {
            self.steps.push(step.map(str::to_owned));
            self.steps.len() - 1
        })
    }

    /// Returns what follows.
    pub fn times(&self) -> Times {
        let Some(last) = self.goals.keys().map(|(day, ..)| *day).max() else { return Times::default() };
        let mut steps: Vec<After> =
            self.steps.iter().map(|step| After { step: step.clone(), goals: 0, adds: 0.0 }).collect();
        // Of each day: all goals; those among whom the day is over for, by step; and how many of the older ones drop out of the
        // count at its beginning, because they have reached the goal, or because nobody has been inside for so long.
        let mut all = vec![0; last + 1];
        let mut over = vec![vec![0; steps.len()]; last + 1];
        let mut through = vec![0_i64; last + 2];
        for (&(day, age, place), &goals) in &self.goals {
            all[day] += goals;
            steps[place].goals += goals;
            if day < age {
                over[day][place] += goals;
                // From the day after it, until the last day that is over for their age.
                through[day + 1] += signed(goals);
                through[(age).min(last + 1)] -= signed(goals);
            }
        }
        let mut older = vec![0_u64; last + 2];
        for (age, people) in self.ages.iter().enumerate() {
            older[age.min(last + 1)] += people;
        }
        let mut inside: u64 = older.iter().sum();
        let (mut gone, mut left) = (0_i64, 1.0_f64);
        let mut days = Vec::with_capacity(last + 1);
        for day in 0..=last {
            // Who entered so many whole days ago has that day before them yet.
            inside -= older[day];
            gone += through[day];
            let people = inside.saturating_sub(u64::try_from(gone).unwrap_or_default());
            let goals: u64 = over[day].iter().sum();
            for (step, goals) in steps.iter_mut().zip(&over[day]) {
                step.adds += left * share(*goals, people).unwrap_or_default();
            }
            left *= 1.0 - share(goals, people).unwrap_or_default();
            days.push(Day { goals: all[day], people, reached: (people > 0).then_some(1.0 - left) });
        }
        Times { days, steps }
    }
}

impl Times {
    /// Returns the share of all who enter that reaches the goal, as far as anybody has been inside.
    pub fn reached(&self) -> Option<f64> {
        self.days.iter().rev().find_map(|day| day.reached)
    }

    /// Returns the day up to whose end so large a part of the conversions came.
    pub fn day_of(&self, part: f64) -> Option<usize> {
        let whole = self.reached().filter(|whole| *whole > 0.0)?;
        // The last digits of a sum do not put it off for a day.
        self.days.iter().position(|day| day.reached.is_some_and(|reached| reached >= part * whole - 1e-12))
    }

    /// Returns what part of the conversions came after the mails of these places of `steps`.
    pub fn before_all(&self, places: &[usize]) -> Option<f64> {
        let whole: f64 = self.steps.iter().map(|step| step.adds).sum();
        // The sum of nothing is -0.
        (whole > 0.0).then(|| places.iter().map(|at| self.steps[*at].adds).fold(0.0, std::ops::Add::add) / whole)
    }
}

fn day_of(span: TimeDelta) -> usize {
    usize::try_from(span.num_days().max(0)).unwrap_or(LAST).min(LAST)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;

    /// Passages as seconds ago, and after how many seconds they reached the goal, by which of two steps.
    fn count(passages: &[(i64, Option<(i64, bool)>)]) -> Times {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut counting = Counting::new(now);
        for (ago, goal) in passages {
            let entered = now - TimeDelta::seconds(*ago);
            counting.enter(entered);
            if let Some((took, late)) = goal {
                let step = if *late { "b" } else { "a" };
                counting.reach(entered, TimeDelta::seconds(*took), Some(step));
            }
        }
        counting.times()
    }

    /// The same, slowly: each day by a look at everybody.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn slowly(passages: &[(i64, Option<(i64, bool)>)], last: i64) -> (Vec<Day>, [f64; 2]) {
        let (mut left, mut adds, mut days) = (1.0, [0.0, 0.0], Vec::new());
        for day in 0..=last {
            let goals =
                passages.iter().filter(|(_, goal)| goal.is_some_and(|(took, _)| took / DAY == day)).count() as u64;
            let is_over = |ago: i64| ago / DAY > day;
            let before = |goal: &Option<(i64, bool)>| goal.is_some_and(|(took, _)| took / DAY < day);
            let people: Vec<_> = passages.iter().filter(|(ago, goal)| is_over(*ago) && !before(goal)).collect();
            let mut of_day = 0.0;
            for (late, adds) in [false, true].into_iter().zip(&mut adds) {
                let by =
                    people.iter().filter(|(_, goal)| goal.is_some_and(|(took, by)| took / DAY == day && by == late));
                let by = by.count() as f64;
                if !people.is_empty() {
                    *adds += left * by / people.len() as f64;
                }
                of_day += by;
            }
            if !people.is_empty() {
                left *= 1.0 - of_day / people.len() as f64;
            }
            days.push(Day { goals, people: people.len() as u64, reached: (!people.is_empty()).then_some(1.0 - left) });
        }
        (days, adds)
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    proptest! {
        #[test]
        fn a_quick_count_is_the_slow_one(passages in prop::collection::vec(
            (0..40 * DAY, prop::option::of((0..40 * DAY, any::<bool>()))), 1..60)) {
            // Nobody reaches the goal after now.
            let passages: Vec<_> =
                passages.into_iter().map(|(ago, goal)| (ago, goal.filter(|(took, _)| *took <= ago))).collect();
            let times = count(&passages);
            let last = passages.iter().filter_map(|(_, goal)| goal.map(|(took, _)| took / DAY)).max();
            let (days, adds) = last.map(|last| slowly(&passages, last)).unwrap_or_default();
            prop_assert_eq!(times.days.len(), days.len());
            for (quick, slow) in times.days.iter().zip(&days) {
                prop_assert_eq!((quick.goals, quick.people), (slow.goals, slow.people));
                prop_assert!(close(quick.reached.unwrap_or(-1.0), slow.reached.unwrap_or(-1.0)), "{quick:?} {slow:?}");
            }
            for step in &times.steps {
                let late = usize::from(step.step.as_deref() == Some("b"));
                prop_assert!(close(step.adds, adds[late]), "{step:?} {adds:?}");
            }
            let whole: f64 = times.steps.iter().map(|step| step.adds).sum();
            prop_assert!(close(whole, times.reached().unwrap_or_default()), "what each step adds adds up");
        }
    }

    #[test]
    fn who_came_lately_does_not_make_the_way_look_shorter() {
        // A hundred came long ago; half of them reached the goal on day 10. Nine hundred came yesterday, and none could yet.
        let mut passages: Vec<_> = (0..100).map(|n| (30 * DAY, (n < 50).then_some((10 * DAY + 60, true)))).collect();
        passages.extend(vec![(DAY + 60, None); 900]);
        passages.extend(vec![(2 * DAY, Some((60, false))); 100]);
        let times = count(&passages);
        // On day 0 a hundred of 1,100; of the others half.
        let first = 100.0 / 1_100.0;
        assert!(close(times.days[0].reached.unwrap(), first));
        assert!(close(times.reached().unwrap(), first + (1.0 - first) / 2.0), "{:?}", times.reached());
        assert_eq!((times.day_of(0.1), times.day_of(0.5), times.day_of(0.9)), (Some(0), Some(10), Some(10)));
        let late = times.steps.iter().position(|step| step.step.as_deref() == Some("a")).unwrap();
        assert!(close(times.before_all(&[late]).unwrap(), first / times.reached().unwrap()));
        assert_eq!(count(&[(30 * DAY, None)]), Times::default());
    }
}
