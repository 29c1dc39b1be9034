//! One run at a time, and files that only their owner reads.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Noted, Result, StoreError};

/// Held by the one run that may send; the kernel frees it whatever becomes of the process.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Takes the lock of the project whose database is `database`; `None` when another run has it.
    pub fn take(database: &Path) -> Result<Option<Self>> {
        let path = database.with_extension("lock");
        let failed = |source| StoreError::Lock { path: path.clone(), source };
        let file = private(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl RunLock {
    /// Returns the last run that was noted here.
    pub fn noted(&self) -> Option<Noted> {
        let mut text = String::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).and_then(|_| file.take(1 << 10).read_to_string(&mut text)).ok()?;
        Noted::parse(&text)
    }

    /// Notes a run of the file beside the lock.
    ///
    /// # Errors
    /// Where the lock file cannot be written.
    pub fn note(&self, noted: &Noted) -> io::Result<()> {
        let mut file = &self.file;
        let line = noted.line();
        // Never empty in between: shorter only where another file was here.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(line.as_bytes())?;
        file.set_len(line.len() as u64)
    }
}

/// Makes an empty file, mode 0600, where there is none; SQLite gives `-wal` and `-shm` the same mode.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { private(path).map(drop) }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
