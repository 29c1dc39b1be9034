//! Those who entered in one week, and how many of them had reached the goal so many weeks after they did.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta, Weekday};
use chrono_tz::Tz;

use crate::model::{Instant, wall};

/// After how many weeks it is looked at.
pub const WEEKS: [u8; 4] = [1, 2, 4, 8];

/// Those who entered in one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cohort {
    /// Its Monday, where the project is.
    pub monday: NaiveDate,
    pub entered: u64,
    /// Who had reached the goal after each of [`WEEKS`]; `None` where the last of them has not had so long.
    pub goals: [Option<u64>; WEEKS.len()],
    /// Who has by now.
    pub goal: u64,
}

/// Weeks as they are counted.
#[derive(Debug, Clone)]
pub struct Counting {
    now: Instant,
    zone: Tz,
    weeks: BTreeMap<NaiveDate, Cohort>,
    /// The week that was asked for last, with its ends.
    last: Option<(Instant, Instant, NaiveDate)>,
}

impl Counting {
    pub fn new(now: Instant, zone: Tz) -> Self {
        Self { now, zone, weeks: BTreeMap::new(), last: None }
    }

    /// Counts a passage.
    pub fn enter(&mut self, entered: Instant) {
        self.week(entered).entered += 1;
    }

    /// Counts one that reached the goal so long after it began.
    pub fn reach(&mut self, entered: Instant, took: TimeDelta) {
        let week = self.week(entered);
        week.goal += 1;
        for (weeks, goals) in WEEKS.into_iter().zip(&mut week.goals) {
            if let Some(goals) = goals
                && took <= TimeDelta::weeks(weeks.into())
            {
                *goals += 1;
            }
        }
    }

    /// Returns the weeks in which anybody entered, the oldest first.
    pub fn cohorts(self) -> Vec<Cohort> {
        self.weeks.into_values().collect()
    }

    fn week(&mut self, entered: Instant) -> &mut Cohort {
        let (begin, end, monday) = match self.last {
            Some(last) if last.0 <= entered && entered < last.1 => last,
            _ => {
                let monday = wall::wall(entered, self.zone).date().week(Weekday::Mon).first_day();
                let start = |day| wall::start_of_day(day, self.zone);
                (start(monday), start(monday + Days::new(7)), monday)
            }
        };
        self.last = Some((begin, end, monday));
        let is_over = |weeks: u8| end + TimeDelta::weeks(weeks.into()) <= self.now;
        let goals = WEEKS.map(|weeks| is_over(weeks).then_some(0));
        self.weeks.entry(monday).or_insert(Cohort { monday, entered: 0, goals, goal: 0 })
    }
}
