//! Contacts: found, added, changed; no import lifts an opt-out.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::heard::number_in;
use super::{Result, StoreError, Work, instant, millis};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::contact::{Consent, Contact};
use crate::model::id::ContactId;

/// What an import says about a contact; what it does not name stays as it was.
#[derive(Debug, Clone)]
pub struct ContactUpdate<'a> {
    pub address: &'a Address,
    pub consent: Option<Consent>,
    /// Added to those there are.
    pub tags: &'a [String],
    pub timezone: Option<&'a str>,
    pub language: Option<&'a str>,
    /// Laid over those there are.
    pub attributes: &'a Map<String, Value>,
}

/// What became of a [`ContactUpdate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactChange {
    Added,
    Updated,
    Unchanged,
    /// The address was forgotten; nothing was taken.
    Forgotten,
}

const COLUMNS: &str = "c.id, c.email, c.consent, c.timezone, c.language, c.tags, c.attributes,
    EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'address' AND s.value = c.email_key)
    OR EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'domain' AND s.value = substr(c.email_key, instr(c.email_key, '@') + 1)),
    c.refused, c.paused_until";

impl Work<'_> {
    /// Returns the contact of an address.
    pub fn contact(&self, address: &Address) -> Result<Option<Contact>> {
        let text = format!("SELECT {COLUMNS} FROM contacts c WHERE c.email_key = ?1");
        self.sql(&text)?.query_row([address.key()], |row| Ok(read(row))).optional()?.transpose()
    }

    /// Returns the row of the contact of an address.
    pub fn contact_id(&self, address: &Address) -> Result<Option<ContactId>> {
        let id = self.sql("SELECT id FROM contacts WHERE email_key = ?1")?.query_row([address.key()], |row| row.get(0));
        Ok(id.optional()?.map(ContactId))
    }

    /// Returns the contact of a row.
    pub fn contact_of(&self, id: ContactId) -> Result<Contact> {
        let text = format!("SELECT {COLUMNS} FROM contacts c WHERE c.id = ?1");
        self.sql(&text)?.query_row([id.0], |row| Ok(read(row)))?
    }

    /// Returns up to `limit` contacts that changed since a run last looked at them.
    pub fn changed_contacts(&self, limit: usize) -> Result<Vec<Contact>> {
        let text = format!("SELECT {COLUMNS} FROM contacts c WHERE c.changed = 1 LIMIT ?1");
        self.contacts(&text, limit, 0)
    }

    /// Returns up to `limit` contacts after a row, in the order of their rows.
    pub fn contacts_after(&self, after: i64, limit: usize) -> Result<Vec<Contact>> {
        let text = format!("SELECT {COLUMNS} FROM contacts c WHERE c.id > ?2 ORDER BY c.id LIMIT ?1");
        self.contacts(&text, limit, after)
    }

    fn contacts(&self, text: &str, limit: usize, after: i64) -> Result<Vec<Contact>> {
        let mut statement = self.sql(text)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = if text.contains("?2") {
            statement.query_map(params![limit, after], |row| Ok(read(row)))?.collect::<rusqlite::Result<Vec<_>>>()?
        } else {
            statement.query_map([limit], |row| Ok(read(row)))?.collect::<rusqlite::Result<Vec<_>>>()?
        };
        rows.into_iter().collect()
    }

    /// Says that a run has looked at a contact.
    pub fn set_unchanged(&self, id: ContactId) -> Result<()> {
        self.sql("UPDATE contacts SET changed = 0 WHERE id = ?1")?.execute([id.0])?;
        Ok(())
    }

    /// Says that the next run is to look at a contact anew.
    pub fn set_changed(&self, id: ContactId) -> Result<()> {
        self.sql("UPDATE contacts SET changed = 1 WHERE id = ?1 AND changed = 0")?.execute([id.0])?;
        Ok(())
    }

    /// Says whether no run has looked at a contact since it came or changed.
    pub fn is_changed(&self, id: ContactId) -> Result<bool> {
        Ok(self.sql("SELECT changed FROM contacts WHERE id = ?1")?.query_row([id.0], |row| row.get(0))?)
    }

    /// Adds a contact or lays an update over it. Consent moves only away from being mailed; but who was pending, and of
    /// whom it now says in so many words that they are subscribed, is.
    pub fn put_contact(&self, update: &ContactUpdate<'_>, now: Instant) -> Result<ContactChange> {
        let Some(known) = self.contact(update.address)? else {
            if self.is_forgotten(update.address)? {
                return Ok(ContactChange::Forgotten);
            }
            return self.add_contact(update, now).map(|()| ContactChange::Added);
        };
        let mut tags = known.tags.clone();
        tags.extend(update.tags.iter().cloned());
        let mut attributes = known.attributes.clone();
        for (name, value) in update.attributes {
            attributes.insert(name.clone(), value.clone());
        }
        let timezone = update.timezone.or(known.timezone.map(chrono_tz::Tz::name));
        let language = update.language.or(known.language.as_deref());
        let consent = match update.consent {
            Some(new) if new.is_opt_out() && new > known.consent => new,
            Some(Consent::Subscribed) if known.consent == Consent::Pending => Consent::Subscribed,
            _ => known.consent,
        };
        let same = tags == known.tags
            && attributes == known.attributes
            && timezone == known.timezone.map(chrono_tz::Tz::name)
            && language == known.language.as_deref()
            && consent == known.consent;
        if same {
            return Ok(ContactChange::Unchanged);
        }
        self.sql(
            "UPDATE contacts SET tags = ?2, attributes = ?3, timezone = ?4, language = ?5, changed = 1 WHERE id = ?1",
        )?
        .execute(params![known.id.0, json(&tags), json(&attributes), timezone, language])?;
        if consent != known.consent {
            self.set_consent(known.id, consent, "import", now)?;
        }
        Ok(ContactChange::Updated)
    }

    fn add_contact(&self, update: &ContactUpdate<'_>, now: Instant) -> Result<()> {
        let tags: BTreeSet<&String> = update.tags.iter().collect();
        let consent = update.consent.unwrap_or(Consent::Subscribed);
        self.sql(
            "INSERT INTO contacts (email, email_key, consent, timezone, language, tags, attributes, created_at, refused, paused_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce((SELECT refused FROM lost_choices WHERE email_key = ?2), '[]'),
                     (SELECT paused_until FROM lost_choices WHERE email_key = ?2))",
        )?
        .execute(params![
            update.address.as_str(),
            update.address.key(),
            consent.as_str(),
            update.timezone,
            update.language,
            json(&tags),
            json(update.attributes),
            millis(now)
        ])?;
        let id = self.transaction.last_insert_rowid();
        self.sql("INSERT INTO consent_changes (contact_id, at, consent, reason) VALUES (?1, ?2, ?3, 'import')")?
            .execute(params![id, millis(now), consent.as_str()])?;
        Ok(())
    }

    /// Replaces a contact's attributes.
    pub fn set_attributes(&self, id: ContactId, attributes: &Map<String, Value>) -> Result<()> {
        self.sql("UPDATE contacts SET attributes = ?2, changed = 1 WHERE id = ?1")?
            .execute(params![id.0, json(attributes)])?;
        Ok(())
    }

    /// Sets a contact's consent, and notes when and why.
    pub fn set_consent(&self, id: ContactId, consent: Consent, reason: &str, now: Instant) -> Result<()> {
        self.sql("UPDATE contacts SET consent = ?2, changed = 1 WHERE id = ?1")?
            .execute(params![id.0, consent.as_str()])?;
        self.sql("INSERT INTO consent_changes (contact_id, at, consent, reason) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id.0, millis(now), consent.as_str(), reason])?;
        Ok(())
    }

    /// Takes a contact's consent away, as far as it yields to that; returns whether it did.
    pub fn narrow_consent(&self, id: ContactId, to: Consent, reason: &str, now: Instant) -> Result<bool> {
        let yields = self.contact_of(id)?.consent.yields_to(to);
        if yields {
            self.set_consent(id, to, reason, now)?;
        }
        Ok(yields)
    }

    /// Puts an address on the suppression list, whether a contact has it or not; one that was forgotten is there already.
    pub fn suppress(&self, address: &Address, reason: &str, now: Instant) -> Result<()> {
        if self.is_forgotten(address)? {
            return Ok(());
        }
        self.sql("INSERT INTO suppressions VALUES ('address', ?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![address.key(), reason, millis(now)])?;
        self.sql("UPDATE contacts SET changed = 1 WHERE email_key = ?1")?.execute([address.key()])?;
        Ok(())
    }

    /// Returns who got the mail of this Message-ID, without its brackets.
    pub fn contact_of_mail(&self, message_id: &str) -> Result<Option<Contact>> {
        let Some(send) = number_in(message_id) else { return Ok(None) };
        let id: Option<i64> = self
            .sql("SELECT n.contact_id FROM sends s JOIN enrolments n ON n.id = s.enrolment_id WHERE s.id = ?1 AND s.message_id = ?2")?
            .query_row(params![send.0, message_id], |row| row.get(0))
            .optional()?;
        id.map(|id| self.contact_of(ContactId(id))).transpose()
    }

    /// Returns how many contacts there are.
    pub fn contact_count(&self) -> Result<u64> {
        Ok(self.sql("SELECT count(*) FROM contacts")?.query_row([], |row| row.get(0))?)
    }
}

/// Reads the [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<Contact> {
    let id = ContactId(row.get(0)?);
    let email: String = row.get(1)?;
    let consent: String = row.get(2)?;
    // By its number: a log is read by many.
    let wrong = |column: &str| StoreError::Row(format!("`{column}` of row {id} of the table contacts"));
    Ok(Contact {
        id,
        address: Address::parse(&email).map_err(|_| wrong("email"))?,
        consent: Consent::from_word(&consent).ok_or_else(|| wrong("consent"))?,
        suppressed: row.get(7)?,
        refused: match row.get_ref(8)?.as_str().unwrap_or_default() {
            "[]" => BTreeSet::new(),
            some => serde_json::from_str(some).map_err(|_| wrong("refused"))?,
        },
        paused_until: row.get::<_, Option<i64>>(9)?.map(instant),
        timezone: row.get::<_, Option<String>>(3)?.and_then(|name| name.parse().ok()),
        language: row.get(4)?,
        tags: serde_json::from_str(row.get_ref(5)?.as_str().unwrap_or_default()).map_err(|_| wrong("tags"))?,
        attributes: serde_json::from_str(row.get_ref(6)?.as_str().unwrap_or_default())
            .map_err(|_| wrong("attributes"))?,
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
