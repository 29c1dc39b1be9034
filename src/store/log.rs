//! Whether the write-ahead log that a dead process left is whole.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong, and takes the rest for a transaction that was being
//! written. It is, after a kill and after a power cut, for which the ledger is made. Where a page of the log went bad by
//! itself, SQLite silently forgets every transaction behind it, among them who got which mail. So whoever opens the file
//! looks first: a transaction that was completed behind a bad frame, and no power cut since.
//!
//! The form of the log: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use super::{Result, Store, StoreError, lock};

/// A transaction of more pages than SQLite's cache holds is written in part before its end, and while its checksums are
/// computed anew at the end its commit already stands there. A kill just then leaves what looks like a bad frame.
const CACHE: u64 = 400;
/// Looks at a log that another process may be writing; what is bad remains so.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Store {
    /// Refuses a file whose log went bad under the run of this start of the machine, which `boot` names. Opening it would
    /// make SQLite forget what cannot be read.
    pub fn check_log(path: &Path, boot: Option<&str>) -> Result<()> {
        let noted = lock::noted_beside(path).and_then(|noted| noted.boot);
        if noted.is_none() || noted.as_deref() != boot {
            return Ok(());
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push("-wal");
        let log = path.with_file_name(name);
        let mut seen = bad_frame(&log);
        for _ in 1..LOOKS {
            if seen.is_none() {
                return Ok(());
            }
            std::thread::sleep(BETWEEN_LOOKS);
            seen = bad_frame(&log).filter(|again| Some(again) == seen.as_ref());
        }
        seen.map_or(Ok(()), |bad| Err(StoreError::Log { path: log, frame: bad.frame }))
    }
}

/// Where a log is bad, and of which generation it is.
#[derive(Debug, PartialEq, Eq)]
struct Bad {
    salts: [u8; 8],
    frame: u64,
}

/// Returns the first frame that cannot be read though a completed transaction stands behind it. A log that cannot be read at
/// all is SQLite's to complain of.
fn bad_frame(log: &Path) -> Option<Bad> {
    look(log).ok().flatten()
}

fn look(log: &Path) -> io::Result<Option<Bad>> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; 32];
    if !fill(&mut reader, &mut header)? {
        return Ok(None);
    }
    let big = match word(&header, 0) {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return no_header(&mut reader),
    };
    let mut sum = checksum([0, 0], &header[..24], big);
    let page = word(&header, 8);
    if sum != [word(&header, 24), word(&header, 28)] || !(512..=65_536).contains(&page) {
        return no_header(&mut reader);
    }
    let mut salts = [0; 8];
    salts.copy_from_slice(&header[16..24]);
    let mut frame = vec![0; 24 + page as usize];
    // Frames up to the last completed transaction, and the first bad one.
    let (mut number, mut complete, mut bad) = (0_u64, 0_u64, None);
    while fill(&mut reader, &mut frame)? {
        number += 1;
        let ours = frame[8..16] == salts;
        let ends = word(&frame, 4) > 0;
        match bad {
            None => {
                let next = checksum(checksum(sum, &frame[..8], big), &frame[24..], big);
                if ours && next == [word(&frame, 16), word(&frame, 20)] {
                    sum = next;
                    complete = if ends { number } else { complete };
                } else {
                    bad = Some(number);
                }
            }
            // What an older generation of the log left.
            Some(_) if !ours => {}
            Some(frame) if ends && (number - complete < CACHE || complete > frame) => {
                return Ok(Some(Bad { salts, frame }));
            }
            Some(_) if ends => complete = number,
            Some(_) => {}
        }
    }
    Ok(None)
}

/// A bad header is bad for all that stands behind it, if anything does.
fn no_header(behind: &mut impl Read) -> io::Result<Option<Bad>> {
    Ok(fill(behind, &mut [0])?.then_some(Bad { salts: [0; 8], frame: 0 }))
}

/// Reads a whole piece; `false` at the end, or where the last piece is cut short.
fn fill(reader: &mut impl Read, piece: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(piece) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Goes on with the log's checksum over a piece whose length is a multiple of eight.
fn checksum(from: [u32; 2], bytes: &[u8], big: bool) -> [u32; 2] {
    let of = |four: &[u8]| {
        let four = four.try_into().unwrap_or_default();
        if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(from, |[first, second], eight| {
        let first = first.wrapping_add(of(&eight[..4])).wrapping_add(second);
        [first, second.wrapping_add(of(&eight[4..])).wrapping_add(first)]
    })
}
