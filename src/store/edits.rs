//! Changes that a person makes to one contact by hand. Each has the next run look at the contact anew.

use std::collections::BTreeSet;

use rusqlite::params;

use super::{Result, Work};
use crate::model::id::ContactId;

impl Work<'_> {
    /// Replaces a contact's time zone and language; `None` is the project's own.
    pub fn set_place(&self, id: ContactId, timezone: Option<&str>, language: Option<&str>) -> Result<()> {
        self.sql("UPDATE contacts SET timezone = ?2, language = ?3, changed = 1 WHERE id = ?1")?
            .execute(params![id.0, timezone, language])?;
        Ok(())
    }

    /// Replaces a contact's tags.
    pub fn set_tags(&self, id: ContactId, tags: &BTreeSet<String>) -> Result<()> {
        let tags = serde_json::to_string(tags).unwrap_or_default();
        self.sql("UPDATE contacts SET tags = ?2, changed = 1 WHERE id = ?1")?.execute(params![id.0, tags])?;
        Ok(())
    }
}
