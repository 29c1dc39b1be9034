//! Who is held out of a campaign, and what became of them beside the others.

use rusqlite::params;

use super::enrolments::state_of;
use super::funnel::bounds;
use super::{CampaignRow, Result, Work, millis};
use crate::model::Instant;
use crate::model::enrolment::EnrolmentState;
use crate::model::id::{ContactId, EnrolmentId};
use crate::model::period::Period;

/// Those who were held out, or not, at a share of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    pub people: u64,
    /// Who reached the goal in its time, whether they were still inside or not.
    pub goals: u64,
}

impl Work<'_> {
    /// Counts those who entered while so many hundredths were held out: who was, and who was not.
    pub fn held_out_groups(&self, campaign: CampaignRow, hundredths: u32, period: Period) -> Result<(Group, Group)> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(
            "SELECT count(*), coalesce(sum(state = 'goal' OR won_at IS NOT NULL), 0) FROM enrolments
             WHERE campaign_id = ?1 AND holdout = ?2 AND entered_at >= ?3 AND entered_at < ?4",
        )?;
        let mut group = |mark: i64| {
            statement.query_row(params![campaign.0, mark, since, until], |row| {
                Ok(Group { people: row.get(0)?, goals: row.get(1)? })
            })
        };
        let mark = i64::from(hundredths);
        Ok((group(mark)?, group(-mark)?))
    }

    /// Counts everyone who was ever held out by state, and why they left: a funnel tells of the others alone.
    pub fn held_out(&self, campaign: CampaignRow, period: Period) -> Result<Vec<(EnrolmentState, String, u64)>> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(
            "SELECT state, coalesce(reason, ''), count(*) FROM enrolments
             WHERE campaign_id = ?1 AND holdout > 0 AND entered_at >= ?2 AND entered_at < ?3 GROUP BY 1, 2",
        )?;
        let mut rows = statement.query(params![campaign.0, since, until])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((state_of(row.get_ref(0)?.as_str().unwrap_or_default())?, row.get(1)?, row.get(2)?));
        }
        Ok(found)
    }

    /// Says whether anybody was ever held out of a campaign.
    pub(super) fn holds_out(&self, campaign: CampaignRow) -> Result<bool> {
        let text = "SELECT EXISTS (SELECT 1 FROM enrolments WHERE campaign_id = ?1 AND holdout > 0)";
        Ok(self.sql(text)?.query_row([campaign.0], |row| row.get(0))?)
    }

    /// Returns a contact's passages through a campaign with a hold-out that ended before their goal, and may still reach it.
    pub fn left_before_goal(&self, contact: ContactId, campaign: CampaignRow) -> Result<Vec<EnrolmentId>> {
        let mut statement = self.sql(
            "SELECT id FROM enrolments WHERE contact_id = ?1 AND campaign_id = ?2
             AND state = 'exited' AND holdout IS NOT NULL AND won_at IS NULL",
        )?;
        let rows = statement.query_map(params![contact.0, campaign.0], |row| Ok(EnrolmentId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that somebody reached the goal who had left before.
    pub fn note_won(&self, id: EnrolmentId, at: Instant) -> Result<()> {
        self.sql("UPDATE enrolments SET won_at = ?2 WHERE id = ?1")?.execute(params![id.0, millis(at)])?;
        Ok(())
    }
}
