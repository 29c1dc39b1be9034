//! Whether the disk has room for a run.

use std::path::Path;

use super::{Result, Store, StoreError};

/// Within a run the log grows to some MiB before it goes into the file. With less, a run would stop half-way, with mails
/// whose outcome could not be written.
const LEAST: u64 = 16 << 10;

impl Store {
    /// Checks that the disk of the file has room for a run; where a disk does not say, it is taken to have.
    pub fn check_room(path: &Path) -> Result<()> {
        match Self::free_room(path) {
            Some(free) if free < LEAST => Err(StoreError::NoRoom { free, least: LEAST }),
            _ => Ok(()),
        }
    }

    /// Returns how much the disk of the file has left, in KiB; `None` where it does not say.
    pub fn free_room(path: &Path) -> Option<u64> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let disk = rustix::fs::statvfs(folder).ok()?;
        (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize) / 1024)
    }
}
