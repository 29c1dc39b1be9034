//! What a run notes for the runs after it.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{Result, Store, Work, instant, millis};
use crate::model::Instant;

impl Work<'_> {
    /// Returns until when nothing goes to a relay that said it gets too much.
    pub fn rest(&self) -> Result<Option<Instant>> {
        let until =
            self.sql("SELECT value FROM meta WHERE key = 'rest_until'")?.query_row([], |row| row.get(0)).optional()?;
        Ok(until.map(instant))
    }

    /// Notes until when nothing goes to the relay; `None`: it takes what it gets again.
    pub fn set_rest(&self, until: Option<Instant>) -> Result<()> {
        match until {
            Some(until) => self
                .sql("INSERT INTO meta VALUES ('rest_until', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
                .execute([millis(until)])?,
            None => self.sql("DELETE FROM meta WHERE key = 'rest_until'")?.execute([])?,
        };
        Ok(())
    }

    /// Notes the fingerprint of templates that were found right.
    pub fn set_right_templates(&self, fingerprint: &str) -> Result<()> {
        self.sql("INSERT INTO meta VALUES ('templates', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")?
            .execute(params![fingerprint])?;
        Ok(())
    }
}

impl Store {
    /// Returns the fingerprint of the templates that a run found right last, without a word about what is wrong with
    /// the file: whoever opens it to work with it will hear of that.
    pub fn right_templates(path: &Path) -> Option<String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.busy_timeout(Duration::ZERO).ok()?;
        // Nothing is written, not even on leaving.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
        connection.query_row("SELECT value FROM meta WHERE key = 'templates'", [], |row| row.get(0)).ok()
    }
}
