//! How many mails an hour and a day let through: the relay's rates, and the warm-up of a new sender.

use chrono::TimeDelta;

use crate::model::settings::Settings;
use crate::model::{Instant, wall};
use crate::store::{StoreError, Work};

/// Shorter rates are kept by pacing, not by counting.
const COUNTED: u32 = 3600;

/// What a run may still send. Read at its start: a run that outlasts an hour leaves the next hour to the next run.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Mails left, and which limit that is, in words.
    left: Option<(u64, String)>,
}

impl Budget {
    pub(super) fn read(work: &Work<'_>, settings: &Settings, now: Instant) -> Result<Self, StoreError> {
        let mut budget = Self::default();
        let rates = settings.smtp.iter().flat_map(|smtp| &smtp.rates);
        for rate in rates.filter(|rate| rate.seconds >= COUNTED) {
            let used = work.outflow_since(now - TimeDelta::seconds(rate.seconds.into()))?;
            let unit = if rate.seconds == COUNTED { "hour" } else { "day" };
            budget.narrow(
                rate.mails,
                used,
                format!("the relay's {} mails an {unit}", rate.mails).replace("an day", "a day"),
            );
        }
        if let Some(warm_up) = settings.warm_up {
            let zone = settings.timezone;
            let today = wall::wall(now, zone).date();
            let first = match warm_up.since {
                Some(day) => day,
                None => work.first_outflow()?.map_or(today, |first| wall::wall(first, zone).date()),
            };
            let day = u32::try_from((today - first).num_days()).unwrap_or(0);
            if let Some(ceiling) = warm_up.ceiling(day) {
                // A minute before midnight, because what is counted are the minutes after.
                let used = work.outflow_since(wall::start_of_day(today, zone) - TimeDelta::minutes(1))?;
                budget.narrow(ceiling, used, format!("the warm-up's {ceiling} mails on day {}", day + 1));
            }
        }
        Ok(budget)
    }

    fn narrow(&mut self, limit: u32, used: u64, words: String) {
        let left = u64::from(limit).saturating_sub(used);
        if self.left.as_ref().is_none_or(|(least, _)| left < *least) {
            self.left = Some((left, words));
        }
    }

    /// Returns which limit is reached.
    pub(super) fn reached(&self) -> Option<&str> {
        self.left.as_ref().filter(|(left, _)| *left == 0).map(|(_, words)| words.as_str())
    }

    /// Takes one mail off.
    pub(super) fn take(&mut self) {
        if let Some((left, _)) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }
}
