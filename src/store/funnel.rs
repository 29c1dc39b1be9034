//! The counts behind a funnel.

use std::collections::BTreeMap;

use super::ledger::state_at;
use super::{CampaignRow, Result, Work, instant};
use crate::model::Instant;
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
    /// Counts a campaign's people by where they stand.
    pub fn funnel(&self, campaign: CampaignRow) -> Result<FunnelCounts> {
        let mut counts = FunnelCounts::default();
        let mut statement = self.sql("SELECT state, count(*) FROM enrolments WHERE campaign_id = ?1 GROUP BY state")?;
        counts.enrolments = statement
            .query_map([campaign.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT coalesce(reason, ''), count(*) FROM enrolments WHERE campaign_id = ?1 AND state = 'exited'
             GROUP BY reason ORDER BY count(*) DESC, reason",
        )?;
        counts.exits = statement
            .query_map([campaign.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT goal_step, count(*) FROM enrolments WHERE campaign_id = ?1 AND state = 'goal' GROUP BY goal_step",
        )?;
        counts.goals = statement
            .query_map([campaign.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut statement = self.sql(
            "SELECT s.step, s.state, count(*) FROM enrolments n JOIN sends s ON s.enrolment_id = n.id
             WHERE n.campaign_id = ?1 GROUP BY s.step, s.state",
        )?;
        let rows = statement.query_map([campaign.0], |row| Ok((row.get(0)?, row.get::<_, usize>(1)?, row.get(2)?)))?;
        for row in rows {
            let (step, state, count) = row?;
            counts.sends.push((step, state_at(state)?, count));
        }
        let mut statement = self.sql(
            "SELECT position, sum(state = 'active'),
                    sum(NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = n.id AND s.step = n.position)),
                    min(CASE WHEN state = 'active' THEN due_at END)
             FROM enrolments n WHERE campaign_id = ?1 AND position IS NOT NULL GROUP BY position",
        )?;
        let rows = statement.query_map([campaign.0], |row| {
            Ok(Waiting {
                step: row.get(0)?,
                active: row.get(1)?,
                without_row: row.get(2)?,
                next_due: row.get::<_, Option<i64>>(3)?.map(instant),
            })
        })?;
        counts.waiting = rows.collect::<rusqlite::Result<_>>()?;
        Ok(counts)
    }
}
