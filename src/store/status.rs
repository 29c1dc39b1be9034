//! What hangs: for the operator.

use rusqlite::params;

use super::funnel::bounds;
use super::ledger::state_at;
use super::{CampaignRow, Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::CampaignId;
use crate::model::period::Period;
use crate::model::send::SendState;

/// How many of a campaign's people are due when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DueCounts {
    /// Due already.
    pub late: u64,
    /// Due after now, up to 24 hours on.
    pub within_24h: u64,
    /// Due after now, up to 7 days on.
    pub within_7d: u64,
}

impl Work<'_> {
    /// Returns how many mails wait for a person: held, or of unknown fate.
    pub fn stuck(&self) -> Result<u64> {
        Ok(self.sql("SELECT count(*) FROM open_sends WHERE state IN (5, 7)")?.query_row([], |row| row.get(0))?)
    }

    /// Returns how many people of each campaign are due, and since when the first of them is.
    pub fn late(&self, now: Instant) -> Result<Vec<(CampaignRow, u64, Instant)>> {
        let mut statement = self.sql(
            "SELECT campaign_id, count(*), min(due_at) FROM enrolments
             WHERE due_at IS NOT NULL AND due_at <= ?1 GROUP BY campaign_id",
        )?;
        let rows = statement
            .query_map([millis(now)], |row| Ok((CampaignRow(row.get(0)?), row.get(1)?, instant(row.get(2)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many mails of each campaign are in a state that is not the last.
    pub fn open_mails(&self) -> Result<Vec<(CampaignRow, SendState, u64)>> {
        let mut statement = self.sql(
            "SELECT n.campaign_id, s.state, count(*) FROM open_sends s CROSS JOIN enrolments n ON n.id = s.enrolment_id
             GROUP BY 1, 2",
        )?;
        let mut rows = statement.query([])?;
        let mut open = Vec::new();
        while let Some(row) = rows.next()? {
            open.push((CampaignRow(row.get(0)?), state_at(row.get(1)?)?, row.get(2)?));
        }
        Ok(open)
    }

    /// Returns the calls that are put off: campaign, step, why, and how many.
    pub fn calls_put_off(&self) -> Result<Vec<(CampaignRow, String, String, u64)>> {
        let mut statement = self.sql(
            "SELECT n.campaign_id, s.step, s.reason, count(*) FROM open_sends s CROSS JOIN enrolments n ON n.id = s.enrolment_id
             WHERE s.state = 3 AND s.kind = 'webhook' AND s.reason IS NOT NULL
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC",
        )?;
        let rows =
            statement.query_map([], |row| Ok((CampaignRow(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns when somebody is next due after `now`, for each campaign that is not paused and where somebody is.
    pub fn next_due(&self, now: Instant) -> Result<Vec<(CampaignId, Instant)>> {
        let mut statement = self.sql(
            "SELECT name, (SELECT min(due_at) FROM enrolments WHERE campaign_id = c.id AND due_at > ?1) AS at
             FROM campaigns c WHERE paused IS NULL AND at IS NOT NULL ORDER BY at",
        )?;
        let rows = statement
            .query_map([millis(now)], |row| Ok((CampaignId::new(row.get_ref(0)?.as_str()?), instant(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many of those who entered in a period are due when.
    pub fn due_counts(&self, campaign: CampaignRow, period: Period, now: Instant) -> Result<DueCounts> {
        let (since, until) = bounds(period);
        let day = chrono::TimeDelta::days(1);
        // When somebody entered does not stand in the index of who is due.
        let entered = if period == Period::default() { "?5 <= ?6" } else { "entered_at >= ?5 AND entered_at < ?6" };
        Ok(self
            .sql(&format!(
                "SELECT coalesce(sum(due_at <= ?2), 0), coalesce(sum(due_at > ?2 AND due_at <= ?3), 0),
                        coalesce(sum(due_at > ?2 AND due_at <= ?4), 0)
                 FROM enrolments WHERE campaign_id = ?1 AND due_at IS NOT NULL AND due_at <= ?4 AND {entered}
                     AND (holdout IS NULL OR holdout < 0)",
            ))?
            .query_row(
                params![campaign.0, millis(now), millis(now + day), millis(now + day * 7), since, until],
                |row| Ok(DueCounts { late: row.get(0)?, within_24h: row.get(1)?, within_7d: row.get(2)? }),
            )?)
    }
}
