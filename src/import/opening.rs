//! The first bytes of a file: its encoding, its line ends and its delimiter.

use std::io::Read;

use super::columns;
use super::lines::Lines;
use crate::error::Diagnostic;

/// How much of the file is looked at before the first row is read, in bytes.
const HEAD: u64 = 1 << 16;

const MARK: &[u8] = b"\xef\xbb\xbf";
const SAVE_AS_UTF8: &str = "save it as `CSV UTF-8`, or convert it: `iconv -f WINDOWS-1258 -t UTF-8`";

/// A file of which only the head was read.
pub(super) struct Opening<R> {
    head: Vec<u8>,
    rest: R,
    /// Lines before the header that were dealt with.
    line: u64,
    pub(super) delimiter: u8,
    /// Whether the file began with a byte order mark, as Excel wants it.
    pub(super) marked: bool,
}

impl<R: Read> Opening<R> {
    pub(super) fn read(mut reader: R, source: &str) -> Result<Self, Diagnostic> {
        let mut head = Vec::new();
        reader.by_ref().take(HEAD).read_to_end(&mut head).map_err(|error| unreadable(source, &error))?;
        refuse_foreign(&head, source)?;
        let marked = head.starts_with(MARK);
        if marked {
            head.drain(..MARK.len());
        }
        let mut line = 0;
        let announced = announced_delimiter(&head);
        if let Some((_, length)) = announced {
            head.drain(..length);
            line = 1;
        }
        if head.trim_ascii().is_empty() && (head.len() as u64) < HEAD {
            return Err(Diagnostic::error(format!("{source}: the file is empty"))
                .hint("its first line names the columns, as `email,first_name,tags`"));
        }
        let delimiter = announced.map_or_else(|| sniff(&head), |(delimiter, _)| delimiter);
        Ok(Self { head, rest: reader, line, delimiter, marked })
    }

    pub(super) fn into_lines(self) -> Lines<R> {
        Lines::new(self.head, self.rest, self.line)
    }
}

/// Says that a file cannot be read at all.
pub(super) fn unreadable(source: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(format!("{source}: the file cannot be read")).cause(error.to_string())
}

/// Refuses what is not text in UTF-8 with lines that end in `\n`.
fn refuse_foreign(head: &[u8], source: &str) -> Result<(), Diagnostic> {
    let refuse = |what: &str, hint: &str| Err(Diagnostic::error(format!("{source}: {what}")).hint(hint));
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"\xd0\xcf\x11\xe0") {
        return refuse("the file is a workbook or an archive, not CSV", "open it and save it as `CSV UTF-8`");
    }
    if head.starts_with(b"\x1f\x8b") || head.starts_with(b"BZh") {
        return refuse("the file is compressed", "unpack it first, as with `gunzip -k`");
    }
    let header = &head[..head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len())];
    // A header in ASCII has a zero in every second byte of its UTF-16 form.
    let zeros = header.split(|&byte| byte == 0).count() - 1;
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || (zeros > 0 && zeros * 3 >= header.len()) {
        return refuse(
            "the file is in UTF-16, not UTF-8",
            "save it as `CSV UTF-8`, or convert it: `iconv -f UTF-16 -t UTF-8`",
        );
    }
    let cut = header.len() == head.len();
    if !cut && std::str::from_utf8(header).is_err() {
        return refuse("the header is not in UTF-8", SAVE_AS_UTF8);
    }
    // One stray byte is the fault of its row; a file that is wrong wherever it leaves ASCII is in another encoding.
    let (mut right, mut wrong) = (0, 0);
    for line in head.split(|&byte| byte == b'\n').filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => right += 1,
            Err(_) => wrong += 1,
        }
    }
    if wrong > 2 && wrong > right {
        return refuse("the file is not in UTF-8", SAVE_AS_UTF8);
    }
    if cut && header.trim_ascii_end().contains(&b'\r') {
        return refuse("its lines end in CR alone, as on an old Mac", "convert it: `tr '\\r' '\\n'`");
    }
    Ok(())
}

/// Returns the delimiter that a first line `sep=;` names, and the length of that line.
fn announced_delimiter(head: &[u8]) -> Option<(u8, usize)> {
    let end = head.iter().position(|&byte| byte == b'\n')?;
    let line = head[..end].trim_ascii_end();
    // `sep=<tab>` ends in what trimming takes away.
    let line = if line.len() == 4 && head.get(4) == Some(&b'\t') { &head[..5] } else { line };
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (word, value) = line.split_at_checked(4)?;
    match value {
        [delimiter] if word.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii() && *delimiter != b'"' => {
            Some((*delimiter, end + 1))
        }
        _ => None,
    }
}

/// Returns the delimiter with which the header has an e-mail column, or else the most columns.
fn sniff(head: &[u8]) -> u8 {
    let mut quoted = false;
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let header = &head[start..];
    let end = header.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b'\n' && !quoted
    });
    let header = String::from_utf8_lossy(&header[..end.unwrap_or(header.len())]);
    let rank = |delimiter: u8| {
        let has_email =
            header.split(char::from(delimiter)).any(|name| columns::is_email(name.trim().trim_matches('"')));
        let mut quoted = false;
        let count = header
            .bytes()
            .filter(|&byte| {
                quoted ^= byte == b'"';
                byte == delimiter && !quoted
            })
            .count();
        (has_email, count)
    };
    // Of equals the last wins, and that is the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| rank(delimiter)).unwrap_or(b',')
}
