//! Where messages come from: files, an mbox, a Maildir.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{LONGEST, failed};
use crate::cmd::Failure;
use crate::error::Diagnostic;

/// Reads a file that holds one message.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed("read", path, &error))?;
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    Ok(bytes)
}

/// Reads an mbox message by message, as mail programs write it (RFC 4155, with the `>From ` of mboxrd). It stays as it is.
pub(super) fn mbox(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| failed("read", path, &error))?;
    let mut reader = BufReader::new(file);
    let (mut message, mut line): (Option<Vec<u8>>, Vec<u8>) = (None, Vec::new());
    let mut after_blank = true;
    loop {
        line.clear();
        let count =
            (&mut reader).take(LONGEST).read_until(b'\n', &mut line).map_err(|error| failed("read", path, &error))?;
        let begins = count == 0 || after_blank && line.starts_with(b"From ");
        if begins {
            if let Some(message) = message.take() {
                // The blank line before the next one is the mbox's own.
                let own = [&b"\r\n\r\n"[..], b"\n\n"].into_iter().find(|end| message.ends_with(end));
                take(&message[..message.len() - own.map_or(0, |end| end.len() / 2)])?;
            }
            if count == 0 {
                return Ok(());
            }
            message = Some(Vec::new());
            after_blank = false;
            continue;
        }
        let Some(message) = &mut message else {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let wrong = Diagnostic::error(format!("`{}` is no mbox", path.display()));
            return Err(wrong.hint("its first line begins with `From `; a single message goes without --mbox").into());
        };
        after_blank = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        let quoted = line.iter().take_while(|byte| **byte == b'>').count();
        let written = if quoted > 0 && line[quoted..].starts_with(b"From ") { &line[1..] } else { &line };
        if message.len() < usize::try_from(LONGEST).unwrap_or(usize::MAX) {
            message.extend_from_slice(written);
        }
    }
}

/// Takes every new message of a Maildir, and moves each to those that were read once it is dealt with.
pub(super) fn maildir(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let (new, cur) = (path.join("new"), path.join("cur"));
    let entries = fs::read_dir(&new).map_err(|error| failed("read", &new, &error))?;
    let mut names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    // Names begin with the time.
    names.sort();
    let mut trouble = None;
    for name in names.into_iter().filter(|name| !name.to_string_lossy().starts_with('.')) {
        let from = new.join(&name);
        if !from.is_file() {
            // A folder or a pipe is no message, and what is gone another reader took.
            continue;
        }
        let bytes = match file(&from) {
            Ok(bytes) => bytes,
            // One that cannot be read holds up no other.
            Err(failure) => {
                trouble.get_or_insert(failure);
                continue;
            }
        };
        take(&bytes)?;
        let mut read = name.clone();
        read.push(":2,S");
        match fs::rename(&from, cur.join(&read)) {
            Ok(()) => {}
            Err(_) if !from.exists() => {}
            Err(error) => return Err(failed("moved to `cur`", &from, &error)),
        }
    }
    trouble.map_or(Ok(()), Err)
}
