//! The bytes of a mail as its reader's program takes them apart, by a reader of its own: drip's builder is not asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a mail says.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Without its angle brackets.
    pub(crate) message_id: String,
    pub(crate) subject: String,
    /// The first part that is plain text.
    pub(crate) text: String,
}

/// Reads a mail; panics where a part of it cannot be read.
pub(crate) fn read(raw: &str) -> Letter {
    let raw = raw.replace("\r\n", "\n");
    let (head, _) = raw.split_once("\n\n").expect("a header and a body");
    let message_id = header(head, "message-id").trim_matches(['<', '>']).to_owned();
    let subject = words(&header(head, "subject"));
    let text = part(&raw, "text/plain");
    Letter { message_id, subject, text }
}

/// Returns the HTML of a mail.
pub(crate) fn html(raw: &str) -> String {
    part(&raw.replace("\r\n", "\n"), "text/html")
}

/// Returns the text of the first part of a type that is no attachment.
fn part(raw: &str, kind: &str) -> String {
    let boundaries = raw.split("boundary=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let parts = boundaries.fold(vec![raw], |parts, boundary| {
        let line = format!("\n--{boundary}");
        parts.into_iter().flat_map(|part| part.split(line.as_str()).collect::<Vec<_>>()).collect()
    });
    let parts = parts.into_iter().filter_map(|part| part.trim_start_matches('\n').split_once("\n\n"));
    let mut found = parts.filter(|(head, _)| {
        header(head, "content-type").to_lowercase().starts_with(kind)
            && !header(head, "content-disposition").starts_with("attachment")
    });
    let (head, body) = found.next().unwrap_or_else(|| panic!("no part that is {kind}"));
    let bytes = match header(head, "content-transfer-encoding").to_lowercase().as_str() {
        "base64" => STANDARD.decode(body.replace('\n', "")).expect("base64"),
        "quoted-printable" => quoted(&body.replace("=\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
}

/// Returns a header's value on one line, or nothing.
pub(crate) fn header(head: &str, name: &str) -> String {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let value = unfolded.lines().find_map(|line| {
        let (written, value) = line.split_once(':')?;
        written.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_default()
}

/// Decodes the encoded words of RFC 2047; the space between two of them is none.
fn words(value: &str) -> String {
    let (mut bytes, mut after_word) = (Vec::new(), false);
    for word in value.split(' ') {
        let inner = word.strip_prefix("=?utf-8?").and_then(|rest| rest.strip_suffix("?="));
        let joined = after_word && inner.is_some();
        if !joined && !bytes.is_empty() {
            bytes.push(b' ');
        }
        after_word = inner.is_some();
        match inner.and_then(|inner| inner.split_once('?')) {
            Some(("b" | "B", text)) => bytes.extend(STANDARD.decode(text).expect("base64")),
            Some(("q" | "Q", text)) => bytes.extend(quoted(&text.replace('_', " "))),
            _ => bytes.extend(word.as_bytes()),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = text.split('=');
    bytes.extend(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two digits of a byte"));
        bytes.extend(rest.as_bytes());
    }
    bytes
}
