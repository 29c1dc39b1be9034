//! What the store knows of the campaign files: when each appeared, and whether it changed since.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::CampaignId;

/// A campaign's row number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignRow(pub i64);

/// What the store knows of a campaign.
#[derive(Debug, Clone)]
pub struct KnownCampaign {
    pub row: CampaignRow,
    pub id: CampaignId,
    pub fingerprint: String,
    pub first_seen_at: Instant,
    /// The last event that was there before the campaign file was.
    pub first_event: i64,
    /// When silences were last looked at.
    pub silences_at: Option<Instant>,
    /// For which form of its triggers the watches over its contacts were made.
    pub watched: Option<String>,
    pub paused: Option<String>,
}

const COLUMNS: &str = "id, name, fingerprint, first_seen_at, first_event, silences_at, watched, paused";

impl Work<'_> {
    /// Returns every campaign that was ever seen, by name.
    pub fn campaigns(&self) -> Result<Vec<KnownCampaign>> {
        let mut statement = self.sql(&format!("SELECT {COLUMNS} FROM campaigns ORDER BY name"))?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns a campaign by its id.
    pub fn campaign(&self, id: &CampaignId) -> Result<Option<KnownCampaign>> {
        let text = format!("SELECT {COLUMNS} FROM campaigns WHERE name = ?1");
        Ok(self.sql(&text)?.query_row([id.as_str()], read).optional()?)
    }

    /// Notes a campaign that was not there before.
    pub fn add_campaign(&self, id: &CampaignId, fingerprint: &str, now: Instant) -> Result<KnownCampaign> {
        self.sql(
            "INSERT INTO campaigns (name, fingerprint, first_seen_at, first_event)
             VALUES (?1, ?2, ?3, coalesce((SELECT max(id) FROM events), 0))",
        )?
        .execute(params![id.as_str(), fingerprint, millis(now)])?;
        let text = format!("SELECT {COLUMNS} FROM campaigns WHERE name = ?1");
        Ok(self.sql(&text)?.query_row([id.as_str()], read)?)
    }

    /// Notes a campaign's new fingerprint, and has everyone in it looked at anew; returns how many that are.
    pub fn campaign_changed(&self, row: CampaignRow, fingerprint: &str, now: Instant) -> Result<usize> {
        self.sql("UPDATE campaigns SET fingerprint = ?2, paused = NULL WHERE id = ?1")?
            .execute(params![row.0, fingerprint])?;
        Ok(self
            .sql("UPDATE enrolments SET due_at = ?2 WHERE campaign_id = ?1 AND state = 'active' AND (due_at IS NULL OR due_at > ?2)")?
            .execute(params![row.0, millis(now)])?)
    }

    /// Notes that silences were looked at.
    pub fn set_silences_at(&self, row: CampaignRow, at: Instant) -> Result<()> {
        self.sql("UPDATE campaigns SET silences_at = ?2 WHERE id = ?1")?.execute(params![row.0, millis(at)])?;
        Ok(())
    }

    /// Stops a campaign's mail with a reason, or lets it go on.
    pub fn set_paused(&self, row: CampaignRow, reason: Option<&str>) -> Result<()> {
        self.sql("UPDATE campaigns SET paused = ?2 WHERE id = ?1")?.execute(params![row.0, reason])?;
        Ok(())
    }

    /// Returns how many people are inside a campaign.
    pub fn active_in(&self, row: CampaignRow) -> Result<u64> {
        let text = "SELECT count(*) FROM enrolments WHERE campaign_id = ?1 AND state = 'active'";
        Ok(self.sql(text)?.query_row([row.0], |row| row.get(0))?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<KnownCampaign> {
    Ok(KnownCampaign {
        row: CampaignRow(row.get(0)?),
        id: CampaignId::new(row.get_ref(1)?.as_str()?),
        fingerprint: row.get(2)?,
        first_seen_at: instant(row.get(3)?),
        first_event: row.get(4)?,
        silences_at: row.get::<_, Option<i64>>(5)?.map(instant),
        watched: row.get(6)?,
        paused: row.get(7)?,
    })
}
