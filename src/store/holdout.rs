//! Who is held out of a campaign, and what became of them beside the others.

use chrono::TimeDelta;
use rusqlite::params;

use super::enrolments::state_of;
use super::funnel::bounds;
use super::{CampaignRow, Result, Work, millis};
use crate::model::Instant;
use crate::model::enrolment::EnrolmentState;
use crate::model::id::{ContactId, EnrolmentId};
use crate::model::money::Money;
use crate::model::period::Period;

/// Who is counted on either side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// The hundredths that were held out when they entered.
    pub hundredths: u32,
    pub period: Period,
    /// Whoever entered later still has time to reach the goal.
    pub ripe: Instant,
}

/// Those who were held out, or not. Each person counts once, by the first time that they entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// Whose time to reach the goal is over.
    pub people: u64,
    /// Who of them reached it, whether they were still inside or not.
    pub goals: u64,
    /// Who still has time.
    pub unripe: u64,
}

/// The passage is the first one of its person while anybody was held out. Who entered under another share before is left out: at that
/// one they may have been mailed.
const IS_FIRST: &str = "NOT EXISTS (SELECT 1 FROM enrolments o WHERE o.contact_id = n.contact_id
     AND o.campaign_id = n.campaign_id AND o.round < n.round AND o.holdout IS NOT NULL)";

impl Work<'_> {
    /// Counts who was held out, and who was not.
    pub fn held_out_groups(&self, campaign: CampaignRow, compared: &Compared) -> Result<(Group, Group)> {
        let (since, until) = bounds(compared.period);
        let mut statement = self.sql(&format!(
            "SELECT coalesce(sum(entered_at <= ?5), 0), coalesce(sum(entered_at > ?5), 0),
                    coalesce(sum(entered_at <= ?5 AND (state = 'goal' OR won_at IS NOT NULL)), 0)
             FROM enrolments n INDEXED BY enrolments_holdout
             WHERE campaign_id = ?1 AND holdout = ?2 AND entered_at >= ?3 AND entered_at < ?4 AND {IS_FIRST}"
        ))?;
        let mut group = |mark: i64| {
            statement.query_row(params![campaign.0, mark, since, until, millis(compared.ripe)], |row| {
                Ok(Group { people: row.get(0)?, unripe: row.get(1)?, goals: row.get(2)? })
            })
        };
        let mark = i64::from(compared.hundredths);
        Ok((group(mark)?, group(-mark)?))
    }

    /// Tells what each of those whose time is over bought up to so long after they entered: whether they were held out, how many
    /// purchases, and for how much. Who bought nothing is left out.
    pub fn bought_beside(
        &self,
        campaign: CampaignRow,
        compared: &Compared,
        within: TimeDelta,
        mut each: impl FnMut(bool, u64, Money),
    ) -> Result<()> {
        let Some(by) = self.crediting()? else { return Ok(()) };
        let (since, until) = bounds(compared.period);
        // In the order of the passages, so that what one person bought stands together.
        let mut statement = self.sql(&format!(
            "SELECT n.id, e.properties FROM enrolments n INDEXED BY enrolments_holdout
             CROSS JOIN events e ON e.contact_id = n.contact_id AND e.name = ?6 AND e.at > n.entered_at AND e.at <= n.entered_at + ?7
             WHERE n.campaign_id = ?1 AND n.holdout = ?2 AND n.entered_at >= ?3 AND n.entered_at < ?4 AND n.entered_at <= ?5
             AND {IS_FIRST}"
        ))?;
        let mark = i64::from(compared.hundredths);
        for mark in [mark, -mark] {
            let mut rows = statement.query(params![
                campaign.0,
                mark,
                since,
                until,
                millis(compared.ripe),
                by.event,
                within.num_milliseconds()
            ])?;
            let mut person: Option<(i64, u64, Money)> = None;
            while let Some(row) = rows.next()? {
                let (id, amount) = (row.get(0)?, by.amount_of(row.get_ref(1)?));
                match &mut person {
                    Some((known, purchases, sum)) if *known == id => {
                        *purchases += 1;
                        *sum += amount;
                    }
                    _ => {
                        if let Some((_, purchases, sum)) = person.replace((id, 1, amount)) {
                            each(mark > 0, purchases, sum);
                        }
                    }
                }
            }
            if let Some((_, purchases, sum)) = person {
                each(mark > 0, purchases, sum);
            }
        }
        Ok(())
    }

    /// Counts everyone who was ever held out by state, and why they left: a funnel tells of the others alone.
    pub fn held_out(&self, campaign: CampaignRow, period: Period) -> Result<Vec<(EnrolmentState, String, u64)>> {
        let (since, until) = bounds(period);
        // Left to itself SQLite takes the index by the time of entry, and so goes through everybody; most campaigns hold nobody out.
        let mut statement = self.sql(
            "SELECT state, coalesce(reason, ''), count(*) FROM enrolments INDEXED BY enrolments_holdout
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
