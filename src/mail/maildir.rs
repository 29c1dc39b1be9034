//! A Maildir that drip writes: each message appears whole, once, and under a name of its own.
//!
//! It is written to `tmp/` and waited for there; the rename to `new/` is the moment it appears.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A folder with `tmp/`, `new/` and `cur/`.
#[derive(Debug, Clone)]
pub struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    /// Names the folder; [`Maildir::make`] makes it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes what is missing of it, for its owner alone.
    pub fn make(&self) -> io::Result<()> {
        ["tmp", "new", "cur"]
            .iter()
            .try_for_each(|part| DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join(part)))
    }

    /// Writes a message to `tmp/`, on the disk; what lay there under that name is a try of before.
    pub fn prepare(&self, name: &str, mut message: impl Read) -> io::Result<PathBuf> {
        let path = self.folder.join("tmp").join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        io::copy(&mut message, &mut file)?;
        file.sync_all()?;
        Ok(path)
    }

    /// Moves a message to `new/`, unless a reader has already filed the same one under `cur/`.
    pub fn publish(&self, prepared: &Path, name: &str) -> io::Result<()> {
        if self.is_filed(name)? {
            return fs::remove_file(prepared);
        }
        let new = self.folder.join("new");
        fs::rename(prepared, new.join(name))?;
        // A rename is durable only once its folder is.
        File::open(new)?.sync_all()
    }

    /// Says whether a message lies there, read or not.
    pub fn has(&self, name: &str) -> io::Result<bool> {
        Ok(self.folder.join("new").join(name).exists() || self.is_filed(name)?)
    }

    fn is_filed(&self, name: &str) -> io::Result<bool> {
        for entry in fs::read_dir(self.folder.join("cur"))? {
            if entry?.file_name().to_string_lossy().split(':').next() == Some(name) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
