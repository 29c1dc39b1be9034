//! The parts of a mail: text and HTML to choose from, pictures with the HTML, attachments around all.

use std::borrow::Cow;

use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, SinglePart};

use super::{Draft, Enclosure, MessageError, hex, one_line, quoted};

/// Puts together the parts of a mail; those it does not need are not there.
pub(super) fn of(draft: &Draft<'_>) -> Result<MultiPart, MessageError> {
    let html = text_part(ContentType::TEXT_HTML, draft.html)?;
    let choice = MultiPart::alternative()
        .boundary(boundary(draft.message_id, ""))
        .singlepart(text_part(ContentType::TEXT_PLAIN, draft.text)?);
    let choice = if draft.images.is_empty() {
        choice.singlepart(html)
    } else {
        // The type of the whole is that of its first part (RFC 2387); some readers show nothing without it.
        let kind =
            format!("multipart/related; type=\"text/html\"; boundary=\"{}\"", boundary(draft.message_id, "related"));
        let mut whole = MultiPart::builder().header(content_type(&kind)?).singlepart(html);
        for image in draft.images {
            whole = whole.singlepart(enclosure(image)?);
        }
        choice.multipart(whole)
    };
    if draft.attachments.is_empty() {
        return Ok(choice);
    }
    let mut all = MultiPart::mixed().boundary(boundary(draft.message_id, "mixed")).multipart(choice);
    for attachment in draft.attachments {
        all = all.singlepart(enclosure(attachment)?);
    }
    Ok(all)
}

/// Returns a boundary that no part can hold: `=_` is no output of quoted-printable, `_` none of base64.
fn boundary(message_id: &str, part: &str) -> String {
    format!("=_{}", hex(&format!("{message_id}{part}"), 16))
}

fn content_type(text: &str) -> Result<ContentType, MessageError> {
    ContentType::parse(text).map_err(|_| MessageError::Build(format!("`{text}` is no type of content")))
}

fn text_part(kind: ContentType, text: &str) -> Result<SinglePart, MessageError> {
    let clean = if memchr::memchr2(b'\r', 0, text.as_bytes()).is_some() {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    };
    // Quoted-printable keeps mostly-ASCII text legible in the raw mail; of every other byte it makes three.
    let (encoded, escaped) = quoted::encode(&clean);
    let body = if escaped * 5 <= clean.len() {
        Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable)
    } else {
        Body::new_with_encoding(clean.into_owned(), ContentTransferEncoding::Base64)
            .map_err(|_| MessageError::Build("a part does not encode".to_owned()))?
    };
    Ok(SinglePart::builder().content_type(kind).body(body))
}

fn enclosure(file: &Enclosure) -> Result<SinglePart, MessageError> {
    let body = Body::new_with_encoding(file.bytes.to_vec(), ContentTransferEncoding::Base64)
        .map_err(|_| MessageError::Build(format!("`{}` does not encode", file.name)))?;
    let charset = if file.media_type.starts_with("text/") && std::str::from_utf8(&file.bytes).is_ok() {
        "; charset=utf-8"
    } else {
        ""
    };
    let part = SinglePart::builder().header(content_type(&format!("{}{charset}", file.media_type))?);
    let name = one_line(&file.name).replace(['"', '\\', '/'], "_");
    Ok(if file.content_id.is_empty() {
        part.header(ContentDisposition::attachment(&name)).body(body)
    } else {
        let id = ContentId::from(format!("<{}>", file.content_id));
        part.header(id).header(ContentDisposition::inline_with_name(&name)).body(body)
    })
}
