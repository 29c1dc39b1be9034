//! When the passing of time alone may let a contact into a campaign: an index, so that nobody is
//! looked at before their time.

use chrono::{Datelike, NaiveDate};
use rusqlite::{OptionalExtension, params};

use super::{CampaignRow, Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::ContactId;

/// When to look at a contact for a campaign's sake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    pub contact: ContactId,
    /// `None`: not before something about the contact changes.
    pub at: Option<Instant>,
    /// The day that let the contact in last.
    pub fired: Option<NaiveDate>,
}

impl Work<'_> {
    /// Notes when to look at a contact next.
    pub fn set_watch(&self, campaign: CampaignRow, watch: &Watch) -> Result<()> {
        self.sql(
            "INSERT INTO watches VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (campaign_id, contact_id) DO UPDATE SET at = ?3, fired = ?4",
        )?
        .execute(params![
            campaign.0,
            watch.contact.0,
            watch.at.map(millis),
            watch.fired.map(|day| day.num_days_from_ce())
        ])?;
        Ok(())
    }

    /// Returns the watch over a contact.
    pub fn watch(&self, campaign: CampaignRow, contact: ContactId) -> Result<Option<Watch>> {
        let text = "SELECT contact_id, at, fired FROM watches WHERE campaign_id = ?1 AND contact_id = ?2";
        Ok(self.sql(text)?.query_row(params![campaign.0, contact.0], read).optional()?)
    }

    /// Returns up to `limit` watches that are over, the longest first.
    pub fn due_watches(&self, campaign: CampaignRow, now: Instant, limit: usize) -> Result<Vec<Watch>> {
        let mut statement = self.sql(
            "SELECT contact_id, at, fired FROM watches WHERE campaign_id = ?1 AND at IS NOT NULL AND at <= ?2
             ORDER BY at LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![campaign.0, millis(now), limit], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes for which form of its triggers a campaign's watches were made.
    pub fn set_watched(&self, campaign: CampaignRow, form: &str) -> Result<()> {
        self.sql("UPDATE campaigns SET watched = ?2 WHERE id = ?1")?.execute(params![campaign.0, form])?;
        Ok(())
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Watch> {
    let fired: Option<i32> = row.get(2)?;
    Ok(Watch {
        contact: ContactId(row.get(0)?),
        at: row.get::<_, Option<i64>>(1)?.map(instant),
        fired: fired.and_then(NaiveDate::from_num_days_from_ce_opt),
    })
}
