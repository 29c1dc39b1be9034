//! The first part of a file: its format, its encoding, its line ends and its delimiter.

use std::io::Read;

use super::encoding::{self, Found, Source, Unknown};
use super::fonts::Font;
use super::known::Names;
use super::lines::Lines;
use super::options::Options;
use crate::error::Diagnostic;
use crate::model::plain::quoted;

/// How much of the file is looked at before the first row is read, in bytes.
const HEAD: u64 = 1 << 20;

const SAVE_AS_UTF8: &str = "save it as `CSV UTF-8`, or convert it: `iconv -f WINDOWS-1258 -t UTF-8`";

/// A file of which only the head was read.
pub(super) struct Opening<R> {
    /// In UTF-8.
    pub(super) head: Vec<u8>,
    rest: Source<R>,
    /// Whether the head is all there is.
    pub(super) whole: bool,
    /// Lines before the header that were dealt with.
    line: u64,
    pub(super) format: Format,
    pub(super) found: Found,
}

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv { delimiter: u8 },
    JsonLines,
}

impl<R: Read> Opening<R> {
    pub(super) fn read(mut reader: R, source: &str, options: &Options) -> Result<Self, Diagnostic> {
        let mut sample = Vec::new();
        reader.by_ref().take(HEAD).read_to_end(&mut sample).map_err(|error| unreadable(source, &error))?;
        refuse_foreign(&sample, source)?;
        let found = match options.charset {
            Some(charset) => encoding::forced(charset.0, &sample),
            None => encoding::detect(&sample).map_err(|unknown| no_encoding(source, &unknown))?,
        };
        let mut rest = Source::new(sample, reader, &found);
        let mut head = Vec::new();
        rest.by_ref().take(HEAD).read_to_end(&mut head).map_err(|error| unreadable(source, &error))?;
        // UTF-16 grows when it is decoded, so that the head may end inside the sample.
        let whole = (head.len() as u64) < HEAD;
        let mut line = 0;
        let announced = announced_delimiter(&head);
        if let Some((_, length)) = announced {
            head.drain(..length);
            line = 1;
        }
        if head.trim_ascii().is_empty() && whole {
            return Err(Diagnostic::error(format!("{source}: the file is empty"))
                .hint("its first line names the columns, as `email,first_name,tags`"));
        }
        if options.charset.is_none() {
            refuse_font(&head, source)?;
        }
        let format = match announced {
            Some((delimiter, _)) => Format::Csv { delimiter },
            None => format(&head, source, options)?,
        };
        if matches!(format, Format::Csv { .. }) {
            refuse_old_mac(&head, source)?;
        }
        Ok(Self { head, rest, whole, line, format, found })
    }

    pub(super) fn into_lines(self, delimiter: u8) -> Lines<R> {
        Lines::new(self.head, self.rest, self.line, delimiter)
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, Source<R>) {
        (self.head, self.rest)
    }
}

/// Says that a file cannot be read at all.
pub(super) fn unreadable(source: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(format!("{source}: the file cannot be read")).cause(error.to_string())
}

