//! One run at a time, and files that only their owner reads.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Noted, Result, StoreError};

/// Held by the one run that may send; the kernel frees it whatever becomes of the process.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Takes the lock of the project whose database is `database`; `None` when another run has it.
    pub fn take(database: &Path) -> Result<Option<Self>> {
        let path = beside(database);
        let failed = |source| StoreError::Lock { path: path.clone(), source };
        let file = private(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, path })),
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
        let is_first = file.metadata()?.len() == 0;
        // Never empty in between: shorter only where another file was here.
        file.seek(SeekFrom::Start(0))?;
        file.write_all(line.as_bytes())?;
        file.set_len(line.len() as u64)?;
        if is_first {
            // A later note that the power takes leaves the one before it; this one would leave nothing, and that says that the
            // lock was lost.
            file.sync_all()?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

/// Returns the last run that was noted beside a file, whoever holds the lock now.
pub fn noted_beside(database: &Path) -> Option<Noted> {
    let mut text = String::new();
    let file = File::open(beside(database)).ok()?;
    file.take(1 << 10).read_to_string(&mut text).ok()?;
    Noted::parse(&text)
}

fn beside(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// Makes an empty file, mode 0600, where there is none; SQLite gives `-wal` and `-shm` the same mode.
pub(super) fn create_private(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    private(path).map(drop).map_err(|source| StoreError::Create { path: path.to_owned(), source })
}

/// Opens a file that only its owner reads, and makes it where there is none. A link is not followed: in a folder where
/// others write, it could lead drip to write into any file.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}
