//! Taking mails out of the outbox again, by whom they are addressed to.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Outbox;
use crate::model::address::Address;

/// Folders within folders that are looked through.
const DEEPEST: usize = 8;

/// A head is not longer; what follows is the mail itself.
const HEAD: u64 = 1 << 16;

impl Outbox {
    /// Removes the mails to addresses for which `wanted` holds, read or not; returns how many.
    pub fn remove(&self, wanted: &mut dyn FnMut(&Address) -> bool) -> io::Result<u64> {
        let mut removed = 0;
        // Mail readers make folders of their own inside: `.Archive/cur`.
        let mut folders = vec![(self.folder().to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let is_mail = folder.file_name().is_some_and(|name| ["new", "cur", "tmp"].iter().any(|part| name == *part));
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let (kind, path) = (entry.file_type()?, entry.path());
                if kind.is_dir() && depth < DEEPEST {
                    folders.push((path, depth + 1));
                } else if is_mail && kind.is_file() && recipient(&path)?.is_some_and(|to| wanted(&to)) {
                    fs::remove_file(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// Returns whom a mail is addressed to; `None` where that cannot be told.
fn recipient(path: &Path) -> io::Result<Option<Address>> {
    let mut to: Option<String> = None;
    let mut lines = BufReader::new(fs::File::open(path)?.take(HEAD));
    let mut bytes = Vec::new();
    while lines.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        let folded = line.starts_with([' ', '\t']);
        match &mut to {
            Some(value) if folded => value.push_str(&line),
            Some(_) => break,
            None if line.is_empty() => break,
            None if line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("to:")) => {
                to = Some(line[3..].to_owned());
            }
            None => {}
        }
    }
    let Some(to) = to else { return Ok(None) };
    let address = to.rsplit_once('<').map_or(to.as_str(), |(_, rest)| rest.trim_end().trim_end_matches('>'));
    Ok(Address::parse(address).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mails_to_that_person_go() {
        let dir = tempfile::tempdir().unwrap();
        for (part, name, head) in [
            ("new", "1", "Subject: a\r\nTo: =?utf-8?b?TGFu?=\r\n <Lan@example.com>\r\n\r\nx"),
            ("cur", "2:2,S", "To: lan@example.com\r\n\r\nx"),
            ("new", "3", "To: minh@example.com\r\nSubject: lan@example.com\r\n\r\nTo: lan@example.com"),
            (".Archive.2026/cur", "5:2,S", "To: lan@example.com\r\n\r\nx"),
            ("new", "4", "Subject: none\r\n\r\nTo: lan@example.com"),
        ] {
            fs::create_dir_all(dir.path().join(part)).unwrap();
            fs::write(dir.path().join(part).join(name), head).unwrap();
        }
        let removed = Outbox::new(dir.path()).remove(&mut |to| to.key() == "lan@example.com").unwrap();
        assert_eq!(removed, 3);
        assert!(dir.path().join("new/3").exists() && dir.path().join("new/4").exists());
    }
}
