//! One run at a time, and files that only their owner reads.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Result, StoreError};

/// Held by the one run that may send; the kernel frees it whatever becomes of the process.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of the project whose database is `database`; `None` when another run has it.
    pub fn take(database: &Path) -> Result<Option<Self>> {
        let path = database.with_extension("lock");
        let failed = |source| StoreError::Lock { path: path.clone(), source };
        let file = private(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Makes an empty file, mode 0600, where there is none; SQLite gives `-wal` and `-shm` the same mode.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { private(path).map(drop) }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
