//! One message as drip needs it: its headers, and the parts that say something.
//!
//! Nothing is copied that no rule looks at, and nothing is read beyond the bounds that stand here.

use std::sync::LazyLock;

use mail_parser::MessageParser;

use super::mime;
use super::text::{addresses, cut, one_line};

/// Bytes beyond this are not looked at: what a message is stands at its start.
pub const LONGEST_MESSAGE: usize = 10 * 1024 * 1024;
/// Header fields beyond these are not looked at, nor is a value beyond this length.
const MOST_FIELDS: usize = 400;
const LONGEST_VALUE: usize = 4096;

/// A message taken apart.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) headers: Headers,
    pub(super) parts: Vec<Part>,
}

/// A part of a message that is no multipart.
#[derive(Debug)]
pub(super) struct Part {
    /// As `text/plain`, lower case.
    pub(super) kind: String,
    pub(super) text: String,
    /// Of the message that the part is, for `message/rfc822` alone.
    pub(super) headers: Headers,
    /// Whether it stands inside another message that this one returns or forwards.
    pub(super) returned: bool,
}

impl Message {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(LONGEST_MESSAGE)];
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
        let (headers, body) = Headers::read(&bytes[start..]);
        let parts = mime::parts(&headers, body);
        Self { headers, parts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.parts.iter().all(|part| part.text.trim().is_empty())
    }

    /// Returns the content type of the whole, lower case and without attributes.
    pub(super) fn content_type(&self) -> String {
        let value = self.headers.get("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(super) fn is_report_of(&self, kind: &str) -> bool {
        let value = self.headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
        value.starts_with("multipart/report") && value.contains(kind)
    }

    /// Returns the texts of the message itself, plain before HTML; nothing of a message inside it.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let of = |kind: fn(&str) -> bool| {
            self.parts.iter().filter(move |part| !part.returned && kind(&part.kind)).map(|part| part.text.as_str())
        };
        of(|kind| kind.starts_with("text/") && kind != "text/html" && kind != "text/rfc822-headers")
            .chain(of(|kind| kind == "text/html"))
    }

    /// Returns the text that a reader would see first.
    pub(super) fn text(&self) -> &str {
        self.texts().find(|text| !text.trim().is_empty()).unwrap_or_default()
    }

    pub(super) fn subject(&self) -> String {
        one_line(self.headers.get("subject").unwrap_or_default())
    }

    /// Returns the first address of `From`.
    pub(super) fn from(&self) -> Option<String> {
        self.headers.get("from").and_then(|value| addresses(value).into_iter().next())
    }
}

/// The fields of a header, names in lower case, values unfolded and decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads fields until an empty line; gives back what stands behind it.
    ///
    /// Where the first line is no field there is no header, and all of it is body.
    pub(super) fn read(bytes: &[u8]) -> (Self, &[u8]) {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        let mut rest = bytes;
        let mut first = true;
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
            let line = &rest[..end];
            let text = line.trim_ascii_end();
            // The line that an mbox puts in front, and its quoted form.
            let is_mbox = first && (text.starts_with(b"From ") || text.starts_with(b">From "));
            first = false;
            if text.is_empty() {
                rest = &rest[end..];
                break;
            }
            if !is_mbox {
                if matches!(line[0], b' ' | b'\t') {
                    let Some((_, value)) = fields.last_mut() else { break };
                    if value.len() < LONGEST_VALUE {
                        value.push(b' ');
                        value.extend_from_slice(text.trim_ascii());
                    }
                } else if let Some((name, value)) = field(text) {
                    if fields.len() < MOST_FIELDS {
                        fields.push((name, value[..value.len().min(LONGEST_VALUE)].to_vec()));
                    }
                } else {
                    break;
                }
            }
            rest = &rest[end..];
        }
        (Self(fields.into_iter().map(|(name, value)| (name, decode(&value))).collect()), rest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Splits a line into a field's name and value; some write blanks before the colon.
fn field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().take(80).position(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii();
    let is_name = !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_graphic());
    is_name.then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), line[colon + 1..].trim_ascii()))
}

/// Returns a value in Unicode, encoded words (RFC 2047) read.
fn decode(value: &[u8]) -> String {
    static PARSER: LazyLock<MessageParser> = LazyLock::new(|| MessageParser::new().header_text("Subject"));
    if value.windows(2).any(|pair| pair == b"=?") {
        let mut line = b"Subject: ".to_vec();
        line.extend_from_slice(value);
        line.extend_from_slice(b"\r\n\r\n");
        if let Some(decoded) = PARSER.parse_headers(&line).and_then(|parsed| parsed.subject().map(str::to_owned)) {
            return cut(&decoded, LONGEST_VALUE).to_owned();
        }
    }
    mime::to_unicode(value, "")
}
