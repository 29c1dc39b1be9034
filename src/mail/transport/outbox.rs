//! A Maildir in the project folder, where mail goes while no SMTP server is configured.
//!
//! Any mail reader opens it. The name of a file follows from the mail's Message-ID, so that a mail written
//! again after a crash replaces itself; the rename out of `tmp/` is the moment the content leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    ConnectError, ConnectErrorKind, NotCommitted, Outcome, Parcel, Permit, Relay, Scope, Transport, reply::one_line,
};
use crate::mail::maildir::Maildir;
use crate::model::octets::hexadecimal;

/// Mail that stays in the project folder.
#[derive(Debug, Clone)]
pub struct Outbox {
    maildir: Maildir,
}

impl Outbox {
    /// Names the folder; it is made when the first mail goes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { maildir: Maildir::new(folder) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.maildir.folder()
    }
}

impl Relay for Outbox {
    fn transport(&self) -> Box<dyn Transport> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        self.folder().display().to_string()
    }

    fn connections(&self) -> usize {
        1
    }
}

impl Transport for Outbox {
    fn connect(&mut self) -> Result<(), ConnectError> {
        self.maildir.make().map_err(|error| ConnectError {
            kind: ConnectErrorKind::Unreachable,
            message: format!("cannot make the folder `{}`: {error}", self.folder().display()),
            hint: "make the project folder writable, or set `smtp` in drip.yaml".to_owned(),
        })
    }

    fn deliver(&mut self, mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted> {
        let message = mail.bytes.as_slice();
        let deferred =
            |why: &dyn std::fmt::Display| Outcome::Deferred { reply: one_line(&why.to_string()), scope: Scope::Relay };
        if let Err(error) = self.connect() {
            return Ok(deferred(&error));
        }
        let name = file_name(message);
        let prepared = match self.maildir.prepare(&name, message) {
            Ok(path) => path,
            Err(error) => return Ok(deferred(&format!("cannot write to {}: {error}", self.folder().display()))),
        };
        if commit() == Permit::No {
            // What stays behind in `tmp/` is not mail; the next attempt writes over it.
            let _ = fs::remove_file(prepared);
            return Err(NotCommitted);
        }
        match self.maildir.publish(&prepared, &name) {
            Ok(()) => Ok(Outcome::Sent { reply: format!("written to {}", self.folder().display()) }),
            Err(error) => Ok(Outcome::Unknown { reason: one_line(&format!("cannot move the mail to new/: {error}")) }),
        }
    }

    fn close(&mut self) {}
}

/// Returns a name that is the same for every attempt at one mail, in the form Maildir asks for.
fn file_name(message: &[u8]) -> String {
    let head_end = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(message.len());
    let head = String::from_utf8_lossy(&message[..head_end]).into_owned();
    let id = head.split("\r\n").find(|line| line.len() > 11 && line[..11].eq_ignore_ascii_case("message-id:"));
    let digest = match id {
        Some(line) => Sha256::digest(line[11..].trim()),
        None => Sha256::digest(message),
    };
    hexadecimal(&digest[..16]) + ".drip"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::transport::Envelope;
    use crate::model::address::Address;

    const YES: Permit = Permit::Yes { next: None };

    fn parcel(bytes: &[u8]) -> Arc<Parcel> {
        let address = Address::parse("lan@example.com").unwrap();
        Arc::new(Parcel { envelope: Envelope::new(&address, &address), bytes: bytes.to_vec() })
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_mail_written_twice_is_one_mail_even_after_it_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("outbox");
        let mut outbox = Outbox::new(&folder).transport();
        let mail = b"Message-ID: <1@x.example>\r\nSubject: a\r\n\r\nHello\r\n";
        for _ in 0..2 {
            let outcome = outbox.deliver(&parcel(mail), &mut || YES).unwrap();
            assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
        }
        let new = names(&folder.join("new"));
        assert_eq!(new.len(), 1);
        assert_eq!(fs::read(folder.join("new").join(&new[0])).unwrap(), mail);

        fs::rename(folder.join("new").join(&new[0]), folder.join("cur").join(format!("{}:2,S", new[0]))).unwrap();
        outbox.deliver(&parcel(mail), &mut || YES).unwrap();
        assert!(names(&folder.join("new")).is_empty(), "the reader would see it twice");
        assert!(names(&folder.join("tmp")).is_empty());
    }

    #[test]
    fn nothing_shows_up_when_the_intent_was_not_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::new(dir.path()).transport();
        let mail = b"Message-ID: <1@x.example>\r\n\r\nHello\r\n";
        assert_eq!(outbox.deliver(&parcel(mail), &mut || Permit::No), Err(NotCommitted));
        assert!(names(&dir.path().join("new")).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_made_defers_and_records_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("outbox"), "a file in the way").unwrap();
        let mut outbox = Outbox::new(dir.path().join("outbox")).transport();
        let outcome = outbox.deliver(&parcel(b"x"), &mut || panic!("must not be recorded")).unwrap();
        assert!(matches!(outcome, Outcome::Deferred { scope: Scope::Relay, .. }), "{outcome:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("outbox");
        Outbox::new(&folder).transport().deliver(&parcel(b"x"), &mut || YES).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("new").join(&names(&folder.join("new"))[0])), 0o600);
    }
}
