//! The Maildir in which messages lie that a person should see.

use std::io;
use std::path::{Path, PathBuf};

use super::failed;
use super::incoming::Incoming;
use crate::cmd::Failure;
use crate::mail::maildir::Maildir;

pub(super) struct Kept(Maildir);

impl Kept {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(Maildir::new(folder))
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// Keeps a message under its hash, on the disk; one that lies there, or was read there, stays as it is.
    pub(super) fn keep(&self, message: &mut Incoming, hash: &str) -> Result<(), Failure> {
        self.write(message, hash).map_err(|error| failed("written", self.folder(), &error))
    }

    fn write(&self, message: &mut Incoming, hash: &str) -> io::Result<()> {
        let name = format!("{}.drip", hash.get(..32).unwrap_or(hash));
        self.0.make()?;
        if self.0.has(&name)? {
            return Ok(());
        }
        let prepared = self.0.prepare(&name, message.reader()?)?;
        self.0.publish(&prepared, &name)
    }
}
