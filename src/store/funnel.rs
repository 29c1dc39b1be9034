//! The counts behind a funnel.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::ledger::state_at;
use super::{CampaignRow, ReactionCount, Result, RevenueRow, Work, instant, millis};
use crate::model::Instant;
use crate::model::period::Period;
use crate::model::send::SendState;

/// The counts of one campaign. Steps are called by the id they had when it happened.
#[derive(Debug, Clone, Default)]
pub struct FunnelCounts {
    /// Enrolments by state word.
    pub enrolments: BTreeMap<String, u64>,
    /// Exits by reason.
    pub exits: Vec<(String, u64)>,
    /// Rows of the ledger by step and state.
    pub sends: Vec<(String, SendState, u64)>,
    /// Conversions by the step they are credited to; `None`: before any mail.
    pub goals: Vec<(Option<String>, u64)>,
    /// Who stands, or ended, at a step that has no row for them.
    pub waiting: Vec<Waiting>,
    /// Skipped rows of the ledger by step and reason, the commonest first.
    pub skips: Vec<(String, String, u64)>,
    /// Mails sent of each variant of a test, and goals credited to it: step, variant, both counts.
    pub variants: Vec<(String, String, u64, u64)>,
    /// What came of the mails.
    pub reactions: Vec<ReactionCount>,
    /// What purchases brought that are credited to its mails.
    pub revenue: Vec<RevenueRow>,
}

/// People at one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub step: String,
    /// Still active there.
    pub active: u64,
    /// Active or ended there, without a row of the ledger for the step.
    pub without_row: u64,
    /// When the first of them is due.
    pub next_due: Option<Instant>,
}

impl Work<'_> {
    /// Counts those who entered a campaign in a period by where they stand.
    pub fn funnel(&self, campaign: CampaignRow, period: Period) -> Result<FunnelCounts> {
        if period == Period::default() { self.tallied(campaign) } else { self.counted(campaign, period) }
    }

    /// Returns how long the one took, in milliseconds, who reached the goal at a rank counted from 0, the fastest first; without
    /// those who were held out, where `some_held_out` says that there are any.
    pub fn goal_time(
        &self,
        campaign: CampaignRow,
        period: Period,
        some_held_out: bool,
        rank: u64,
    ) -> Result<Option<i64>> {
        let (since, until) = bounds(period);
        let text = if some_held_out {
            "SELECT max(0, ended_at - entered_at) FROM enrolments WHERE campaign_id = ?1 AND state = 'goal'
             AND entered_at >= ?2 AND entered_at < ?3 AND (holdout IS NULL OR holdout < 0)
             ORDER BY ended_at - entered_at LIMIT 1 OFFSET ?4"
        } else if period == Period::default() {
            "SELECT max(0, ended_at - entered_at) FROM enrolments WHERE campaign_id = ?1 AND state = 'goal'
             ORDER BY ended_at - entered_at LIMIT 1 OFFSET ?4"
        } else {
            "SELECT max(0, ended_at - entered_at) FROM enrolments WHERE campaign_id = ?1 AND state = 'goal'
             AND entered_at >= ?2 AND entered_at < ?3 ORDER BY ended_at - entered_at LIMIT 1 OFFSET ?4"
        };
        let row = self.sql(text)?.query_row(params![campaign.0, since, until, rank], |row| row.get(0));
        Ok(row.optional()?)
    }

    /// Reads every row of those who entered in a period.
    fn counted(&self, campaign: CampaignRow, period: Period) -> Result<FunnelCounts> {
        let (since, until) = bounds(period);
        let mut counts = FunnelCounts::default();
        let mut statement = self.sql(
            "SELECT state, count(*) FROM enrolments
             WHERE campaign_id = ?1 AND entered_at >= ?2 AND entered_at < ?3 GROUP BY state",
        )?;
        counts.enrolments = statement
            .query_map(params![campaign.0, since, until], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT coalesce(reason, ''), count(*) FROM enrolments
             WHERE campaign_id = ?1 AND state = 'exited' AND entered_at >= ?2 AND entered_at < ?3
             GROUP BY reason ORDER BY count(*) DESC, reason",
        )?;
        counts.exits = statement
            .query_map(params![campaign.0, since, until], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT goal_step, count(*) FROM enrolments
             WHERE campaign_id = ?1 AND state = 'goal' AND entered_at >= ?2 AND entered_at < ?3 GROUP BY goal_step",
        )?;
        counts.goals = statement
            .query_map(params![campaign.0, since, until], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT s.step, s.state, count(*) FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.campaign_id = ?1 AND n.entered_at >= ?2 AND n.entered_at < ?3 GROUP BY s.step, s.state",
        )?;
        let rows = statement.query_map(params![campaign.0, since, until], |row| {
            Ok((row.get(0)?, row.get::<_, usize>(1)?, row.get(2)?))
        })?;
        for row in rows {
            let (step, state, count) = row?;
            counts.sends.push((step, state_at(state)?, count));
        }
        let mut statement = self.sql(
            "SELECT position, sum(state = 'active'),
                    sum(NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = n.id AND s.step = n.position)),
                    min(CASE WHEN state = 'active' THEN due_at END)
             FROM enrolments n WHERE campaign_id = ?1 AND position IS NOT NULL AND entered_at >= ?2 AND entered_at < ?3
             GROUP BY position",
        )?;
        let rows = statement.query_map(params![campaign.0, since, until], |row| {
            Ok(Waiting {
                step: row.get(0)?,
                active: row.get(1)?,
                without_row: row.get(2)?,
                next_due: row.get::<_, Option<i64>>(3)?.map(instant),
            })
        })?;
        counts.waiting = rows.collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT s.step, coalesce(s.reason, ''), count(*) FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.campaign_id = ?1 AND s.state = 6 AND n.entered_at >= ?2 AND n.entered_at < ?3
             GROUP BY s.step, s.reason ORDER BY count(*) DESC, s.reason",
        )?;
        counts.skips = statement
            .query_map(params![campaign.0, since, until], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT s.step, s.variant, count(*), sum(n.state = 'goal' AND n.goal_step IS s.step)
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.campaign_id = ?1 AND s.state = 2 AND s.variant IS NOT NULL AND n.entered_at >= ?2 AND n.entered_at < ?3
             GROUP BY s.step, s.variant ORDER BY s.step, s.variant",
        )?;
        counts.variants = statement
            .query_map(params![campaign.0, since, until], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        counts.reactions = self.reactions(campaign, period)?;
        counts.revenue = self.revenue(campaign, period)?;
        Ok(counts)
    }
}

/// Returns the ends of a period as they are compared in SQL.
pub(super) fn bounds(period: Period) -> (i64, i64) {
    (period.since.map_or(i64::MIN, millis), period.until.map_or(i64::MAX, millis))
}
