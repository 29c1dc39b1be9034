//! A look at the file from outside: nothing is written, and an older form stays as it is.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Result, Store, StoreError, is_lost, schema};

/// How many steps of SQLite's machine go by between two looks at the clock.
const STEPS: std::ffi::c_int = 10_000;

/// What a file is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examined {
    /// The form it is in.
    pub schema: i64,
    /// The form that this drip writes.
    pub known: i64,
    /// Whether all of it was read and found sound; `false`: there was not time enough.
    pub is_read: bool,
    /// In bytes.
    pub size: u64,
}

impl Store {
    /// Reads a file whole, as far as the time reaches; `None` where there is none yet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn examine(path: &Path, patience: Duration) -> Result<Option<Examined>> {
        if is_lost(path)? {
            return Err(StoreError::Gone { path: path.to_owned() });
        }
        let Ok(size) = path.metadata().map(|data| data.len()) else { return Ok(None) };
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(open)?;
        connection.execute_batch("PRAGMA query_only=ON").map_err(open)?;
        match schema::check(&connection, path) {
            Err(StoreError::Damaged(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(StoreError::Foreign { path: path.to_owned() });
            }
            checked => checked?,
        }
        let schema = schema::version(&connection)?;
        if schema == 0 {
            return Ok(None);
        }
        let until = Instant::now() + patience;
        connection.progress_handler(STEPS, Some(move || Instant::now() > until))?;
        let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        let is_read = match said {
            Ok(said) if said == "ok" => true,
            Ok(said) => return Err(StoreError::Unsound { path: path.to_owned(), said }),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Examined { schema, known: schema::VERSION, is_read, size }))
    }
}
