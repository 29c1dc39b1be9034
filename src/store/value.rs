//! What customers bought, all of them at once, and the model that was made of it.

use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::{Result, Store, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::id::ContactId;
use crate::model::terms::Purchases;
use crate::model::value::{Fifths, ValueModel};
use crate::stats::{Buying, Spending};

const COLUMNS: &str =
    "fitted_at, as_of, customers, returned, purchases, r, alpha, a, b, not_buying, p, q, v, not_spending,
    correlation, recency, frequency, monetary";

/// A purchase of somebody; `None`: for no amount that is known.
#[derive(Debug, Clone, Copy)]
pub struct Purchase {
    pub contact: ContactId,
    pub at: Instant,
    pub amount: Option<f64>,
}

impl Work<'_> {
    /// Hands out every purchase up to `now`, those of one contact after another and the oldest of each first, until `each`
    /// says that it is enough.
    pub fn purchases<E: From<StoreError>>(
        &self,
        purchases: &Purchases,
        now: Instant,
        mut each: impl FnMut(Purchase) -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        // Along the index on contact and name, so that nothing is sorted and no other event is read.
        let text = "SELECT e.contact_id, e.at, e.properties -> ?3 FROM contacts c CROSS JOIN events e
             ON e.contact_id = c.id AND e.name = ?1 AND e.at <= ?2 ORDER BY c.id, e.at, e.id";
        let path = format!("$.\"{}\"", purchases.amount);
        let mut statement = self.sql(text)?;
        let mut rows = statement.query(params![purchases.event, millis(now), path]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let read = || {
                let value: Option<serde_json::Value> =
                    row.get_ref(2)?.as_str_or_null().ok().flatten().and_then(|text| serde_json::from_str(text).ok());
                let amount = value.as_ref().and_then(Purchases::amount);
                Ok::<_, rusqlite::Error>((ContactId(row.get(0)?), instant(row.get(1)?), amount))
            };
            let (contact, at, amount) = read().map_err(StoreError::from)?;
            if !each(Purchase { contact, at, amount })? {
                break;
            }
        }
        Ok(())
    }

    /// Returns up to `limit` contacts with a purchase whose row is after `after`.
    pub fn customers_after(&self, purchases: &Purchases, after: ContactId, limit: usize) -> Result<Vec<ContactId>> {
        let mut statement = self.sql(
            "SELECT id FROM contacts WHERE id > ?1
             AND EXISTS (SELECT 1 FROM events e WHERE e.contact_id = contacts.id AND e.name = ?2) ORDER BY id LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![after.0, purchases.event, limit], |row| Ok(ContactId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many contacts have attributes of these names.
    pub fn with_attribute(&self, name: &str) -> Result<u64> {
        let path = format!("$.\"{name}\"");
        let text = "SELECT count(*) FROM contacts WHERE json_type(attributes, ?1) <> 'null'";
        Ok(self.sql(text)?.query_row([path], |row| row.get(0))?)
    }

    /// Notes that the model is being made; `false` where somebody began less than `patience` before, and has not ended.
    pub fn begin_value_model(&self, now: Instant, patience: chrono::TimeDelta) -> Result<bool> {
        let rows = self
            .sql(
                "INSERT INTO value_model (id, begun_at) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET begun_at = ?1
                 WHERE begun_at <= ?2 OR begun_at > ?1 OR coalesce(fitted_at, 0) >= begun_at",
            )?
            .execute(params![millis(now), millis(now - patience)])?;
        Ok(rows == 1)
    }

    /// Keeps a model in place of the one before it.
    pub fn set_value_model(&self, model: &ValueModel, purchases_are: &str) -> Result<()> {
        let ValueModel { fitted_at, as_of, customers, returned, purchases, correlation, .. } = model;
        let buying = model.buying.as_ref().ok();
        let spending = model.spending.as_ref().ok();
        let fifths = model.fifths.as_ref();
        self.sql(&format!(
            "INSERT OR REPLACE INTO value_model (id, begun_at, purchases_are, {COLUMNS})
             VALUES (1, ?1, ?2, ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
        ))?
        .execute(params![
            millis(*fitted_at),
            purchases_are,
            as_of.to_string(),
            customers,
            returned,
            purchases,
            buying.map(|buying| buying.r),
            buying.map(|buying| buying.alpha),
            buying.map(|buying| buying.a),
            buying.map(|buying| buying.b),
            model.buying.as_ref().err(),
            spending.map(|spending| spending.p),
            spending.map(|spending| spending.q),
            spending.map(|spending| spending.v),
            model.spending.as_ref().err(),
            correlation,
            fifths.and_then(|fifths| serde_json::to_string(&fifths.recency).ok()),
            fifths.and_then(|fifths| serde_json::to_string(&fifths.frequency).ok()),
            fifths.and_then(|fifths| serde_json::to_string(&fifths.monetary).ok()),
        ])?;
        Ok(())
    }

    /// Returns the model that is kept of such purchases.
    pub fn value_model(&self, purchases_are: &str) -> Result<Option<ValueModel>> {
        Ok(kept(&self.transaction, purchases_are)?)
    }
}

impl Store {
    /// Returns the model that is kept of such purchases, without a word about what is wrong with the file: whoever opens it
    /// to work with it will hear of that.
    pub fn kept_value_model(path: &Path, purchases_are: &str) -> Option<ValueModel> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.busy_timeout(Duration::from_secs(1)).ok()?;
        // Nothing is written, not even on leaving.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
        kept(&connection, purchases_are).ok().flatten()
    }
}

fn kept(connection: &Connection, purchases_are: &str) -> rusqlite::Result<Option<ValueModel>> {
    let text =
        format!("SELECT {COLUMNS} FROM value_model WHERE id = 1 AND fitted_at IS NOT NULL AND purchases_are = ?1");
    connection.prepare_cached(&text)?.query_row([purchases_are], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ValueModel> {
    fn edges<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<[T; 4]>> {
        Ok(row.get::<_, Option<String>>(column)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
    let number = |column: &str| row.get::<_, Option<f64>>(column);
    let as_of: String = row.get("as_of")?;
    let reason = |column: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
    let buying = match (number("r")?, number("alpha")?, number("a")?, number("b")?) {
        (Some(r), Some(alpha), Some(a), Some(b)) => Ok(Buying { r, alpha, a, b }),
        _ => Err(reason("not_buying")?),
    };
    let spending = match (number("p")?, number("q")?, number("v")?) {
        (Some(p), Some(q), Some(v)) => Ok(Spending { p, q, v }),
        _ => Err(reason("not_spending")?),
    };
    let fifths = match (edges(row, "recency")?, edges(row, "frequency")?, edges(row, "monetary")?) {
        (Some(recency), Some(frequency), Some(monetary)) => Some(Fifths { recency, frequency, monetary }),
        _ => None,
    };
    Ok(ValueModel {
        fitted_at: instant(row.get("fitted_at")?),
        as_of: as_of.parse::<NaiveDate>().unwrap_or_default(),
        customers: row.get("customers")?,
        returned: row.get("returned")?,
        purchases: row.get("purchases")?,
        buying,
        spending,
        correlation: number("correlation")?,
        fifths,
    })
}
