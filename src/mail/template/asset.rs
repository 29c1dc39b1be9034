//! Pictures and attachments: from paths in templates to parts of a mail.
//!
//! A path counts from `templates/`, whatever file it stands in, so that it survives being put into a layout. It finds
//! one of the files that were read there and can lead nowhere else.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Diagnostic, Place};
use crate::mail::entity::{escape, unescape};
use crate::mail::message::Enclosure;
use crate::model::nearest;
use crate::model::octets::hexadecimal;
use crate::model::plain::quoted;
use crate::model::template::AssetFile;

use super::address::refused_scheme;
use super::html::{Part, attribute, parts, values};
use super::source::Attachment;
use super::token::Tokens;

/// What a mail may carry, in bytes; relays commonly refuse more than 10 MB once it is encoded.
const MOST: usize = 10_000_000;
/// From here on it is a burden for readers on the road.
const MUCH: usize = 5_000_000;

/// The pictures of one document.
pub(super) struct Images<'a> {
    pub(super) files: &'a [AssetFile],
    pub(super) tokens: &'a Tokens,
    pub(super) warnings: Vec<Diagnostic>,
    /// Each once, in the order in which they first stand.
    pub(super) used: Vec<Enclosure>,
}

impl Images<'_> {
    /// Points each picture of the project at the part that will carry it, and complains about those that cannot work.
    pub(super) fn place(&mut self, html: &str, place: impl Fn(&str) -> Place, found: &mut Vec<Diagnostic>) -> String {
        let mut out = String::with_capacity(html.len());
        for (range, part) in parts(html) {
            let text = &html[range];
            let Part::Open { name, .. } = part else {
                out.push_str(text);
                continue;
            };
            let is_image = name.eq_ignore_ascii_case("img");
            if is_image {
                self.describe(text, &place);
            }
            let mut at = 0;
            for (attribute, value, _) in values(text) {
                let source = unescape(&text[value.clone()]);
                if attribute.eq_ignore_ascii_case("style") && source.contains("url(") {
                    let (placed, wrong) = self.style(&source);
                    found.extend(wrong.into_iter().map(|(path, message, hint)| {
                        Diagnostic::error(message).at(self.written(&path, &place)).hint(hint)
                    }));
                    out.push_str(&text[at..value.start]);
                    out.push_str(&escape(&placed));
                    at = value.end;
                    continue;
                }
                let is_source = is_image && attribute.eq_ignore_ascii_case("src");
                if !is_source && !attribute.eq_ignore_ascii_case("background") {
                    continue;
                }
                match self.source(&source) {
                    Ok(None) => {}
                    Ok(Some(content_id)) => {
                        out.push_str(&text[at..value.start]);
                        out.push_str("cid:");
                        out.push_str(&content_id);
                        at = value.end;
                    }
                    Err((message, hint)) => {
                        found.push(Diagnostic::error(message).at(self.written(&source, &place)).hint(hint));
                    }
                }
            }
            out.push_str(&text[at..]);
        }
        out
    }

    /// Points the pictures of a style at their parts; returns what is wrong with others: path, message and hint.
    fn style(&mut self, style: &str) -> (String, Vec<(String, String, String)>) {
        let (mut out, mut wrong, mut rest) = (String::with_capacity(style.len()), Vec::new(), style);
        while let Some(start) = rest.find("url(").map(|at| at + 4) {
            let Some(end) = rest[start..].find(')').map(|at| start + at) else { break };
            let path = rest[start..end].trim().trim_matches(['\'', '"']);
            out.push_str(&rest[..start]);
            match self.source(path) {
                Ok(Some(content_id)) => out.push_str(&format!("cid:{content_id}")),
                Ok(None) => out.push_str(&rest[start..end]),
                Err((message, hint)) => wrong.push((path.to_owned(), message, hint)),
            }
            rest = &rest[end..];
        }
        (out + rest, wrong)
    }

    /// Returns where a source was written; Markdown encodes what an author need not.
    fn written(&self, source: &str, place: impl Fn(&str) -> Place) -> Place {
        let fixed = self.tokens.next(source, 0).map(|(range, _)| format!("{}{{{{", &source[..range.start]));
        let exact = place(fixed.as_deref().unwrap_or(if source.is_empty() { "src=\"\"" } else { source }));
        if exact.span.is_empty() { place(&decoded(source)) } else { exact }
    }

    fn describe(&mut self, tag: &str, place: impl Fn(&str) -> Place) {
        let has = |name: &str| attribute(tag, name).is_some_and(|value| !value.is_empty());
        if has("alt") || attribute(tag, "role") == Some("presentation") {
            return;
        }
        let source = unescape(attribute(tag, "src").unwrap_or_default());
        self.warnings.push(
            Diagnostic::warning(format!("the picture {} has no words", quoted(&decoded(&source))))
                .at(self.written(&source, place))
                .hint("say what it shows, as `![A cup of tea](…)` or `alt=\"A cup of tea\"`: many readers see no pictures"),
        );
    }

    /// Returns the identity of a picture of the project; nothing for one on the web.
    fn source(&mut self, source: &str) -> Result<Option<String>, (String, String)> {
        let web = "write a path that counts from `templates/`, or an address that begins with `https://`";
        let trimmed = source.trim();
        if let Some((token, _)) = self.tokens.next(trimmed, 0) {
            let fixed = &trimmed[..token.start];
            if fixed.is_empty() || fixed.contains("://") {
                return Ok(None);
            }
            let message = format!("the picture `{fixed}…` is named by a tag");
            return Err((message, "choose between whole pictures with `{{#if …}}`".to_owned()));
        }
        if trimmed.is_empty() {
            return Err(("a picture has no address".to_owned(), web.to_owned()));
        }
        let lower = trimmed.to_ascii_lowercase();
        if ["http://", "https://", "//", "cid:"].iter().any(|begin| lower.starts_with(begin)) {
            return Ok(None);
        }
        // What no mail may hold is said where addresses are judged.
        if refused_scheme(trimmed).is_some() {
            return Ok(None);
        }
        let path = decoded(trimmed);
        let file = find(self.files, &path)?;
        if !file.is_image() {
            return Err((format!("`{path}` is not a picture"), "attach it, with `attachments:` at the top".to_owned()));
        }
        let content_id = content_id(file);
        if !self.used.iter().any(|one| one.content_id == content_id) {
            self.used.push(Enclosure {
                name: file.name().to_owned(),
                media_type: file.media_type,
                content_id: content_id.clone(),
                bytes: Arc::clone(&file.bytes),
            });
        }
        Ok(Some(content_id))
    }
}