/// Refuses what is no text at all.
fn refuse_foreign(head: &[u8], source: &str) -> Result<(), Diagnostic> {
    const SAVE: &str = "open it and save it as `CSV UTF-8`";
    const UNPACK: &str = "unpack it first";
    let holds = |name: &[u8]| head[..head.len().min(1 << 14)].windows(name.len()).any(|part| part == name);
    let (what, hint) = match head {
        [b'P', b'K', 3, 4, ..] if holds(b"xl/") || holds(b"[Content_Types].xml") => ("an Excel workbook", SAVE),
        [b'P', b'K', 3, 4, ..] if holds(b"opendocument") => ("an OpenDocument workbook", SAVE),
        [b'P', b'K', 3 | 5, _, ..] => ("a zip archive", UNPACK),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => ("an old Excel workbook", SAVE),
        [b'%', b'P', b'D', b'F', ..] => ("a PDF", "export the table as `CSV UTF-8`"),
        [0x1f, 0x8b, ..] => ("compressed (gzip)", "unpack it first: `gunzip -k`"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, ..] => ("compressed (bzip2)", "unpack it first: `bunzip2 -k`"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("compressed (xz)", "unpack it first: `unxz -k`"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("compressed (zstd)", "unpack it first: `unzstd`"),
        [b'7', b'z', 0xbc, 0xaf, ..] | [b'R', b'a', b'r', b'!', 0x1a, ..] => ("an archive", UNPACK),
        _ => return Ok(()),
    };
    Err(Diagnostic::error(format!("{source}: the file is {what}, not text")).hint(hint))
}

fn no_encoding(source: &str, unknown: &Unknown) -> Diagnostic {
    match unknown {
        Unknown::Utf32 => Diagnostic::error(format!("{source}: the file is in UTF-32")).hint(SAVE_AS_UTF8),
        Unknown::Foreign(word) => Diagnostic::error(format!(
            "{source}: the encoding of the file is not known; in Windows-1252 it would say {}",
            quoted(word)
        ))
        .hint("save it as `CSV UTF-8`, or name its encoding: --encoding windows-1251"),
    }
}

/// Refuses Vietnamese that was typed for a font from before Unicode.
fn refuse_font(head: &[u8], source: &str) -> Result<(), Diagnostic> {
    if head.is_ascii() {
        return Ok(());
    }
    let Some(font) = Font::of(&String::from_utf8_lossy(head)) else { return Ok(()) };
    Err(Diagnostic::error(format!("{source}: the text was typed for a {} font, not in Unicode", font.name()))
        .hint(format!("convert it first: UniKey, Toolkit (Ctrl+Shift+F6), from {} to Unicode", font.name())))
}

fn refuse_old_mac(head: &[u8], source: &str) -> Result<(), Diagnostic> {
    if !head.contains(&b'\n') && head.trim_ascii_end().contains(&b'\r') {
        return Err(Diagnostic::error(format!("{source}: its lines end in CR alone, as on an old Mac"))
            .hint("convert it: `tr '\\r' '\\n'`"));
    }
    Ok(())
}

/// Finds the format from the name of the file and its first character.
fn format(head: &[u8], source: &str, options: &Options) -> Result<Format, Diagnostic> {
    let start = head.trim_ascii_start();
    let has_ending = |endings: &[&str]| endings.iter().any(|ending| source.to_lowercase().ends_with(ending));
    let next = start.get(1..).map(<[u8]>::trim_ascii_start).and_then(<[u8]>::first);
    if start.first() == Some(&b'[')
        && (has_ending(&[".json", ".jsonl", ".ndjson"]) || matches!(next, Some(b'{' | b']')))
    {
        return Err(Diagnostic::error(format!(
            "{source}: the file is one JSON array; drip reads JSON lines, one object a line"
        ))
        .hint(format!("take it apart: jq -c '.[]' {source} | drip import -")));
    }
    if start.first() == Some(&b'{') || has_ending(&[".jsonl", ".ndjson"]) {
        return Ok(Format::JsonLines);
    }
    Ok(Format::Csv { delimiter: sniff(head, has_ending(&[".tsv", ".tab"]), options) })
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
fn sniff(head: &[u8], is_tsv: bool, options: &Options) -> u8 {
    let mut quoted = false;
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let header = &head[start..];
    let end = header.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b'\n' && !quoted
    });
    let header = String::from_utf8_lossy(&header[..end.unwrap_or(header.len())]);
    let names = Names::new();
    let is_email = |name: &str| {
        let name = name.trim().trim_matches('"');
        let to_email = |target: &Option<String>| target.as_deref() == Some("email");
        names.is_email(name) || options.mappings.iter().any(|mapping| to_email(&mapping.target) && mapping.is_of(name))
    };
    let rank = |delimiter: u8| {
        let mut quoted = false;
        let inside = |byte: u8, quoted: &mut bool| {
            *quoted ^= byte == b'"';
            byte == delimiter && !*quoted
        };
        let count = header.bytes().filter(|&byte| inside(byte, &mut quoted)).count();
        let has_email = header.split(char::from(delimiter)).any(is_email);
        (has_email, is_tsv && delimiter == b'\t' && count > 0, count)
    };
    // Of equals the last wins, and that is the comma.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|&delimiter| rank(delimiter)).unwrap_or(b',')
}
