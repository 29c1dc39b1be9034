//! Everything drip holds of one person, table by table: what they may ask for (GDPR art. 15 and 20).

use rusqlite::params;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};

use super::{Result, Work};
use crate::model::address::Address;
use crate::model::id::ContactId;

/// The tables of a person's dossier: its name there, and its rows, with instants as ISO text in UTC.
const TABLES: [(&str, &str); 8] = [
    (
        "consent",
        "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch') AS at, consent, reason
         FROM consent_changes WHERE contact_id = ?1 ORDER BY consent_changes.at, rowid",
    ),
    (
        "suppression",
        "SELECT kind, value, reason, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch') AS at FROM suppressions
         WHERE value IN (?2, ?3, '@' || ?3) AND ?1 = ?1 ORDER BY kind",
    ),
    (
        "events",
        "SELECT name AS event, strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch') AS at, json(properties) AS properties
         FROM events WHERE contact_id = ?1 ORDER BY events.at, id",
    ),
    (
        "enrolments",
        "SELECT k.name AS campaign, n.round, n.state, n.reason, n.position AS step,
                strftime('%Y-%m-%dT%H:%M:%SZ', n.entered_at / 1000, 'unixepoch') AS entered_at,
                strftime('%Y-%m-%dT%H:%M:%SZ', n.ended_at / 1000, 'unixepoch') AS ended_at, n.goal_step
         FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id WHERE n.contact_id = ?1 ORDER BY n.entered_at, n.id",
    ),
    (
        "sends",
        "SELECT k.name AS campaign, n.round, s.step, s.variant, coalesce(s.kind, 'mail') AS kind, w.word AS state, s.reason,
                strftime('%Y-%m-%dT%H:%M:%SZ', s.due_at / 1000, 'unixepoch') AS due_at,
                strftime('%Y-%m-%dT%H:%M:%SZ', s.at / 1000, 'unixepoch') AS at, s.attempts, s.message_id
         FROM sends s JOIN enrolments n ON n.id = s.enrolment_id JOIN campaigns k ON k.id = n.campaign_id
              JOIN send_states w ON w.state = s.state WHERE n.contact_id = ?1 ORDER BY s.at, s.id",
    ),
    (
        "standing",
        "SELECT stage, strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000, 'unixepoch') AS since, levels AS points,
                (SELECT group_concat(name, ' ') FROM segments WHERE id IN (SELECT value FROM json_each(standings.segments))) AS segments,
                strftime('%Y-%m-%dT%H:%M:%SZ', looked_at / 1000, 'unixepoch') AS looked_at
         FROM standings WHERE contact_id = ?1",
    ),
    (
        "stages",
        "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch') AS at, was AS \"from\", stage AS \"to\"
         FROM stage_changes WHERE contact_id = ?1 ORDER BY stage_changes.at",
    ),
    (
        "matches",
        "SELECT k.name AS campaign FROM members m JOIN campaigns k ON k.id = m.campaign_id WHERE m.contact_id = ?1 ORDER BY 1",
    ),
];

impl Work<'_> {
    /// Returns what stands in every table about a contact, beside the contact itself.
    pub fn dossier(&self, id: ContactId, address: &Address) -> Result<Map<String, Value>> {
        let mut dossier = Map::new();
        for (name, text) in TABLES {
            let mut statement = self.sql(text)?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let read = |row: &rusqlite::Row<'_>| {
                let cells = columns.iter().enumerate().map(|(index, name)| {
                    let cell = json(name, row.get_ref(index)?);
                    Ok((name.clone(), cell))
                });
                cells.collect::<rusqlite::Result<Map<_, _>>>().map(Value::Object)
            };
            let rows = if text.contains("?2") {
                let bound = params![id.0, address.key(), address.domain()];
                statement.query_map(bound, read)?.collect::<rusqlite::Result<Vec<_>>>()?
            } else {
                statement.query_map([id.0], read)?.collect::<rusqlite::Result<Vec<_>>>()?
            };
            dossier.insert(name.to_owned(), Value::Array(rows));
        }
        Ok(dossier)
    }
}

fn json(column: &str, cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) if column == "properties" => serde_json::from_slice(text).unwrap_or(Value::Null),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}
