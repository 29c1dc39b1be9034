//! Clicks and opens: how they become events, and where those of a crowd are put by until there is time.
//!
//! An event touches half a dozen pages of the file, each somewhere else; a row here one that is at hand. Whoever records what was
//! put by takes it in the order of the mails, so that the same pages serve many.

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::{Result, Sent, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::SendId;
use crate::model::reaction::By;

/// Two links of one mail within this time are a scanner's.
const BURST: TimeDelta = TimeDelta::seconds(2);
/// So soon after it left nobody has read a mail.
const AT_ONCE: TimeDelta = TimeDelta::seconds(5);

/// A click, or, without an address that it leads to, an open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub send: SendId,
    pub url: Option<String>,
    pub by: By,
    pub at: Instant,
}

impl Work<'_> {
    /// Records a click or an open of a mail that left; returns the event's name.
    pub fn record_arrival(&self, arrival: &Arrival) -> Result<Option<String>> {
        let Some(sent) = self.sent(arrival.send)? else { return Ok(None) };
        match &arrival.url {
            Some(url) => self.clicked(&sent, url, arrival.by, arrival.at),
            None => self.opened(&sent, arrival.by, arrival.at),
        }
        .map(Some)
    }

    /// Records that somebody followed a link of a mail; returns the event's name.
    pub fn clicked(&self, sent: &Sent, url: &str, by: By, at: Instant) -> Result<String> {
        let mut properties = Map::new();
        properties.insert("url".to_owned(), json!(url));
        // Nobody presses two links of a mail within two seconds; a scanner tries them all.
        let is_burst = self.is_clicked_beside(sent, url, at, BURST)?;
        if is_burst {
            self.take_for_machine(sent, at, BURST)?;
        }
        self.record_reaction(sent, "clicked", if is_burst { By::Machine } else { by }, properties, at)
    }

    /// Records that somebody opened a mail; returns the event's name.
    pub fn opened(&self, sent: &Sent, by: By, at: Instant) -> Result<String> {
        self.record_reaction(sent, "opened", by, Map::new(), at)
    }

    fn record_reaction(
        &self,
        sent: &Sent,
        what: &str,
        by: By,
        properties: Map<String, Value>,
        at: Instant,
    ) -> Result<String> {
        self.prove_sent(sent)?;
        let by = if at - sent.at < AT_ONCE { By::Machine } else { by };
        let name = by.name(what);
        self.tell_of(sent, &name, properties, at)?;
        Ok(name)
    }

    /// Puts a click or an open by, if its mail is done with. Of one that is not, it may be the only proof that it left, and what
    /// becomes of it may hang on that: it is recorded at once, and the event's name returned.
    pub fn put_by_or_record(&self, arrival: &Arrival) -> Result<Option<String>> {
        let is_settled: Option<bool> = self
            .sql("SELECT state = 2 OR state = 4 FROM sends WHERE id = ?1")?
            .query_row([arrival.send.0], |row| row.get(0))
            .optional()?;
        match is_settled {
            None => Ok(None),
            Some(true) => self.put_by(arrival).map(|()| None),
            Some(false) => self.record_arrival(arrival),
        }
    }

    fn put_by(&self, arrival: &Arrival) -> Result<()> {
        let Arrival { send, url, by, at } = arrival;
        self.sql("INSERT INTO arrivals (send_id, url, by, at) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            send.0,
            url,
            by.as_str(),
            millis(*at)
        ])?;
        Ok(())
    }

    /// Says whether any are put by.
    pub fn has_arrivals(&self) -> Result<bool> {
        Ok(self.sql("SELECT EXISTS (SELECT 1 FROM arrivals)")?.query_row([], |row| row.get(0))?)
    }

    /// Records up to `limit` of those that were put by, the first first; returns how many are done with, and the names of the events.
    /// One that fails stays, and stops no other.
    pub fn record_arrivals(&self, limit: usize) -> Result<(usize, Vec<String>)> {
        let mut statement = self.sql("SELECT id, send_id, url, by, at FROM arrivals ORDER BY id LIMIT ?1")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], |row| {
            let arrival =
                Arrival { send: SendId(row.get(1)?), url: row.get(2)?, by: By::Person, at: instant(row.get(4)?) };
            Ok((row.get::<_, i64>(0)?, arrival, row.get::<_, String>(3)?))
        })?;
        let mut rows: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
        rows.sort_by_key(|(id, arrival, _)| (arrival.send, *id));
        let (mut done, mut names) = (0, Vec::new());
        for (id, arrival, word) in &rows {
            let by = By::ALL.into_iter().find(|by| by.as_str() == word);
            let recorded: Result<_> = self.whole(|| {
                let by = by.ok_or_else(|| StoreError::Row(format!("arrival by `{word}`")))?;
                let name = self.record_arrival(&Arrival { by, ..arrival.clone() })?;
                self.sql("DELETE FROM arrivals WHERE id = ?1")?.execute([id])?;
                Ok(name)
            })?;
            if let Ok(name) = recorded {
                done += 1;
                names.extend(name);
            }
        }
        Ok((done, names))
    }
}
