//! Bytes for the CSV parser, one line of the file at a time, so that the line of each record is known.
//!
//! The parser of the `csv` crate counts lines a little differently (blank ones, and what it has read
//! ahead), says nothing of a quote that is never closed, and would hold the rest of the file in memory
//! because of it. It asks for more bytes only when it has used up the last, so handing it a line at a
//! time shows exactly how far it is.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use csv::ByteRecord;

use super::encoding::Source;

/// The longest record, in bytes: far above any real row, far below what hurts.
const LIMIT: usize = 1 << 20;

/// A reader that hands out at most one line a call, with `\n` at the end of each, also the last.
pub(super) struct Lines<R> {
    inner: BufReader<Chain<Cursor<Vec<u8>>, Source<R>>>,
    /// The number of the line handed out last.
    line: u64,
    /// Whether the next byte begins a line.
    at_start: bool,
    /// A `\r` that ended a piece and is dropped if `\n` follows.
    held: bool,
    end: End,
    record_bytes: usize,
    bytes_read: u64,
    delimiter: u8,
    quotes: Quotes,
    /// Whether the record at hand has a quote that ends, with more behind it.
    stray: bool,
}

/// Where in a field the parser is, as far as quotes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Start,
    Plain,
    Inside,
    Ended,
}

/// Whether there is more to hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    OfFile,
    /// A record passed [`LIMIT`].
    TooLong,
}

/// A quote that never ends.
pub(super) struct OpenQuote {
    pub(super) line: u64,
    pub(super) reason: String,
}

impl<R: Read> Lines<R> {
    /// Starts behind `line` lines that were read already; `head` is the part of the rest that was, too.
    pub(super) fn new(head: Vec<u8>, rest: Source<R>, line: u64, delimiter: u8) -> Self {
        Self {
            inner: BufReader::with_capacity(1 << 16, Cursor::new(head).chain(rest)),
            line,
            at_start: true,
            held: false,
            end: End::NotYet,
            record_bytes: 0,
            bytes_read: 0,
            delimiter,
            quotes: Quotes::Start,
            stray: false,
        }
    }

    /// Returns the number of the line handed out last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Returns how many bytes were taken from the file.
    pub(super) fn bytes_read(&self) -> u64 {
        self.inner.get_ref().get_ref().1.raw_bytes().unwrap_or(self.bytes_read)
    }

    /// Starts to count the bytes of the next record.
    pub(super) fn begin_record(&mut self) {
        self.record_bytes = 0;
        self.stray = false;
    }

    /// Says whether a field of the record read last goes on behind its closing quote: `"Bob "B" Lee"`.
    ///
    /// The parser takes such a field for something, and nobody could say whether for what was meant.
    pub(super) fn is_stray(&self) -> bool {
        self.stray
    }

    fn follow_quotes(&mut self, text: &[u8]) {
        if matches!(self.quotes, Quotes::Start | Quotes::Plain) && !text.contains(&b'"') {
            let ended = text.last().is_some_and(|&byte| byte == b'\n' || byte == self.delimiter);
            self.quotes = if ended { Quotes::Start } else { Quotes::Plain };
            return;
        }
        for &byte in text {
            self.quotes = match (self.quotes, byte) {
                (Quotes::Inside, b'"') => Quotes::Ended,
                (Quotes::Inside, _) | (Quotes::Start | Quotes::Ended, b'"') => Quotes::Inside,
                (_, b'\n') => Quotes::Start,
                (_, byte) if byte == self.delimiter => Quotes::Start,
                (Quotes::Ended, b' ' | b'\t' | b'\r') => Quotes::Ended,
                (Quotes::Ended, _) => {
                    self.stray = true;
                    Quotes::Plain
                }
                _ => Quotes::Plain,
            };
        }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Two bytes, because a held `\r` may have to go out before the next one.
        if out.len() < 2 {
            return Err(io::Error::other("the buffer of the CSV parser is too small"));
        }
        loop {
            if self.end == End::NotYet && self.record_bytes > LIMIT {
                self.end = End::TooLong;
            }
            if self.end != End::NotYet {
                return Ok(0);
            }
            let piece = match self.inner.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if piece.is_empty() {
                if self.at_start {
                    self.end = End::OfFile;
                    return Ok(0);
                }
                self.at_start = true;
                out[0] = b'\n';
                self.follow_quotes(b"\n");
                return Ok(1);
            }
            self.line += u64::from(self.at_start);
            let within = &piece[..piece.len().min(out.len() - 1)];
            let taken = within.iter().position(|&byte| byte == b'\n').map_or(within.len(), |at| at + 1);
            let (text, line_ends) = match within[..taken].strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (&within[..taken], false),
            };
            let mut length = 0;
            if self.held && !(line_ends && text.is_empty()) {
                out[0] = b'\r';
                length = 1;
            }
            let (text, cr) = text.strip_suffix(b"\r").map_or((text, false), |text| (text, true));
            out[length..length + text.len()].copy_from_slice(text);
            length += text.len();
            if line_ends {
                out[length] = b'\n';
                length += 1;
            }
            self.held = cr && !line_ends;
            self.at_start = line_ends;
            self.record_bytes += taken;
            self.bytes_read += taken as u64;
            self.inner.consume(taken);
            if length > 0 {
                self.follow_quotes(&out[..length]);
                return Ok(length);
            }
        }
    }
}

/// Returns the line on which a record begins that was just read.
pub(super) fn first_line<R: Read>(lines: &Lines<R>, record: &ByteRecord) -> u64 {
    lines.line().saturating_sub(record.iter().map(breaks).sum())
}

/// Returns the quote that swallowed the rest of the file, if the record just read ended in one.
///
/// Every line ends in `\n`, so a record that only the end of the input could end was inside a quote.
pub(super) fn unclosed<R: Read>(lines: &Lines<R>, record: &ByteRecord) -> Option<OpenQuote> {
    if lines.end == End::NotYet || record.is_empty() {
        return None;
    }
    let last = record.iter().next_back().unwrap_or_default();
    let line = lines.line().saturating_sub(breaks(last)) + u64::from(last.ends_with(b"\n"));
    let reason = if lines.end == End::TooLong {
        "the row is longer than 1 MiB; is a `\"` left open on this line?"
    } else {
        "the quote that opens on this line is never closed"
    };
    Some(OpenQuote { line, reason: reason.to_owned() })
}

fn breaks(cell: &[u8]) -> u64 {
    cell.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}
