//! When people entered a campaign and when they reached its goal, one by one: what a report counts by day and by week.

use chrono::TimeDelta;
use rusqlite::params;

use super::funnel::bounds;
use super::{CampaignRow, Result, Work, instant};
use crate::model::Instant;
use crate::model::period::Period;

/// Who reached the goal: when the passage began, how long it took, and the step that it is credited to.
pub(super) const GOALS: &str = "SELECT entered_at, ended_at, goal_step FROM enrolments INDEXED BY enrolments_goal
     WHERE campaign_id = ?1 AND state = 'goal' AND entered_at >= ?2 AND entered_at < ?3";
pub(super) const ENTRIES: &str = "SELECT entered_at FROM enrolments WHERE campaign_id = ?1 AND entered_at >= ?2 AND entered_at < ?3 ORDER BY entered_at";
/// The same where some were held out: a report is of those who were mailed.
const GOALS_OF_MAILED: &str = "SELECT entered_at, ended_at, goal_step FROM enrolments
     WHERE campaign_id = ?1 AND state = 'goal' AND entered_at >= ?2 AND entered_at < ?3 AND (holdout IS NULL OR holdout < 0)";
const ENTRIES_OF_MAILED: &str =
    "SELECT entered_at FROM enrolments WHERE campaign_id = ?1 AND entered_at >= ?2 AND entered_at < ?3
     AND (holdout IS NULL OR holdout < 0) ORDER BY entered_at";

impl Work<'_> {
    /// Tells when each passage of a period began, the oldest first; without those who were held out.
    pub fn entries(&self, campaign: CampaignRow, period: Period, mut each: impl FnMut(Instant)) -> Result<()> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(if self.holds_out(campaign)? { ENTRIES_OF_MAILED } else { ENTRIES })?;
        let mut rows = statement.query(params![campaign.0, since, until])?;
        while let Some(row) = rows.next()? {
            each(instant(row.get(0)?));
        }
        Ok(())
    }

    /// Tells of each passage of a period that reached the goal when it began, how long it took, and by which step; without those
    /// who were held out.
    pub fn goals(
        &self,
        campaign: CampaignRow,
        period: Period,
        mut each: impl FnMut(Instant, TimeDelta, Option<&str>),
    ) -> Result<()> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(if self.holds_out(campaign)? { GOALS_OF_MAILED } else { GOALS })?;
        let mut rows = statement.query(params![campaign.0, since, until])?;
        while let Some(row) = rows.next()? {
            let (entered, ended) = (instant(row.get(0)?), instant(row.get(1)?));
            each(
                entered,
                (ended - entered).max(TimeDelta::zero()),
                row.get_ref(2)?.as_str_or_null().unwrap_or_default(),
            );
        }
        Ok(())
    }
}
