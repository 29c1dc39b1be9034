//! The Maildir in which messages lie that a person should see.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::failed;
use crate::cmd::Failure;

pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a message under its hash, on the disk; one that lies there, or was read there, stays as it is.
    pub(super) fn keep(&self, hash: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write(&format!("{}.drip", &hash[..32.min(hash.len())]), bytes)
            .map_err(|error| failed("written", &self.folder, &error))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        for part in ["tmp", "new", "cur"] {
            DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join(part))?;
        }
        let new = self.folder.join("new").join(name);
        let is_read = fs::read_dir(self.folder.join("cur"))?
            .filter_map(Result::ok)
            .any(|entry| entry.file_name().to_string_lossy().split(':').next() == Some(name));
        if is_read || new.exists() {
            return Ok(());
        }
        let part = self.folder.join("tmp").join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, &new)?;
        File::open(self.folder.join("new"))?.sync_all()
    }
}
