//! What must hold of the readers of strangers' bytes, for some seconds; `fuzz/run` looks for an hour.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::dice::Dice;

#[path = "../../fuzz/readers.rs"]
mod fuzzed;

/// Bends some bytes of one text, and puts a piece of another into it.
fn bend(dice: &mut Dice, text: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bent = text.to_vec();
    for _ in 0..=dice.roll(12) {
        let place = dice.roll(bent.len());
        if let Some(byte) = bent.get_mut(place) {
            *byte = [b'\n', b':', b'"', b',', 0, 0xff, b'@', b' '][dice.roll(8)];
        }
    }
    let (from, length, to) = (dice.roll(other.len()), dice.roll(400), dice.roll(bent.len()));
    let piece = &other[from..(from + length).min(other.len())];
    bent.splice(to..to, piece.iter().copied());
    bent
}

fn files(folder: &str) -> Vec<Vec<u8>> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(folder), &mut found);
    found.sort();
    found.iter().map(|path| fs::read(path).unwrap()).filter(|bytes| bytes.len() < 20_000).collect()
}

fn play(folder: &str, times: usize, reader: fn(&[u8])) {
    let files = files(folder);
    assert!(files.len() > 5, "{folder}: {}", files.len());
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for file in &files {
        reader(file);
    }
    for _ in 0..times {
        let (one, other) = (dice.roll(files.len()), dice.roll(files.len()));
        reader(&bend(&mut dice, &files[one], &files[other]));
    }
}

#[test]
fn incoming_mail_is_read_whatever_its_bytes() {
    play("bounces", 60, fuzzed::inbound);
}

#[test]
fn an_import_is_read_whatever_its_bytes() {
    play("imports", 150, fuzzed::csv);
}

#[test]
fn a_token_is_believed_as_it_was_written_alone() {
    let mut dice = Dice(7);
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
        fuzzed::token(&bytes);
    }
}
