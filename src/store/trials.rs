//! Tests of contents: since when each is as it is, what came of its mails, and the looks that were taken at it.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::{CampaignRow, Result, StoreError, Work, instant, millis};
use crate::model::trial::{Looked, Tried};

impl Work<'_> {
    /// Returns the contents that a step tests, by the file that people were last sent by, and since which hour.
    pub fn tested(&self, campaign: CampaignRow, step: &str) -> Result<Option<(String, i64)>> {
        Ok(self
            .sql("SELECT contents, since FROM tests WHERE campaign_id = ?1 AND step = ?2")?
            .query_row(params![campaign.0, step], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// Notes the contents that a step tests from an hour on. What was found of others is of no use any more.
    pub fn set_tested(&self, campaign: CampaignRow, step: &str, contents: &str, since: i64) -> Result<()> {
        self.sql("DELETE FROM looks WHERE campaign_id = ?1 AND step = ?2")?.execute(params![campaign.0, step])?;
        self.sql(
            "INSERT INTO tests VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET contents = excluded.contents, since = excluded.since",
        )?
        .execute(params![campaign.0, step, contents, since])?;
        Ok(())
    }

    /// Counts what came of a test's mails that left from one hour on and before another. Hours count since 1970.
    pub fn tried(&self, campaign: CampaignRow, step: &str, since: i64, until: i64) -> Result<Vec<Tried>> {
        let mut statement = self.sql(
            "SELECT variant, sum(sent), sum(goals), sum(clicks) FROM trials
             WHERE campaign_id = ?1 AND step = ?2 AND hour >= ?3 AND hour < ?4 GROUP BY variant",
        )?;
        let rows = statement.query_map(params![campaign.0, step, since, until], |row| {
            Ok(Tried { variant: row.get(0)?, sent: row.get(1)?, goals: row.get(2)?, clicks: row.get(3)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the looks that were taken at a step's test by a rule, the first one first.
    pub fn looks(&self, campaign: CampaignRow, step: &str, rule: &str) -> Result<Vec<Looked>> {
        let mut statement = self.sql(
            "SELECT number, at, confidence, counts, winner FROM looks
             WHERE campaign_id = ?1 AND step = ?2 AND rule = ?3 ORDER BY number",
        )?;
        let mut rows = statement.query(params![campaign.0, step, rule])?;
        let mut looks = Vec::new();
        while let Some(row) = rows.next()? {
            let counts: String = row.get(3)?;
            let counts: Vec<(String, u64, u64)> =
                serde_json::from_str(&counts).map_err(|_| StoreError::Row(format!("counts of a look: {counts}")))?;
            looks.push(Looked {
                number: row.get(0)?,
                at: instant(row.get(1)?),
                confidence: row.get(2)?,
                counts,
                winner: row.get(4)?,
            });
        }
        Ok(looks)
    }

    /// Notes a look, once and for all.
    pub fn take_look(&self, campaign: CampaignRow, step: &str, rule: &str, look: &Looked) -> Result<()> {
        self.sql("INSERT OR IGNORE INTO looks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(params![
            campaign.0,
            step,
            rule,
            look.number,
            millis(look.at),
            look.confidence,
            json!(look.counts).to_string(),
            look.winner
        ])?;
        Ok(())
    }
}
