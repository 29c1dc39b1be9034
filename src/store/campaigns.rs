//! What the store knows of the campaign files: when each appeared, and whether it changed since.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::contact::Consent;
use crate::model::id::{CampaignId, EnrolmentId};
use crate::model::send::SendRecord;

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
    /// Why nothing of it is sent.
    pub paused: Option<String>,
    pub paused_by: Option<PausedBy>,
    /// The steps in the file that people were last sent by, one a line: the id, and what the step sends.
    pub steps: Option<String>,
    /// For which form of its tag and segment triggers it is known who matches.
    pub triggers: Option<String>,
    /// Whether what happened before its file was there is still to be looked at.
    pub history: bool,
    /// Whose consent its mails needed, by the file that people were last sent by.
    pub audience: Consent,
}

/// Who stopped a campaign's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedBy {
    /// A person, until they resume it.
    Hand,
    /// Refusals of the relay, until the file changes.
    Relay,
    /// A change of the file that must be explained there, or resumed.
    Edit,
}

impl PausedBy {
    const ALL: [(Self, &str); 3] = [(Self::Hand, "hand"), (Self::Relay, "relay"), (Self::Edit, "edit")];
}

const COLUMNS: &str = "id, name, fingerprint, first_seen_at, first_event, silences_at, watched, paused, paused_by, steps, triggers, history, audience";

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

    /// Notes a campaign's new fingerprint, lifts a pause that no person asked for, and has everyone in it looked at anew; returns how many that are.
    pub fn campaign_changed(&self, row: CampaignRow, fingerprint: &str, now: Instant) -> Result<usize> {
        self.sql(
            "UPDATE campaigns SET fingerprint = ?2, paused = iif(paused_by = 'hand', paused, NULL),
                 paused_by = iif(paused_by = 'hand', paused_by, NULL) WHERE id = ?1",
        )?
        .execute(params![row.0, fingerprint])?;
        Ok(self
            .sql("UPDATE enrolments SET due_at = ?2 WHERE campaign_id = ?1 AND state = 'active' AND (due_at IS NULL OR due_at > ?2)")?
            .execute(params![row.0, millis(now)])?)
    }

    /// Notes what a reader refuses who wants nothing of a campaign, and whose consent its mails need.
    pub fn set_reach(&self, row: CampaignRow, subject: &str, audience: Consent) -> Result<()> {
        self.sql(
            "UPDATE campaigns SET subject = ?2, audience = ?3 WHERE id = ?1 AND (subject <> ?2 OR audience <> ?3)",
        )?
        .execute(params![row.0, subject, audience.as_str()])?;
        Ok(())
    }

    /// Notes that silences were looked at.
    pub fn set_silences_at(&self, row: CampaignRow, at: Instant) -> Result<()> {
        self.sql("UPDATE campaigns SET silences_at = ?2 WHERE id = ?1")?.execute(params![row.0, millis(at)])?;
        Ok(())
    }

    /// Stops a campaign's mail with a reason, or lets it go on.
    pub fn set_paused(&self, row: CampaignRow, pause: Option<(PausedBy, &str)>) -> Result<()> {
        let by = pause.and_then(|(by, _)| PausedBy::ALL.iter().find(|(known, _)| *known == by).map(|(_, word)| word));
        // Who resumes a campaign that an edit stopped accepts the edit.
        self.sql(
            "UPDATE campaigns SET paused = ?2, paused_by = ?3,
                 steps = iif(?2 IS NULL AND paused_by = 'edit', NULL, steps) WHERE id = ?1",
        )?
        .execute(params![row.0, pause.map(|(_, reason)| reason), by])?;
        Ok(())
    }

    /// Notes whether what happened before a campaign's file was there is still to be looked at.
    pub fn set_history(&self, row: CampaignRow, history: bool) -> Result<()> {
        self.sql("UPDATE campaigns SET history = ?2 WHERE id = ?1")?.execute(params![row.0, history])?;
        Ok(())
    }

    /// Says why a campaign is paused at this moment, if it is.
    pub fn paused(&self, row: CampaignRow) -> Result<Option<String>> {
        Ok(self.sql("SELECT paused FROM campaigns WHERE id = ?1")?.query_row([row.0], |row| row.get(0))?)
    }

    /// Notes the form of the triggers for which it is known who matches.
    pub fn set_triggers(&self, row: CampaignRow, form: &str) -> Result<()> {
        self.sql("UPDATE campaigns SET triggers = ?2 WHERE id = ?1")?.execute(params![row.0, form])?;
        Ok(())
    }

    /// Has everything that was noted of a step stand under its new id, so that its old one may be forgotten.
    pub fn rename_step(&self, row: CampaignRow, old: &str, new: &str) -> Result<()> {
        self.sql(
            "UPDATE OR IGNORE sends SET step = ?3
             WHERE step = ?2 AND enrolment_id IN (SELECT id FROM enrolments WHERE campaign_id = ?1)",
        )?
        .execute(params![row.0, old, new])?;
        self.sql("UPDATE enrolments SET position = ?3 WHERE campaign_id = ?1 AND position = ?2")?
            .execute(params![row.0, old, new])?;
        self.sql("UPDATE enrolments SET left_at = ?3 WHERE campaign_id = ?1 AND left_at = ?2")?
            .execute(params![row.0, old, new])?;
        for table in ["tests", "looks"] {
            self.sql(&format!("UPDATE OR IGNORE {table} SET step = ?3 WHERE campaign_id = ?1 AND step = ?2"))?
                .execute(params![row.0, old, new])?;
        }
        self.sql("UPDATE enrolments SET goal_step = ?3 WHERE campaign_id = ?1 AND goal_step = ?2")?
            .execute(params![row.0, old, new])?;
        Ok(())
    }

    /// Notes a campaign's steps, one a line.
    pub fn set_steps(&self, row: CampaignRow, steps: &str) -> Result<()> {
        self.sql("UPDATE campaigns SET steps = ?2 WHERE id = ?1")?.execute(params![row.0, steps])?;
        Ok(())
    }

    /// Shows the ledger of each person inside a campaign, one person at a time.
    pub fn histories(&self, row: CampaignRow, see: &mut dyn FnMut(&[SendRecord])) -> Result<()> {
        let mut statement = self.sql("SELECT id FROM enrolments WHERE campaign_id = ?1 AND state = 'active'")?;
        let mut rows = statement.query([row.0])?;
        while let Some(row) = rows.next()? {
            see(&self.sends_of(EnrolmentId(row.get(0)?))?);
        }
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
        paused_by: PausedBy::ALL
            .iter()
            .find(|(_, word)| row.get_ref(8).ok().and_then(|value| value.as_str().ok()) == Some(*word))
            .map(|(by, _)| *by),
        steps: row.get(9)?,
        triggers: row.get(10)?,
        history: row.get(11)?,
        audience: Consent::from_word(row.get_ref(12)?.as_str()?).unwrap_or(Consent::Subscribed),
    })
}
