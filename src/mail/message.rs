//! From rendered parts to the bytes of a mail (RFC 5322, RFC 2045).
//!
//! The same draft always gives the same bytes: date, Message-ID and boundary come from the draft, so that a
//! second attempt at a mail is the first one again. Whatever the parts hold, the result has clean line
//! ends, lines of bearable length and one of each header. Knows nothing of templates or the relay.

mod body;
mod quoted;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::message::header::{Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use sha2::{Digest, Sha256};

use super::verp;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::id::SendId;
use crate::model::octets::percent;
use crate::model::settings::Mailbox;

/// The longest display name kept, in characters; longer ones are how spam travels in sign-up forms.
const LONGEST_NAME: usize = 100;

/// A mail before it is bytes.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    pub from: &'a Mailbox,
    pub reply_to: Option<&'a Mailbox>,
    pub to: &'a Address,
    pub to_name: Option<&'a str>,
    pub subject: &'a str,
    pub html: &'a str,
    pub text: &'a str,
    /// `local@domain`, without brackets.
    pub message_id: &'a str,
    pub date: Instant,
    /// Headers for a mail provider, which takes them off.
    pub more: &'a [(&'static str, String)],
    /// What makes it a mail of a list; `None` for a mail inside the firm.
    pub list: Option<List<'a>>,
    /// Pictures that the HTML shows.
    pub images: &'a [Enclosure],
    pub attachments: &'a [Enclosure],
}

/// The list that a mail belongs to, and the way out of it.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// The campaign's id; stands in `List-ID`.
    pub id: &'a str,
    /// A `mailto:` URI.
    pub unsubscribe: &'a str,
    /// A web address that a mail program posts to when its reader has pressed its button (RFC 8058).
    pub one_click: Option<&'a str>,
}

/// A file that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// What the reader sees.
    pub name: String,
    /// As `image/png`.
    pub media_type: &'static str,
    /// By what the HTML calls it, without `cid:`; empty for an attachment.
    pub content_id: String,
    pub bytes: Arc<[u8]>,
}

/// Why a draft cannot become a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the subject is empty")]
    EmptySubject,
    #[error("the text part is empty")]
    EmptyText,
    #[error("`{0}` cannot stand in a header as a Message-ID")]
    MessageId(String),
    #[error("`{0}` cannot stand in a header as the address to unsubscribe at")]
    Unsubscribe(String),
    #[error("`{0}` cannot stand in a header as an address")]
    Address(String),
    #[error("the mail cannot be put together: {0}")]
    Build(String),
}

