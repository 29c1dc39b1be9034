//! The tables, their indexes and the views for people; migrations from one version to the next.
//!
//! A migration is appended, never edited: files of every released version are in people's hands.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::{Result, StoreError, backup};

/// The schema that this program writes.
pub(super) const VERSION: i64 = 14;

/// "drip" in ASCII: tells our files from any other SQLite file (`PRAGMA application_id`).
pub(super) const APPLICATION: i64 = 0x6472_6970;

/// Each brings the file from its index to the next version.
const MIGRATIONS: [&str; 14] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
    include_str!("schema/11.sql"),
    include_str!("schema/12.sql"),
    include_str!("schema/13.sql"),
    include_str!("schema/14.sql"),
];

pub(super) fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Refuses a file of another program, or of a newer drip.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<()> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(connection)?;
    if application == APPLICATION {
        let path = path.to_owned();
        return if found > VERSION { Err(StoreError::Newer { path, found, known: VERSION }) } else { Ok(()) };
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != 0 || found != 0 || tables > 0 {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

/// Brings the file to the present schema; returns where it lies as it was, if there was anything in it.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<Option<PathBuf>> {
    if version(connection)? == VERSION {
        return Ok(None);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster while this one waited for the lock.
    check(&transaction, path)?;
    let found = version(&transaction)?;
    if found == VERSION {
        return Ok(None);
    }
    let kept = (found > 0).then(|| backup::keep(path, found)).transpose()?;
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0).min(MIGRATIONS.len())..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()?;
    Ok(kept)
}
