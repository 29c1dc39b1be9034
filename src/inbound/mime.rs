//! Takes a message apart (RFC 2045, RFC 2046), in one pass over its lines.
//!
//! Written by hand where a crate would do for clean mail: what comes back is cut short, has boundaries that
//! never end, or thousands of parts inside each other, and must still be read in linear time. Decoding
//! is left to the crate.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::message::{Headers, Part};
use super::text::cut;

/// Multiparts and messages inside each other beyond this are read as text of the one around them.
const DEEPEST: usize = 16;
/// Parts beyond these are not looked at; a report has three or four.
const MOST_PARTS: usize = 60;
/// Boundaries beyond these are not looked for, whether or not their parts hold anything.
const MOST_BOUNDARIES: usize = 1000;
/// A part is read this far, in bytes before decoding.
const LONGEST_PART: usize = 256 * 1024;
/// Text beyond this is not looked at, all parts together.
const LONGEST_TEXT: usize = 1024 * 1024;

/// What a part's own headers say of it.
#[derive(Default)]
struct About {
    kind: String,
    boundary: String,
    charset: String,
    encoding: String,
}

impl About {
    fn of(headers: &Headers, otherwise: &str) -> Self {
        let value = headers.get("content-type").unwrap_or(otherwise);
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Self {
            kind: if kind.contains('/') { kind } else { otherwise.to_owned() },
            boundary: attribute(value, "boundary"),
            charset: attribute(value, "charset"),
            encoding: headers.get("content-transfer-encoding").unwrap_or_default().trim().to_ascii_lowercase(),
        }
    }
}

/// Returns the parts that hold something, in their order; a multipart itself is none.
pub(super) fn parts(headers: &Headers, body: &[u8]) -> Vec<Part> {
    let mut found = Vec::new();
    let mut text_left = LONGEST_TEXT;
    let mut boundaries: Vec<(Vec<u8>, bool)> = Vec::new();
    let mut rest = body;
    let mut about = About::of(headers, "text/plain");
    let mut returned = false;
    let mut seen = 0;
    while found.len() < MOST_PARTS && text_left > 0 && seen < MOST_BOUNDARIES {
        seen += 1;
        // A message inside: its headers stand where the text of another part would.
        while is_message(&about) && boundaries.len() < DEEPEST {
            let (inner, after) = Headers::read(rest);
            rest = after;
            let outer = std::mem::replace(&mut about, About::of(&inner, "text/plain"));
            let first_line_is_text = inner.is_empty();
            found.push(Part { kind: outer.kind, text: String::new(), headers: inner, returned });
            returned = true;
            if first_line_is_text || found.len() >= MOST_PARTS {
                break;
            }
        }
        if about.kind.starts_with("multipart/") && !about.boundary.is_empty() && boundaries.len() < DEEPEST {
            boundaries.push((about.boundary.as_bytes().to_vec(), returned));
            "multipart/preamble".clone_into(&mut about.kind);
        }
        let (raw, next) = until_boundary(rest, &boundaries);
        if next.is_none() && about.kind == "multipart/preamble" {
            // The boundary that was announced never came: all of it is text.
            "text/plain".clone_into(&mut about.kind);
        }
        if !raw.iter().all(u8::is_ascii_whitespace) || about.kind.starts_with("message/") {
            let text = cut(&decode(&about, &raw[..raw.len().min(LONGEST_PART)]), text_left).to_owned();
            text_left -= text.len();
            found.push(Part { kind: std::mem::take(&mut about.kind), text, headers: Headers::default(), returned });
        }
        let Some(Next { after, level, closes }) = next else { break };
        rest = after;
        boundaries.truncate(if closes { level } else { level + 1 });
        returned = boundaries.last().is_some_and(|(_, returned)| *returned);
        if closes {
            // What stands between the end of one multipart and the next part of the one around it says nothing.
            about = About { kind: "multipart/epilogue".to_owned(), ..About::default() };
        } else {
            let (headers, after) = Headers::read(rest);
            about = About::of(&headers, "text/plain");
            rest = after;
        }
    }
    found
}

fn is_message(about: &About) -> bool {
    matches!(about.kind.as_str(), "message/rfc822" | "message/global") && !matches!(about.encoding.as_str(), "base64")
}

struct Next<'a> {
    after: &'a [u8],
    level: usize,
    closes: bool,
}

/// Splits at the next line that is a boundary of an open multipart.
fn until_boundary<'a>(bytes: &'a [u8], open: &[(Vec<u8>, bool)]) -> (&'a [u8], Option<Next<'a>>) {
    let mut at = 0;
    while at < bytes.len() {
        let end = memchr(&bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
        let line = bytes[at..end].trim_ascii_end();
        if let Some(text) = line.strip_prefix(b"--") {
            for (level, (boundary, _)) in open.iter().enumerate().rev() {
                if let Some(tail) = text.strip_prefix(boundary.as_slice())
                    && (tail.is_empty() || tail == b"--")
                {
                    return (&bytes[..at], Some(Next { after: &bytes[end..], level, closes: !tail.is_empty() }));
                }
            }
        }
        at = end;
    }
    (bytes, None)
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

/// Returns a part's text in Unicode, with HTML turned into text; empty for what is no text.
fn decode(about: &About, raw: &[u8]) -> String {
    let is_text = about.kind.starts_with("text/")
        || about.kind.starts_with("message/")
        || about.kind.starts_with("multipart/")
        || about.kind == "application/json";
    if !is_text {
        return String::new();
    }
    let decoded = match about.encoding.as_str() {
        "base64" => base64_decode(raw),
        "quoted-printable" => quoted_printable_decode(raw),
        _ => None,
    };
    let text = to_unicode(decoded.as_deref().unwrap_or(raw), &about.charset);
    if about.kind == "text/html" { html_to_text(&with_line_ends(&text)) } else { text }
}

/// Puts a line end before every tag that begins a line of its own; the crate knows paragraphs and `<br>` alone.
fn with_line_ends(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    for (place, piece) in html.split('<').enumerate() {
        if place > 0 {
            let begins = ["div", "hr", "blockquote", "table", "tr", "li", "h1", "h2", "h3", "pre"].iter().any(|tag| {
                piece.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
                    && piece[tag.len()..].starts_with(|c: char| !c.is_ascii_alphanumeric())
            });
            out.push_str(if begins { "<br><" } else { "<" });
        }
        out.push_str(piece);
    }
    out
}

/// Returns bytes as text: by the charset named, else UTF-8, else Windows-1252, which has a letter for every byte.
pub(super) fn to_unicode(bytes: &[u8], charset: &str) -> String {
    let named = charset.to_ascii_lowercase();
    let is_utf8 = matches!(named.as_str(), "" | "utf-8" | "us-ascii" | "ascii" | "unknown-8bit");
    if let Some(decode) = charset_decoder(named.as_bytes())
        && !is_utf8
    {
        return decode(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // A cut in the middle of a letter is no other charset.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) if named == "utf-8" => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => charset_decoder(b"windows-1252").map_or_else(String::new, |decode| decode(bytes)),
    }
}

/// Returns an attribute of a structured header, without quotes.
fn attribute(value: &str, name: &str) -> String {
    let mut rest = value;
    while let Some(at) = rest.find(';') {
        rest = rest[at + 1..].trim_start();
        let Some((key, after)) = rest.split_once('=') else { break };
        if key.trim().eq_ignore_ascii_case(name) {
            let after = after.trim_start();
            return match after.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
                None => after.split(|c: char| c == ';' || c.is_whitespace()).next().unwrap_or_default().to_owned(),
            };
        }
    }
    String::new()
}
