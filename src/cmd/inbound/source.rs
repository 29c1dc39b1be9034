//! Where messages come from: files, an mbox, a Maildir.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use super::incoming::Incoming;
use super::{failed, locked};
use crate::cmd::Failure;
use crate::error::Diagnostic;

/// Lines are read in pieces of this length at the most.
const PIECE: u64 = 1 << 16;

/// Reads a file that holds one message.
pub(super) fn file(path: &Path) -> Result<Incoming, Failure> {
    File::open(path).and_then(Incoming::from).map_err(|error| failed("read", path, &error))
}

/// Reads an mbox message by message, as mail programs write it (RFC 4155, with the `>From ` of mboxrd). It stays as it is.
pub(super) fn mbox(path: &Path, mut take: impl FnMut(Incoming) -> Result<(), Failure>) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| failed("read", path, &error);
    let mut reader = BufReader::new(locked::copy(path).map_err(wrong)?);
    let (mut message, mut piece): (Option<Incoming>, Vec<u8>) = (None, Vec::new());
    // The last blank line, which is the mbox's own where the next message begins behind it.
    let mut blank = b"\n".to_vec();
    let mut at_start = true;
    loop {
        piece.clear();
        (&mut reader).take(PIECE).read_until(b'\n', &mut piece).map_err(wrong)?;
        let begins = at_start && !blank.is_empty() && piece.starts_with(b"From ");
        if begins || piece.is_empty() {
            if let Some(message) = message.take() {
                take(message)?;
            }
            if piece.is_empty() {
                return Ok(());
            }
            message = Some(Incoming::default());
            blank.clear();
            // What stands in the rest of a long line is none of the message.
            while !piece.ends_with(b"\n") && !piece.is_empty() {
                piece.clear();
                (&mut reader).take(PIECE).read_until(b'\n', &mut piece).map_err(wrong)?;
            }
            at_start = true;
            continue;
        }
        let Some(message) = &mut message else {
            if piece.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let wrong = Diagnostic::error(format!("`{}` is no mbox", path.display()));
            return Err(wrong.hint("its first line begins with `From `; a single message goes without --mbox").into());
        };
        message.write_all(&blank).map_err(wrong)?;
        blank.clear();
        if at_start && piece.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            blank.clone_from(&piece);
            continue;
        }
        let quoted = piece.iter().take_while(|byte| **byte == b'>').count();
        let written =
            if at_start && quoted > 0 && piece[quoted..].starts_with(b"From ") { &piece[1..] } else { &piece };
        message.write_all(written).map_err(wrong)?;
        at_start = piece.ends_with(b"\n");
    }
}

/// Takes every new message of a Maildir, and moves each to those that were read once it is dealt with.
pub(super) fn maildir(path: &Path, mut take: impl FnMut(Incoming) -> Result<(), Failure>) -> Result<(), Failure> {
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
        let message = match file(&from) {
            Ok(message) => message,
            // One that cannot be read holds up no other.
            Err(failure) => {
                trouble.get_or_insert(failure);
                continue;
            }
        };
        take(message)?;
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
