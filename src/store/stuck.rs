//! Mails that wait for a person: held, because they could not be rendered, or of unknown fate.

use rusqlite::params;

use super::ledger::{index_of, state_at};
use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::{CampaignId, SendId};
use crate::model::send::SendState;

/// A mail that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub send: SendId,
    pub campaign: CampaignId,
    pub step: String,
    pub email: String,
    pub state: SendState,
    pub at: Instant,
    pub reason: Option<String>,
    /// Without the brackets.
    pub message_id: Option<String>,
}

impl Work<'_> {
    /// Returns every mail that waits for a person, the oldest first.
    pub fn all_stuck(&self) -> Result<Vec<Stuck>> {
        let mut statement = self.sql(
            "SELECT s.id, k.name, s.step, c.email, s.state, s.at, s.reason, s.message_id
             FROM open_sends s CROSS JOIN enrolments n ON n.id = s.enrolment_id JOIN contacts c ON c.id = n.contact_id
                  JOIN campaigns k ON k.id = n.campaign_id
             WHERE s.state IN (5, 7) ORDER BY s.at, s.id",
        )?;
        let mut rows = statement.query([])?;
        let mut stuck = Vec::new();
        while let Some(row) = rows.next()? {
            stuck.push(Stuck {
                send: SendId(row.get(0)?),
                campaign: CampaignId::new(row.get_ref(1)?.as_str().unwrap_or_default()),
                step: row.get(2)?,
                email: row.get(3)?,
                state: state_at(row.get(4)?)?,
                at: instant(row.get(5)?),
                reason: row.get(6)?,
                message_id: row.get(7)?,
            });
        }
        Ok(stuck)
    }

    /// Closes a mail that waits for a person; says whether it still did.
    pub fn settle(&self, send: SendId, state: SendState, now: Instant) -> Result<bool> {
        let settled = self
            .sql("UPDATE sends SET state = ?2, reason = 'settled by hand' WHERE id = ?1 AND state IN (5, 7)")?
            .execute(params![send.0, index_of(state)])?;
        // It waits for this step no longer; the next run finds for which.
        self.sql(
            "UPDATE enrolments SET position = NULL
             WHERE (id, position) = (SELECT enrolment_id, step FROM sends WHERE id = ?1) AND state = 'active'",
        )?
        .execute([send.0])?;
        self.wake_of(send, now)?;
        self.credit_contact_of(send)?;
        Ok(settled == 1)
    }

    /// Has the next run send a mail that waits for a person; says whether that can be.
    ///
    /// A mail of unknown fate can go again only as long as nothing came after it: a sequence never runs backwards.
    pub fn send_again(&self, send: SendId, now: Instant) -> Result<bool> {
        let reopened = self
            .sql(
                "UPDATE sends SET state = CASE state WHEN 7 THEN 3 ELSE state END, reason = 'to be sent again', retry_at = NULL,
                        attempts = 0, tried_at = NULL
                 WHERE id = ?1 AND state IN (5, 7)
                 AND (state = 5 OR NOT EXISTS (SELECT 1 FROM sends later WHERE later.enrolment_id = sends.enrolment_id
                                               AND (later.at, later.id) > (sends.at, sends.id) AND later.state NOT IN (3, 5)))
                 AND EXISTS (SELECT 1 FROM enrolments n WHERE n.id = sends.enrolment_id AND n.state IN ('active', 'finished')
                             AND NOT EXISTS (SELECT 1 FROM enrolments m WHERE m.contact_id = n.contact_id
                                             AND m.campaign_id = n.campaign_id AND m.round > n.round))",
            )?
            .execute([send.0])?;
        if reopened == 0 {
            return Ok(false);
        }
        // Its last mail ended the sequence.
        self.sql(
            "UPDATE enrolments SET state = 'active', ended_at = NULL, reason = NULL, due_at = ?2
             WHERE id = (SELECT enrolment_id FROM sends WHERE id = ?1)",
        )?
        .execute(params![send.0, millis(now)])?;
        self.credit_contact_of(send)?;
        Ok(true)
    }

    fn wake_of(&self, send: SendId, now: Instant) -> Result<()> {
        self.sql(
            "UPDATE enrolments SET due_at = min(coalesce(due_at, ?2), ?2)
             WHERE id = (SELECT enrolment_id FROM sends WHERE id = ?1) AND state = 'active'
             AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.enrolment_id = enrolments.id AND s.state IN (0, 1))",
        )?
        .execute(params![send.0, millis(now)])?;
        Ok(())
    }
}
