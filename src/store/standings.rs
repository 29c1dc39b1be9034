//! Where contacts stand: a cache of what conditions say of each, and who is to be looked at again.

use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::ContactId;

/// What is kept of where a contact stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub stage: Option<String>,
    /// Since when they are in it; `None`: in no stage ever.
    pub since: Option<Instant>,
    /// The segments they are in: their numbers, in order.
    pub segments: Vec<i64>,
    /// What each rule of the score had brought at `looked_at`.
    pub levels: Vec<f64>,
    /// Whether they agreed to mail.
    pub subscribed: bool,
    pub looked_at: Instant,
    /// When something of it may change by itself.
    pub next_at: Option<Instant>,
}

/// A contact to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct ToLookAt {
    pub contact: ContactId,
    /// What is known of them; `None`: nothing that still holds.
    pub known: Option<Standing>,
    /// Whether they came after the conditions.
    pub is_new: bool,
    pub came: Instant,
}

/// Somebody came into a stage, or left one for none.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub at: Instant,
    pub stage: Option<&'a str>,
    pub was: Option<&'a str>,
}

/// So many contacts who stand in the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingCount {
    pub stage: Option<String>,
    pub segments: Vec<i64>,
    pub subscribed: bool,
    pub people: u64,
}

/// So many moves from one stage to another; `None` is no stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageMoves {
    pub from: Option<String>,
    pub to: Option<String>,
    pub people: u64,
}

/// The key in `meta` of the conditions that standings are kept for.
const FORM: &str = "standings";

/// The key in `meta` of the stages among them.
const STAGES: &str = "standings_stages";

/// The key in `meta` of the model of what customers are worth by which they were looked at, where the conditions take it.
const MODEL: &str = "standings_model";

const TO_LOOK_AT: &str =
    "SELECT s.contact_id, s.is_new, c.created_at, s.looked_at, s.stage, s.since, s.segments, s.levels, s.subscribed, s.next_at
     FROM standings s CROSS JOIN contacts c ON c.id = s.contact_id";

