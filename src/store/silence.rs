//! Who is not mailed, whatever is imported.

use rusqlite::OptionalExtension;

use super::{Result, Work};
use crate::model::address::Address;

impl Work<'_> {
    /// Says whether anybody is on the suppression list.
    pub fn has_suppressions(&self) -> Result<bool> {
        Ok(self.sql("SELECT EXISTS (SELECT 1 FROM suppressions)")?.query_row([], |row| row.get(0))?)
    }

    /// Says whether a contact opted out, bounced, complained, or is on the suppression list.
    pub fn is_silenced(&self, address: &Address) -> Result<bool> {
        let mut statement = self.sql(
            "SELECT c.consent = 'unsubscribed' OR c.consent = 'bounced' OR c.consent = 'complained'
                 OR EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'address' AND s.value = c.email_key)
                 OR EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'domain' AND s.value = substr(c.email_key, instr(c.email_key, '@') + 1))
             FROM contacts c WHERE c.email_key = ?1",
        )?;
        Ok(statement.query_row([address.key()], |row| row.get(0)).optional()?.unwrap_or(false))
    }
}