/// Builds the bytes of a mail: text first, HTML with its pictures behind it, attachments last.
///
/// They are 7-bit unless an address has a local part outside ASCII, which only SMTPUTF8 carries.
///
/// # Errors
/// Returns what in the draft cannot be a mail.
pub fn build(draft: &Draft<'_>) -> Result<Vec<u8>, MessageError> {
    let subject = one_line(draft.subject);
    if subject.is_empty() {
        return Err(MessageError::EmptySubject);
    }
    if draft.text.trim().is_empty() {
        return Err(MessageError::EmptyText);
    }
    if !is_message_id(draft.message_id) {
        return Err(MessageError::MessageId(one_line(draft.message_id)));
    }
    if let Some(list) = draft.list {
        let wrong = Some(list.unsubscribe).filter(|uri| !is_mailto(uri)).or(list.one_click.filter(|url| !is_web(url)));
        if let Some(uri) = wrong {
            return Err(MessageError::Unsubscribe(one_line(uri)));
        }
    }
    let (from, to) = (mailbox(&draft.from.address, draft.from.name.as_deref())?, mailbox(draft.to, draft.to_name)?);
    // Given one, lettre does not read it back out of the headers.
    let envelope = lettre::address::Envelope::new(Some(from.email.clone()), vec![to.email.clone()]);
    let envelope = envelope.map_err(|error| MessageError::Build(error.to_string()))?;
    let mut builder = lettre::Message::builder().envelope(envelope).from(from).to(to);
    if let Some(reply_to) = draft.reply_to {
        builder = builder.reply_to(mailbox(&reply_to.address, reply_to.name.as_deref())?);
    }
    builder = builder
        .raw_header(subject_header(subject))
        .date(date(draft.date))
        .message_id(Some(format!("<{}>", draft.message_id)));
    if let Some(list) = draft.list {
        let ways =
            list.one_click.map_or_else(String::new, |url| format!("<{url}>, ")) + &format!("<{}>", list.unsubscribe);
        builder = builder.raw_header(raw("List-Unsubscribe", ways));
        if list.one_click.is_some() {
            builder = builder.raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        builder = builder.raw_header(raw("List-ID", list_id(list.id, draft.from.address.domain())));
        // What answers by itself leaves such mail alone (RFC 3834, section 2), also where it does not know `Auto-Submitted`.
        builder = builder.raw_header(raw("Precedence", "bulk".to_owned()));
    }
    for (name, value) in draft.more {
        builder = builder.raw_header(raw(name, one_line(value)));
    }
    let message = builder
        .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(raw("X-Auto-Response-Suppress", "OOF, AutoReply".to_owned()))
        .header(MIME_VERSION_1_0)
        .multipart(body::of(draft)?)
        .map_err(|error| MessageError::Build(error.to_string()))?;
    Ok(message.formatted())
}

/// Returns the Message-ID of a row of the ledger, the same on every attempt: `token.number.xproof@domain`. Whoever got one mail
/// cannot make up that of another, and so cannot speak for its reader.
pub fn message_id(token: &str, secret: &str, send: SendId, domain: &str) -> String {
    let token: String = token.chars().filter(|&c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let token = if token.is_empty() { token } else { token + "." };
    format!("{token}{send}.x{}@{domain}", verp::message_proof(secret, send))
}

/// Returns where a mail program writes to unsubscribe: to the address for replies, with the token as its subject.
pub fn unsubscribe_mailto(replies: &Address, token: &str) -> String {
    mailto(replies, token)
}

fn mailto(address: &Address, token: &str) -> String {
    let address = address.for_smtp();
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    format!("mailto:{}@{domain}?subject=unsubscribe%20{}", percent(local), percent(token))
}

/// Returns a text for a header: no line ends, no control characters, single spaces.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c == ' ' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(breaks).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn mailbox(address: &Address, name: Option<&str>) -> Result<lettre::message::Mailbox, MessageError> {
    let smtp = address.for_smtp();
    let parsed = smtp.parse().map_err(|_| MessageError::Address(address.to_string()))?;
    // `=?` would be taken for an encoded word, which could decode to anything.
    let name: String = one_line(&name.unwrap_or_default().replace("=?", "= ?")).chars().take(LONGEST_NAME).collect();
    let name = name.trim();
    // A lone `.` is no word of a phrase (RFC 5322, section 3.2.5), and lettre does not quote it.
    let is_word = name.chars().any(|c| !matches!(c, '.' | ' '));
    Ok(lettre::message::Mailbox::new(is_word.then(|| name.to_owned()), parsed))
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// Returns the subject, encoded by drip itself where lettre would leave a word as it stands that must not be:
/// too long for a line, or itself in the form of an encoded word.
fn subject_header(subject: String) -> HeaderValue {
    let name = lettre::message::header::Subject::name();
    if subject.split(' ').all(|word| word.len() <= 60 && !word.contains("=?")) {
        return HeaderValue::new(name, subject);
    }
    let encoded = encoded_words(&subject);
    HeaderValue::dangerous_new_pre_encoded(name, subject, encoded)
}

/// Writes a text as encoded words (RFC 2047, Q): nothing but ASCII letters, digits and `=XX` comes out,
/// one word a line, none split inside a character.
fn encoded_words(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut close = |word: &mut String| {
        if !out.is_empty() {
            out.push_str("\r\n ");
        }
        let _ = write!(out, "=?utf-8?q?{word}?=");
        word.clear();
    };
    for c in text.chars() {
        let mut bytes = [0; 4];
        let piece = if c.is_ascii_alphanumeric() {
            c.to_string()
        } else if c == ' ' {
            "_".to_owned()
        } else {
            c.encode_utf8(&mut bytes).bytes().fold(String::new(), |mut piece, byte| {
                let _ = write!(piece, "={byte:02X}");
                piece
            })
        };
        // With the brackets a word stays below 75, and the first line has room for `Subject: `.
        if word.len() + piece.len() > 54 {
            close(&mut word);
        }
        word.push_str(&piece);
    }
    close(&mut word);
    out
}

fn is_message_id(id: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    id.len() <= 400
        && id.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !host.is_empty() && local.chars().all(atext) && host.chars().all(domain)
        })
}

fn is_mailto(uri: &str) -> bool {
    uri.starts_with("mailto:") && uri.len() <= 800 && uri.chars().all(|c| c.is_ascii_graphic() && !"<>\"".contains(c))
}

fn is_web(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))
        && url.len() <= 800
        && url.chars().all(|c| c.is_ascii_graphic() && !"<>\"".contains(c))
}

/// Returns `<campaign.domain>` (RFC 2919); whatever a campaign's name holds, two names stay two lists.
fn list_id(campaign: &str, domain: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut label: String = campaign.chars().map(|c| if plain(c) { c } else { '-' }).take(40).collect();
    if label.is_empty() || label != campaign {
        label.push('-');
        label.push_str(&hex(campaign, 4));
    }
    format!("<{label}.{domain}>")
}

fn hex(text: &str, bytes: usize) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    Sha256::digest(text).iter().take(bytes).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns the date a header can hold: its form knows four digits of a year.
fn date(instant: Instant) -> SystemTime {
    let seconds = instant.timestamp().clamp(0, 253_402_300_799);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
}

#[cfg(test)]
mod tests;
