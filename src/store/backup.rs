//! Copies of the file that can be trusted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{BUSY_TIMEOUT, Result, Store, StoreError, lock, schema};

impl Store {
    /// Writes a copy from one consistent moment, a single file on the disk, while others go on. What lay at its place
    /// is gone, and after a fault nothing lies there.
    pub fn back_up(&self, path: &Path) -> Result<()> {
        discard(path);
        let made = self.write_copy(path);
        if made.is_err() {
            discard(path);
        }
        made
    }

    fn write_copy(&self, path: &Path) -> Result<()> {
        lock::create_private(path)?;
        copy(&self.connection, path)?;
        let copy = Connection::open(path)?;
        // A copy with a log beside it would be half a copy. Only at the statement's very end does a full disk show.
        let mut statement = copy.prepare("PRAGMA journal_mode=DELETE")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        drop(statement);
        drop(copy);
        check(path)?;
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| StoreError::Create { path: path.to_owned(), source })
    }
}

/// Copies everything into another file, in one transaction there and from one moment here: in steps it would begin anew
/// whenever somebody writes, and beside a run never end.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<()> {
    let mut target = Connection::open(to)?;
    target.busy_timeout(BUSY_TIMEOUT)?;
    step(&Backup::new(from, &mut target)?, -1)
}

/// Copies so many pages, or with -1 the rest, and waits for others where they write; 0 pages make others wait from then on.
pub(super) fn step(copying: &Backup<'_, '_>, pages: i32) -> Result<()> {
    let begun = Instant::now();
    loop {
        match copying.step(pages)? {
            StepResult::Done | StepResult::More => return Ok(()),
            _ if begun.elapsed() < BUSY_TIMEOUT => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(StoreError::Busy(rusqlite::Error::SqliteFailure(busy, None)));
            }
        }
    }
}

/// Copies the file as it is before it is migrated, and returns where to. Whoever migrates holds the write lock, so
/// nobody else writes or copies meanwhile; a copy that an interrupted migration left is replaced.
pub(super) fn keep(database: &Path, version: i64) -> Result<PathBuf> {
    let name = |ending: &str| {
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push(format!(".schema-{version}.{ending}"));
        database.with_file_name(name)
    };
    let (part, kept) = (name("part"), name("backup"));
    let reader = Store::connect(database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = reader.back_up(&part).and_then(|()| {
        // The name is to outlast the power as well, and before anything is changed.
        let named = fs::rename(&part, &kept).and_then(|()| File::open(folder)?.sync_all());
        named.map_err(|source| StoreError::Create { path: kept.clone(), source })
    });
    made.map(|()| kept)
}

/// Removes a copy with whatever SQLite keeps beside it: a journal of another copy would be taken for its own.
pub(super) fn discard(path: &Path) {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        let _ = fs::remove_file(path.with_file_name(name));
    }
}

/// Reads the whole of a copy, and says what is wrong with it.
pub(super) fn check(path: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    let foreign = || StoreError::Foreign { path: path.to_owned() };
    let application = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    let application = application.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(),
        _ => error.into(),
    })?;
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
