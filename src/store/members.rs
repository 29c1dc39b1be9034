//! Who matched a campaign's tag and segment triggers when last looked at: so that becoming true is seen.

use rusqlite::params;

use super::{CampaignRow, Result, Work};
use crate::model::id::ContactId;

impl Work<'_> {
    /// Notes whether a contact matches; returns whether that became so just now.
    pub fn set_member(&self, campaign: CampaignRow, contact: ContactId, matches: bool) -> Result<bool> {
        let text = if matches {
            "INSERT INTO members (campaign_id, contact_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM members WHERE campaign_id = ?1 AND contact_id = ?2"
        };
        let rows = self.sql(text)?.execute(params![campaign.0, contact.0])?;
        Ok(matches && rows == 1)
    }
}