impl Work<'_> {
    /// Returns for which form of the conditions standings are kept; `None`: none are.
    pub fn standings_form(&self) -> Result<Option<String>> {
        let row = self.sql("SELECT value FROM meta WHERE key = ?1")?.query_row([FORM], |row| row.get(0)).optional()?;
        Ok(row)
    }

    /// Returns by which model of what customers are worth they were looked at; `None`: by none.
    pub fn standings_model(&self) -> Result<Option<String>> {
        let row = self.sql("SELECT value FROM meta WHERE key = ?1")?.query_row([MODEL], |row| row.get(0)).optional()?;
        Ok(row)
    }

    /// Notes that every customer was looked at by this model.
    pub fn set_standings_model(&self, model: Option<&str>) -> Result<()> {
        match model {
            Some(model) => self
                .sql("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
                .execute(params![MODEL, model])?,
            None => self.sql("DELETE FROM meta WHERE key = ?1")?.execute([MODEL])?,
        };
        Ok(())
    }

    /// Begins to keep standings for another form of the conditions: everybody is to be found out anew. `None`: no more.
    pub fn keep_standings(&self, form: Option<&str>, segments: &[&str], stages: &str) -> Result<()> {
        let Some(form) = form else {
            for text in ["DELETE FROM standings", "DELETE FROM stage_changes", "DELETE FROM segments"] {
                self.sql(text)?.execute([])?;
            }
            self.sql("DELETE FROM meta WHERE key = ?1 OR key = ?2")?.execute([FORM, STAGES])?;
            return Ok(());
        };
        self.sql("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
            .execute([STAGES, stages])?;
        self.keep_form(form, segments)?;
        self.sql("UPDATE standings SET looked_at = NULL, next_at = 0, is_new = 0")?.execute([])?;
        self.sql(
            "INSERT INTO standings (contact_id, next_at) SELECT id, 0 FROM contacts WHERE true ON CONFLICT DO NOTHING",
        )?
        .execute([])?;
        Ok(())
    }

    /// Begins to keep standings for another form of all but the stages: everybody is looked at again and is meanwhile known to be
    /// in the stage in which they were. Whose moment has come is not put off for that.
    pub fn look_at_everybody_again(&self, form: Option<&str>, segments: &[&str], now: Instant) -> Result<()> {
        self.keep_form(form.unwrap_or_default(), segments)?;
        self.sql("UPDATE standings SET next_at = -1 WHERE next_at IS NULL OR next_at > ?1")?.execute([millis(now)])?;
        Ok(())
    }

    fn keep_form(&self, form: &str, segments: &[&str]) -> Result<()> {
        self.sql("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
            .execute([FORM, form])?;
        for name in segments {
            self.sql("INSERT INTO segments (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([name])?;
        }
        Ok(())
    }

    /// Forgets where they stand who were looked at later than an instant.
    pub fn forget_standings_after(&self, now: Instant) -> Result<()> {
        self.sql("UPDATE standings SET looked_at = NULL, next_at = 0, is_new = 0 WHERE looked_at > ?1")?
            .execute([millis(now)])?;
        Ok(())
    }

    /// Returns for which form of the stages alone they are kept.
    pub fn stages_form(&self) -> Result<Option<String>> {
        let row =
            self.sql("SELECT value FROM meta WHERE key = ?1")?.query_row([STAGES], |row| row.get(0)).optional()?;
        Ok(row)
    }

    /// Returns the numbers of the segments by name.
    pub fn segment_numbers(&self) -> Result<Vec<(String, i64)>> {
        let mut statement = self.sql("SELECT name, id FROM segments ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns up to `limit` contacts of which something may be different now; with `unknown`, those of whom nothing is known
    /// yet or only the conditions are others, else the others.
    pub fn to_look_at(&self, now: Instant, unknown: bool, limit: usize) -> Result<Vec<ToLookAt>> {
        let mut statement = self.sql(&format!(
            "{TO_LOOK_AT} WHERE s.next_at IS NOT NULL AND s.next_at <= ?1 AND (s.looked_at IS NULL AND s.is_new = 0 OR s.next_at < 0) = ?2
             ORDER BY s.next_at LIMIT ?3"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![millis(now), unknown, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(to_look_at(row)?);
        }
        Ok(found)
    }

    /// Returns one contact to look at, whatever may be different; `None` where no standings are kept.
    pub fn to_look_at_again(&self, contact: ContactId) -> Result<Option<ToLookAt>> {
        let mut statement = self.sql(&format!("{TO_LOOK_AT} WHERE s.contact_id = ?1"))?;
        let mut rows = statement.query([contact.0])?;
        rows.next()?.map(to_look_at).transpose()
    }

    /// Keeps where a contact stands, who stood in `known` before.
    pub fn set_standing(&self, contact: ContactId, known: Option<&Standing>, standing: &Standing) -> Result<()> {
        let list = |error| StoreError::Row(format!("standing: {error}"));
        let levels = serde_json::to_string(&standing.levels).map_err(list)?;
        let (looked_at, next_at) = (millis(standing.looked_at), standing.next_at.map(millis));
        let is_in_stage = known.is_some_and(|known| (&known.stage, known.since) == (&standing.stage, standing.since));
        let is_same =
            |known: &Standing| (&known.segments, known.subscribed) == (&standing.segments, standing.subscribed);
        // An index is written anew for every column that is set, whether it changes or not, and most people stay where they are.
        if is_in_stage && known.is_some_and(is_same) {
            self.sql(
                "UPDATE standings SET levels = ?2, looked_at = ?3, next_at = ?4, is_new = 0 WHERE contact_id = ?1",
            )?
            .execute(params![contact.0, levels, looked_at, next_at])?;
            return Ok(());
        }
        let (subscribed, segments) = (standing.subscribed, serde_json::to_string(&standing.segments).map_err(list)?);
        if is_in_stage {
            self.sql(
                "UPDATE standings SET levels = ?2, looked_at = ?3, next_at = ?4, is_new = 0, segments = ?5,
                     subscribed = ?6 WHERE contact_id = ?1",
            )?
            .execute(params![contact.0, levels, looked_at, next_at, segments, subscribed])?;
            return Ok(());
        }
        let (stage, since) = (&standing.stage, standing.since.map(millis));
        self.sql(
            "UPDATE standings SET levels = ?2, looked_at = ?3, next_at = ?4, is_new = 0, segments = ?5,
                 subscribed = ?6, stage = ?7, since = ?8 WHERE contact_id = ?1",
        )?
        .execute(params![contact.0, levels, looked_at, next_at, segments, subscribed, stage, since])?;
        Ok(())
    }

    /// Takes down that a contact came into a stage, and so left the one before.
    pub fn add_stage_change(&self, contact: ContactId, change: &Change<'_>) -> Result<()> {
        self.sql("UPDATE stage_changes SET until = ?2 WHERE contact_id = ?1 AND until IS NULL AND at <= ?2")?
            .execute(params![contact.0, millis(change.at)])?;
        self.sql(
            "INSERT INTO stage_changes (contact_id, at, stage, was) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (contact_id, at) DO UPDATE SET stage = excluded.stage, until = NULL",
        )?
        .execute(params![contact.0, millis(change.at), change.stage, change.was])?;
        Ok(())
    }

    /// Forgets which stages a contact went through, to take them down anew.
    pub fn clear_stage_changes(&self, contact: ContactId) -> Result<()> {
        self.sql("DELETE FROM stage_changes WHERE contact_id = ?1")?.execute([contact.0])?;
        Ok(())
    }

    /// Counts the contacts by stage, segments and whether they agreed to mail.
    pub fn count_standings(&self) -> Result<Vec<StandingCount>> {
        let mut statement = self.sql(
            "SELECT nullif(stage, ''), segments, subscribed, people FROM standing_counts WHERE people > 0 ORDER BY 1, 2, 3",
        )?;
        let mut rows = statement.query([])?;
        let mut counts = Vec::new();
        while let Some(row) = rows.next()? {
            counts.push(StandingCount {
                stage: row.get(0)?,
                segments: list(row, 1)?,
                subscribed: row.get(2)?,
                people: row.get(3)?,
            });
        }
        Ok(counts)
    }

    /// Returns up to `limit` contacts of a segment whose row is above another one, by row.
    pub fn members_after(&self, segment: i64, after: i64, limit: usize) -> Result<Vec<ContactId>> {
        let mut statement = self.sql(
            "SELECT contact_id FROM standings WHERE contact_id > ?2
             AND EXISTS (SELECT 1 FROM json_each(segments) WHERE value = ?1) ORDER BY contact_id LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![segment, after, limit], |row| Ok(ContactId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Hands over what each rule of the score had brought to each contact, and when that was.
    pub fn each_level(&self, see: &mut dyn FnMut(&[f64], Instant)) -> Result<()> {
        let mut statement = self.sql("SELECT levels, looked_at FROM standings WHERE looked_at IS NOT NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            see(&list::<f64>(row, 0)?, instant(row.get(1)?));
        }
        Ok(())
    }

    /// Counts the moves from stage to stage in a time.
    pub fn stage_moves(&self, since: Instant, until: Instant) -> Result<Vec<StageMoves>> {
        let mut statement =
            self.sql("SELECT was, stage, count(*) FROM stage_changes WHERE at >= ?1 AND at < ?2 GROUP BY was, stage")?;
        let rows = statement.query_map(params![millis(since), millis(until)], |row| {
            Ok(StageMoves { from: row.get(0)?, to: row.get(1)?, people: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Counts stays in stages by their length in whole hours, up to now where they are not over: stage, hours, whether it is
    /// over, how many.
    pub fn stage_stays(&self, now: Instant) -> Result<Vec<(String, u64, bool, u64)>> {
        let mut statement = self.sql("SELECT stage, hours, number FROM stage_stays WHERE number > 0")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, true, row.get(2)?)))?;
        let mut stays = rows.collect::<rusqlite::Result<Vec<(String, u64, bool, u64)>>>()?;
        // Read in the order of its index, which is quicker than to have them grouped.
        let mut statement = self
            .sql("SELECT stage, since FROM standings WHERE stage IS NOT NULL AND since <= ?1 ORDER BY stage, since")?;
        let mut rows = statement.query([millis(now)])?;
        while let Some(row) = rows.next()? {
            let hours = (now - instant(row.get(1)?)).num_hours().unsigned_abs();
            let stage = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            match stays.last_mut() {
                Some((known, length, false, number)) if known == stage && *length == hours => *number += 1,
                _ => stays.push((stage.to_owned(), hours, false, 1)),
            }
        }
        Ok(stays)
    }
}

fn to_look_at(row: &Row<'_>) -> Result<ToLookAt> {
    let looked_at: Option<i64> = row.get(3)?;
    let known = match looked_at {
        Some(at) => Some(Standing {
            stage: row.get(4)?,
            since: row.get::<_, Option<i64>>(5)?.map(instant),
            segments: list(row, 6)?,
            levels: list(row, 7)?,
            subscribed: row.get(8)?,
            looked_at: instant(at),
            next_at: row.get::<_, Option<i64>>(9)?.map(instant),
        }),
        None => None,
    };
    Ok(ToLookAt { contact: ContactId(row.get(0)?), known, is_new: row.get(1)?, came: instant(row.get(2)?) })
}

fn list<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Vec<T>> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|error| StoreError::Row(format!("standing: {error}")))
}
