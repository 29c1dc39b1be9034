//! Whole tables for other programs, a row at a time and in the order in which they came.

use rusqlite::types::ValueRef;
use serde_json::Value;

use super::funnel::bounds;
use super::{StoreError, Work};
use crate::model::period::Period;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// What contacts did, by when they did it.
    Events,
    /// The ledger, by when each row was last changed.
    Sends,
    /// Passages through campaigns, by when they began.
    Enrolments,
}

impl Table {
    /// Returns the names of its columns.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Events => &["email", "event", "at", "properties"],
            Self::Sends => &[
                "campaign",
                "step",
                "variant",
                "kind",
                "email",
                "round",
                "state",
                "reason",
                "due_at",
                "sent_at",
                "message_id",
                "reactions",
            ],
            Self::Enrolments => &[
                "campaign",
                "email",
                "round",
                "state",
                "position",
                "entered_at",
                "ended_at",
                "goal_step",
                "reason",
                "held_out",
            ],
        }
    }

    /// Says whether a column holds JSON.
    fn is_json(column: &str) -> bool {
        matches!(column, "properties" | "reactions")
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Events => {
                "SELECT c.email, e.name, strftime('%Y-%m-%dT%H:%M:%SZ', e.at / 1000, 'unixepoch'), coalesce(e.properties, '{}')
                 FROM events e JOIN contacts c ON c.id = e.contact_id WHERE e.at >= ?1 AND e.at < ?2 ORDER BY e.id"
            }
            Self::Sends => {
                "SELECT k.name, s.step, s.variant, coalesce(s.kind, 'mail'), c.email, n.round, w.word, s.reason,
                     strftime('%Y-%m-%dT%H:%M:%SZ', s.due_at / 1000, 'unixepoch'),
                     CASE WHEN s.state = 2 THEN strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') END, s.message_id,
                     (SELECT json_group_array(what) FROM reactions WHERE send_id = s.id)
                 FROM sends s JOIN enrolments n ON n.id = s.enrolment_id JOIN contacts c ON c.id = n.contact_id
                     JOIN campaigns k ON k.id = n.campaign_id JOIN send_states w ON w.state = s.state
                 WHERE s.at >= ?1 AND s.at < ?2 ORDER BY s.id"
            }
            Self::Enrolments => {
                "SELECT k.name, c.email, n.round, n.state, n.position, strftime('%Y-%m-%dT%H:%M:%SZ', n.entered_at / 1000, 'unixepoch'),
                     strftime('%Y-%m-%dT%H:%M:%SZ', n.ended_at / 1000, 'unixepoch'), n.goal_step, n.reason,
                     coalesce(n.holdout > 0, 0)
                 FROM enrolments n JOIN contacts c ON c.id = n.contact_id JOIN campaigns k ON k.id = n.campaign_id
                 WHERE n.entered_at >= ?1 AND n.entered_at < ?2 ORDER BY n.id"
            }
        }
    }
}

impl Work<'_> {
    /// Hands out each row of a period as the values of its columns; times are ISO text in UTC.
    pub fn export<E: From<StoreError>>(
        &self,
        table: Table,
        period: Period,
        mut each: impl FnMut(Vec<Value>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (since, until) = bounds(period);
        let mut statement = self.sql(table.sql())?;
        let mut rows = statement.query([since, until]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let mut values = Vec::with_capacity(table.columns().len());
            for (at, column) in table.columns().iter().enumerate() {
                values.push(match row.get_ref(at).map_err(StoreError::from)? {
                    ValueRef::Integer(number) => number.into(),
                    ValueRef::Text(text) => {
                        let text = String::from_utf8_lossy(text);
                        let json = if Table::is_json(column) { serde_json::from_str(&text).ok() } else { None };
                        json.unwrap_or_else(|| text.into())
                    }
                    ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
                });
            }
            each(values)?;
        }
        Ok(())
    }
}
