//! What can go wrong with the file, in words of drip; whoever says it adds what to do.

use std::path::PathBuf;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{}` was written by a newer drip (schema {found}, this one knows {known}); install that version", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("`{}` is not a drip database", path.display())]
    Foreign { path: PathBuf },
    #[error("the database is damaged")]
    Damaged(#[source] rusqlite::Error),
    #[error("`{}` is damaged: {said}", path.display())]
    Unsound { path: PathBuf, said: String },
    #[error("`{}` is damaged from its frame {frame} on, and behind that stands who got what", path.display())]
    Log { path: PathBuf, frame: u64 },
    #[error("`{}` cannot be opened", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("`{}` cannot be made", path.display())]
    Create { path: PathBuf, source: std::io::Error },
    #[error("`{}` is gone, or empty, and with it the knowledge of who got what", path.display())]
    Gone { path: PathBuf },
    #[error("`{}` is a link", path.display())]
    Link { path: PathBuf },
    #[error("another process keeps the database busy")]
    Busy(#[source] rusqlite::Error),
    #[error("the disk is full")]
    Full(#[source] rusqlite::Error),
    #[error("the disk of the database has {free} KiB left, and a run begins with {least} KiB at the least")]
    NoRoom { free: u64, least: u64 },
    #[error("the disk failed while the database was read or written")]
    Failing(#[source] rusqlite::Error),
    #[error("the database may not be written")]
    Rights(#[source] rusqlite::Error),
    #[error("the database cannot be read or written")]
    Sqlite(#[source] rusqlite::Error),
    #[error("the run lock `{}` cannot be taken", path.display())]
    Lock { path: PathBuf, source: std::io::Error },
    #[error("a row of the database cannot be read: {0}")]
    Row(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        // What SQLite says when the shared memory beside the log cannot grow.
        if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full(error);
        }
        // A row that must be there is not, or does not hold what it was given.
        if matches!(
            error,
            rusqlite::Error::QueryReturnedNoRows
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        ) {
            return Self::Damaged(error);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::SystemIoFailure) => Self::Failing(error),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::Rights(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

/// What the store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
