//! Events: what contacts did, and which of it a run has looked at.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use rusqlite::{Row, params};
use serde_json::{Map, Value};

use super::{Result, Work, instant, millis};
use crate::model::Instant;
use crate::model::event::Event;
use crate::model::id::{ContactId, EventId};

/// An event to record.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    pub contact: ContactId,
    pub name: &'a str,
    pub at: Instant,
    pub properties: &'a Map<String, Value>,
}

/// What became of a [`NewEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventChange {
    Added,
    /// It is there already.
    Known,
}

/// An event that no run has looked at.
#[derive(Debug, Clone)]
pub struct UnseenEvent {
    pub contact: ContactId,
    pub event: Event,
}

/// The events of one import, among which several of one moment are told apart.
#[derive(Debug)]
pub struct EventBatch {
    /// The last event from before.
    before: i64,
    /// For a contact, name and moment that came more than once: the next millisecond to try, and hashes of what came.
    same: HashMap<(i64, String, i64), (i64, HashSet<u64>)>,
}

fn hash(properties: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    properties.hash(&mut hasher);
    hasher.finish()
}

impl Work<'_> {
    /// Records an event; the same name at the same time by the same contact is the same event.
    ///
    /// Exports of orders often know days alone: of several in one `batch` that differ, each is an event of its own, a
    /// millisecond after the one before it.
    pub fn add_event(&self, event: &NewEvent<'_>, batch: Option<&mut EventBatch>) -> Result<EventChange> {
        let properties = (!event.properties.is_empty()).then(|| serde_json::to_string(event.properties).ok()).flatten();
        let at = millis(event.at);
        if self.insert_event(event, at, properties.as_deref())? {
            return Ok(EventChange::Added);
        }
        let Some(batch) = batch else { return self.add_beside(event, at, properties.as_deref()) };
        let (id, known): (i64, Option<String>) = self
            .sql("SELECT id, properties FROM events WHERE contact_id = ?1 AND name = ?2 AND at = ?3")?
            .query_row(params![event.contact.0, event.name, at], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if id <= batch.before {
            return Ok(EventChange::Known);
        }
        let key = (event.contact.0, event.name.to_owned(), at);
        let (next, seen) = batch.same.entry(key).or_insert_with(|| (at + 1, HashSet::from([hash(known.as_deref())])));
        if !seen.insert(hash(properties.as_deref())) {
            return Ok(EventChange::Known);
        }
        while !self.insert_event(event, *next, properties.as_deref())? {
            *next += 1;
        }
        *next += 1;
        Ok(EventChange::Added)
    }

    /// Records an event beside others of its moment, unless one of them is the same.
    fn add_beside(&self, event: &NewEvent<'_>, mut at: i64, properties: Option<&str>) -> Result<EventChange> {
        loop {
            let known: Option<String> = self
                .sql("SELECT properties FROM events WHERE contact_id = ?1 AND name = ?2 AND at = ?3")?
                .query_row(params![event.contact.0, event.name, at], |row| row.get(0))?;
            if known.as_deref() == properties {
                return Ok(EventChange::Known);
            }
            at += 1;
            if self.insert_event(event, at, properties)? {
                return Ok(EventChange::Added);
            }
        }
    }

    fn insert_event(&self, event: &NewEvent<'_>, at: i64, properties: Option<&str>) -> Result<bool> {
        let rows = self
            .sql(
                "INSERT INTO events (contact_id, name, at, properties) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![event.contact.0, event.name, at, properties])?;
        if rows == 1 {
            let id = EventId(self.transaction.last_insert_rowid());
            self.credit_event(id, event.contact, event.name, instant(at), event.properties)?;
        }
        Ok(rows == 1)
    }

    /// Begins to tell the events of an import from those that are there.
    pub fn event_batch(&self) -> Result<EventBatch> {
        let before = self.sql("SELECT coalesce(max(id), 0) FROM events")?.query_row([], |row| row.get(0))?;
        Ok(EventBatch { before, same: HashMap::new() })
    }

    /// Returns up to `limit` events up to `now` that no run has looked at, oldest first.
    pub fn unseen_events(&self, now: Instant, limit: usize) -> Result<Vec<UnseenEvent>> {
        let mut statement = self.sql(
            "SELECT id, name, at, properties, contact_id FROM events WHERE seen = 0 AND at <= ?1 ORDER BY at, id LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![millis(now), limit], |row| {
            Ok(UnseenEvent { contact: ContactId(row.get(4)?), event: read(row)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns up to `limit` events of a name that a run has looked at, those before a time and row, latest first.
    pub fn seen_events(&self, name: &str, before: (Instant, EventId), limit: usize) -> Result<Vec<UnseenEvent>> {
        let mut statement = self.sql(
            "SELECT id, name, at, properties, contact_id FROM events
             WHERE name = ?1 AND seen = 1 AND (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT ?4",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![name, millis(before.0), before.1.0, limit], |row| {
            Ok(UnseenEvent { contact: ContactId(row.get(4)?), event: read(row)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Says that a run has looked at an event.
    pub fn set_seen(&self, id: EventId) -> Result<()> {
        self.sql("UPDATE events SET seen = 1 WHERE id = ?1")?.execute([id.0])?;
        Ok(())
    }

    /// Returns a contact's events up to `now`, oldest first.
    pub fn events_of(&self, contact: ContactId, now: Instant) -> Result<Vec<Event>> {
        Ok(self.events_around(contact, now)?.0)
    }

    /// Returns a contact's events up to `now`, oldest first, and when the next one happens, where it is known already.
    pub fn events_around(&self, contact: ContactId, now: Instant) -> Result<(Vec<Event>, Option<Instant>)> {
        // Sorted here: for the few events of one person SQLite's sorter takes longer than reading them.
        let mut statement = self.sql("SELECT id, name, at, properties FROM events WHERE contact_id = ?1")?;
        let mut events = statement.query_map([contact.0], read)?.collect::<rusqlite::Result<Vec<Event>>>()?;
        events.sort_unstable_by_key(|event| (event.at, event.id));
        let later = events.split_off(events.partition_point(|event| event.at <= now));
        Ok((events, later.first().map(|event| event.at)))
    }

    /// Returns a contact's events up to `now` that a run has looked at, and one that none has, oldest first.
    pub fn seen_events_of(&self, contact: ContactId, and: EventId, now: Instant) -> Result<Vec<Event>> {
        let mut statement = self.sql(
            "SELECT id, name, at, properties FROM events WHERE contact_id = ?1 AND at <= ?2 AND (seen = 1 OR id = ?3)
             ORDER BY at, id",
        )?;
        let rows = statement.query_map(params![contact.0, millis(now), and.0], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns a contact's events of a name since a time, oldest first.
    pub fn events_since(&self, contact: ContactId, name: &str, since: Instant) -> Result<Vec<Event>> {
        let mut statement = self.sql(
            "SELECT id, name, at, properties FROM events WHERE contact_id = ?1 AND name = ?2 AND at >= ?3 ORDER BY at, id",
        )?;
        let rows = statement.query_map(params![contact.0, name, millis(since)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns an event by its row.
    pub fn event(&self, id: EventId) -> Result<Option<Event>> {
        use rusqlite::OptionalExtension;
        Ok(self.sql("SELECT id, name, at, properties FROM events WHERE id = ?1")?.query_row([id.0], read).optional()?)
    }

    /// Returns who fell silent: contacts whose last event of a name, as of `now`, lies after `after` and not after `until`.
    pub fn silent(&self, name: &str, after: Instant, until: Instant, now: Instant) -> Result<Vec<ContactId>> {
        let mut statement = self.sql(
            "SELECT e.contact_id FROM events e WHERE e.name = ?1 AND e.at > ?2 AND e.at <= ?3
             AND NOT EXISTS (SELECT 1 FROM events later WHERE later.contact_id = e.contact_id AND later.name = e.name
                             AND later.at > e.at AND later.at <= ?4)
             ORDER BY e.at, e.id",
        )?;
        let rows = statement
            .query_map(params![name, millis(after), millis(until), millis(now)], |row| Ok(ContactId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Reads id, name, time and properties.
fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let properties = row.get_ref(3)?.as_str_or_null().ok().flatten().and_then(|text| serde_json::from_str(text).ok());
    Ok(Event {
        id: EventId(row.get(0)?),
        name: row.get(1)?,
        at: instant(row.get(2)?),
        properties: properties.unwrap_or_default(),
    })
}
