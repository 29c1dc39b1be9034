//! Front matter: the YAML between two `---` lines at the top of a template.

mod entry;

use std::ops::Range;

use crate::error::Diagnostic;
use crate::model::nearest;
use crate::model::slip::{Slip, quotes_in_quotes};

use super::source::{Attachment, Front, Line, Source, Tag, cut};
use entry::{Entry, Keys};

const KEYS: [&str; 5] = ["subject", "preheader", "layout", "utm", "attachments"];

/// Reads a file's front matter; returns where the text below it begins.
pub(super) fn read(source: &mut Source, is_send: bool, tags: &mut Vec<Tag>, found: &mut Vec<Diagnostic>) -> usize {
    let text = std::sync::Arc::clone(&source.text);
    let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let first = line_end(&text, bom);
    if text[bom..first].trim_end() != "---" {
        if is_send {
            found.push(no_subject(source, bom..bom));
        }
        return bom;
    }
    // A partial or a layout has no front matter, but it may begin with a line across the page.
    let is_key = |line: &str| line.split_once(':').is_some_and(|(key, _)| KEYS.contains(&key.trim()));
    if !is_send && !text[first..].lines().take_while(|line| line.trim_end() != "---").any(is_key) {
        return bom;
    }
    let mut end = first;
    let close = loop {
        let next = line_end(&text, end);
        if end == text.len() {
            found.push(
                Diagnostic::error("the front matter is never closed")
                    .at(source.place(bom..bom + 3))
                    .hint("end it with a line `---`"),
            );
            return text.len();
        }
        if text[end..next].trim_end() == "---" {
            break next;
        }
        end = next;
    };
    source.front = read_keys(source, first..end, is_send, tags, found);
    close
}

fn line_end(text: &str, start: usize) -> usize {
    text[start..].find('\n').map_or(text.len(), |at| start + at + 1)
}

fn no_subject(source: &Source, span: Range<usize>) -> Diagnostic {
    Diagnostic::error("the template has no subject")
        .at(source.place(span))
        .hint("begin the file with `---`, a line `subject: …` and another `---`")
}

fn read_keys(
    source: &Source,
    range: Range<usize>,
    is_send: bool,
    tags: &mut Vec<Tag>,
    found: &mut Vec<Diagnostic>,
) -> Front {
    let mut front = Front::default();
    let yaml = &source.text[range.clone()];
    let span = |location: serde_yaml::Location| {
        let span = location.span();
        let start = range.start + span.byte_offset().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        start.min(range.end)..(start + length).min(range.end)
    };
    let keys = if yaml.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        Vec::new()
    } else {
        match serde_yaml::from_str::<Keys>(yaml) {
            Ok(keys) => keys.0,
            Err(error) => {
                let said = error.without_snippet().to_string();
                // Its line counts from the front matter's first; the place says it rightly.
                let cause = said.split(" at line ").next().unwrap_or_default();
                let at = error.location().map_or(range.start..range.start, span);
                let unread = Diagnostic::error("the front matter cannot be read as YAML");
                found.push(match quotes_in_quotes(yaml) {
                    Some(Slip { span, better }) => unread
                        .cause("the quotes inside the tag end the text early")
                        .at(source.place(range.start + span.start..range.start + span.end))
                        .hint(format!("write {better}")),
                    None => unread
                        .cause(cause)
                        .at(source.place(at))
                        .hint("put a value with `{{`, `:` or `#` in quotes, as `subject: '{{name}}, hello'`"),
                });
                return front;
            }
        }
    };
    let mut misspelt = false;
    for (key, value) in keys {
        let (key_span, value_span) = (span(key.referenced), span(value.referenced));
        if !is_send && KEYS.contains(&key.value.as_str()) {
            found.push(
                Diagnostic::error(format!("`{}` has no use in a layout, a partial or a text part", key.value))
                    .at(source.place(key_span))
                    .hint("move it to the template that is sent"),
            );
            continue;
        }
        match (key.value.as_str(), value.value) {
            ("subject" | "preheader", Entry::Line(text)) if text.trim().is_empty() => {}
            ("subject", Entry::Line(text)) => front.subject = Some(line(source, text, &value_span, tags, found)),
            ("preheader", Entry::Line(text)) => front.preheader = Some(line(source, text, &value_span, tags, found)),
            ("layout", Entry::Line(text)) => front.layout = Some((text.trim().to_owned(), value_span)),
            (_, Entry::Utm(parameters)) => front.utm = Some(parameters),
            (_, Entry::Attachments(files)) => {
                front.attachments.extend(files.into_iter().map(|file| Attachment {
                    span: span(file.referenced),
                    file: file.value.file,
                    name: file.value.name,
                }));
            }
            (unknown, Entry::Line(_)) => {
                let diagnostic = Diagnostic::error(format!("unknown key `{unknown}` in the front matter"))
                    .at(source.place(key_span));
                misspelt |= nearest(unknown, KEYS) == Some("subject");
                found.push(match nearest(unknown, KEYS) {
                    Some(known) => diagnostic.hint(format!("did you mean `{known}`?")),
                    None => diagnostic.hint(format!("the keys are {}", KEYS.map(|key| format!("`{key}`")).join(", "))),
                });
            }
        }
    }
    if is_send && front.subject.is_none() && !misspelt {
        found.push(no_subject(source, 0..3));
    }
    front
}

/// Reads a line of text with tags.
fn line(source: &Source, text: String, span: &Range<usize>, tags: &mut Vec<Tag>, found: &mut Vec<Diagnostic>) -> Line {
    // A tag points into the file where YAML left it as it was, else at the whole value.
    let shift = source.text[span.clone()].find(&text).map(|at| span.start + at);
    let place = |inner: Range<usize>| match shift {
        Some(shift) => source.place(shift + inner.start..shift + inner.end),
        None => source.place(span.clone()),
    };
    let pieces = cut(place, &text, 0..text.len(), tags, found);
    Line { text, pieces }
}