/// Returns the files that a front matter attaches.
pub(super) fn attachments(
    files: &[AssetFile],
    wanted: &[Attachment],
    place: impl Fn(std::ops::Range<usize>) -> Place,
    found: &mut Vec<Diagnostic>,
) -> Vec<Enclosure> {
    let mut all: Vec<Enclosure> = Vec::new();
    for one in wanted {
        let mut wrong = |message: String, hint: String| {
            found.push(Diagnostic::error(message).at(place(one.span.clone())).hint(hint));
        };
        let file = match find(files, one.file.trim()) {
            Ok(file) => file,
            Err((message, hint)) => {
                wrong(message, hint);
                continue;
            }
        };
        let name = one.name.as_deref().unwrap_or(file.name()).trim();
        let ending = |name: &str| name.rsplit_once('.').and_then(|(_, ending)| AssetFile::media_type(ending));
        if name.chars().any(|c| c.is_control() || "/\\\":<>|*?".contains(c)) || name.chars().count() > 120 {
            wrong(format!("{} is no name for a file", quoted(name)), "leave out slashes and quotes".to_owned());
        } else if ending(name) != Some(file.media_type) {
            let own = file.name().rsplit('.').next().unwrap_or_default();
            wrong(format!("`{name}` ends differently from `{}`", file.path), format!("let it end in `.{own}`"));
        } else if all.iter().any(|other| other.name == name) {
            wrong(format!("`{name}` is attached twice"), "keep one, or give it another `name`".to_owned());
        } else {
            let (name, bytes) = (name.to_owned(), Arc::clone(&file.bytes));
            all.push(Enclosure { name, media_type: file.media_type, content_id: String::new(), bytes });
        }
    }
    all
}

/// Complains about a mail that carries too much.
pub(super) fn weigh(all: &[&Enclosure], place: Place, warnings: &mut Vec<Diagnostic>, found: &mut Vec<Diagnostic>) {
    let bytes: usize = all.iter().map(|one| one.bytes.len()).sum();
    let (whole, tenth) = (bytes / 1_000_000, bytes / 100_000 % 10);
    let message = format!("the mail carries {whole}.{tenth} MB of pictures and attachments");
    let hint = "make the files smaller, or link to them; 10 MB is the most, 5 MB is much";
    if bytes > MOST {
        found.push(Diagnostic::error(message).at(place).hint(hint));
    } else if bytes > MUCH {
        warnings.push(Diagnostic::warning(message).at(place).hint(hint));
    }
}

/// Finds a file by the path in a template.
fn find<'a>(files: &'a [AssetFile], path: &str) -> Result<&'a AssetFile, (String, String)> {
    let counts = "paths count from `templates/`, as `images/tea.png` for `templates/images/tea.png`".to_owned();
    let short = quoted(path);
    if path.contains('\0') || path.contains('\\') {
        return Err((format!("{short} is not a path"), "put `/` between folders".to_owned()));
    }
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || path.starts_with('~') || has_drive || path.split('/').any(|part| part == "..") {
        return Err((format!("{short} leads out of `templates/`"), counts));
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    // The same letters have two forms, and file systems disagree about which one a name has.
    if let Some(file) = files.iter().find(|file| file.path.nfc().eq(path.nfc())) {
        return Ok(file);
    }
    if path.to_ascii_lowercase().ends_with(".svg") {
        return Err((format!("{short} is a drawing that most mail readers do not show"), "save it as PNG".to_owned()));
    }
    let hint = nearest(path, files.iter().map(|file| file.path.as_str()));
    Err((format!("there is no file `templates/{path}`"), hint.map_or(counts, |near| format!("did you mean `{near}`?"))))
}

/// Returns a name for a picture's part that changes with its content alone.
fn content_id(file: &AssetFile) -> String {
    let digest = Sha256::new().chain_update(&file.path).chain_update([0]).chain_update(&file.bytes).finalize();
    format!("{}@drip", hexadecimal(&digest[..12]))
}

/// Takes back `%20` and the like.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
