//! Copies of the file that can be trusted, and putting one back.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Result, Store, StoreError, lock, schema};

impl Store {
    /// Writes a copy from one consistent moment, a single file on the disk, while others go on.
    pub fn back_up(&self, path: &Path) -> Result<()> {
        lock::create_private(path).map_err(|source| StoreError::Lock { path: path.to_owned(), source })?;
        self.connection.backup("main", path, None::<fn(rusqlite::backup::Progress)>)?;
        let copy = Connection::open(path)?;
        // A copy with a log beside it would be half a copy.
        copy.execute_batch("PRAGMA journal_mode=DELETE")?;
        drop(copy);
        check(path)?;
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| StoreError::Lock { path: path.to_owned(), source })
    }

    /// Takes over everything from a copy, in one transaction. The caller holds the run lock.
    pub fn put_back(database: &Path, copy: &Path) -> Result<()> {
        check(copy)?;
        let from = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        lock::create_private(database).map_err(|source| StoreError::Lock { path: database.to_owned(), source })?;
        from.backup("main", database, None::<fn(rusqlite::backup::Progress)>)?;
        Self::open(database).map(drop)
    }
}

/// Reads the whole of a copy, and says what is wrong with it.
fn check(path: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    let foreign = || StoreError::Foreign { path: path.to_owned() };
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|_| foreign())?;
    if application != schema::APPLICATION {
        return Err(foreign());
    }
    let found = schema::version(&connection)?;
    if found > schema::VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: schema::VERSION });
    }
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Unsound { path: path.to_owned(), said }) }
}
