//! What came of mails, as reports count it: each thing once for a mail.

use rusqlite::params;
use serde_json::{Map, Value};

use super::funnel::bounds;
use super::{CampaignRow, Result, StoreError, Work};
use crate::model::id::SendId;
use crate::model::period::Period;
use crate::model::reaction::Reaction;

/// Mails of a step and a variant (empty: none) of which something came.
pub type ReactionCount = (String, String, Reaction, u64);

impl Work<'_> {
    /// Notes what came of a mail.
    pub fn note_reaction(&self, send: SendId, reaction: Reaction) -> Result<()> {
        self.sql("INSERT OR IGNORE INTO reactions SELECT id, ?2 FROM sends WHERE id = ?1")?
            .execute(params![send.0, reaction.as_str()])?;
        Ok(())
    }

    /// Takes back what was noted of a mail.
    pub(super) fn forget_reaction(&self, send: SendId, reaction: Reaction) -> Result<()> {
        self.sql("DELETE FROM reactions WHERE send_id = ?1 AND what = ?2")?
            .execute(params![send.0, reaction.as_str()])?;
        Ok(())
    }

    /// Counts what came of the mails to those who entered a campaign in a period.
    pub(super) fn reactions(&self, campaign: CampaignRow, period: Period) -> Result<Vec<ReactionCount>> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(
            "SELECT s.step, coalesce(s.variant, ''), r.what, count(*)
             FROM enrolments n JOIN sends s ON s.enrolment_id = n.id JOIN reactions r ON r.send_id = s.id
             WHERE n.campaign_id = ?1 AND n.entered_at >= ?2 AND n.entered_at < ?3 GROUP BY 1, 2, 3",
        )?;
        let rows = statement.query_map(params![campaign.0, since, until], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?))
        })?;
        rows.map(|row| {
            let (step, variant, what, mails) = row?;
            Ok((step, variant, reaction(&what)?, mails))
        })
        .collect()
    }
}

/// Returns the reaction that a word in a table names.
pub(super) fn reaction(word: &str) -> Result<Reaction> {
    Reaction::from_word(word).ok_or_else(|| StoreError::Row(format!("reaction `{word}`")))
}

/// Returns what an event that came of a mail says of it.
pub(super) fn told_by(event: &str, properties: &Map<String, Value>) -> Option<Reaction> {
    match Reaction::from_word(event) {
        Some(Reaction::Bounced) if properties.get("hard") == Some(&Value::Bool(false)) => Some(Reaction::BouncedForNow),
        other => other,
    }
}
