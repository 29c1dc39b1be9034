//! A YAML file as a tree in which everything knows where it stands.
//!
//! The tree is read whatever the fields mean, so that every problem of a file can be told at once.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use crate::error::{Diagnostic, Place};
use crate::model::secret;
use crate::model::slip::{self, Slip};

/// A value and the bytes it stands in.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a value is. Scalars keep the text they were written as.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Scalar(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and the bytes it stands in.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

impl Node {
    /// Returns what the value is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Scalar(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// A value as serde hands it over: everything but the positions of scalars' own kinds.
enum Raw {
    Null,
    Scalar(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// Reads a file's text; `place` makes the place of some of its bytes.
pub(super) fn read(text: &str, place: impl Fn(Range<usize>) -> Place) -> Result<Node, Box<Diagnostic>> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! { max_nodes: 20_000, max_aliases: 100, max_depth: 32 },
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::Error,
    };
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(node(raw, text)),
        Err(error) => {
            let span = error.location().map_or(0..0, |location| span(&location, text));
            let said = error.without_snippet().to_string();
            let (diagnostic, span) =
                slipped(text, span.start).unwrap_or_else(|| (syntax(&said, text, span.clone()), span));
            Err(Box::new(diagnostic.at(place(span))))
        }
    }
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let span = span(&raw.referenced, text);
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        // The text as written: `no`, `08:00` and `007` are what they look like.
        Raw::Scalar(value) => Kind::Scalar(plain(text, &span).map_or(value, str::to_owned)),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let span = self::span(&key.referenced, text);
                    (Key { name: key.value, span }, node(value, text))
                })
                .collect(),
        ),
    };
    Node { kind, span }
}

/// Returns a scalar's own text where it is written plainly on one line.
fn plain<'a>(text: &'a str, span: &Range<usize>) -> Option<&'a str> {
    let written = text.get(span.clone())?.trim();
    let begins_plain = !written.starts_with(['"', '\'', '|', '>', '*', '&', '!', '[', '{']);
    (begins_plain && !written.is_empty() && !written.contains('\n')).then_some(written)
}

fn span(location: &serde_yaml::Location, text: &str) -> Range<usize> {
    let span = location.span();
    if let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) {
        let start = usize::try_from(start).unwrap_or(0).min(text.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(0)).min(text.len());
        return start..end;
    }
    let line = usize::try_from(location.line().max(1) - 1).unwrap_or(0);
    let column = usize::try_from(location.column().max(1) - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within: usize = text[before..].chars().take(column).map(char::len_utf8).sum();
    let start = (before + within).min(text.len());
    start..start
}

/// Tells of a text on the line of a problem that stands in the wrong quotes, or in none, and where it is.
fn slipped(text: &str, at: usize) -> Option<(Diagnostic, Range<usize>)> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    if let Some(Slip { span, better }) = slip::quotes_in_quotes(line) {
        let diagnostic = Diagnostic::error("the quotes inside the tag end the text early");
        return Some((
            diagnostic.hint(format!("write {}", secret::without(&better))),
            start + span.start..start + span.end,
        ));
    }
    slip::cut_in_braces(text, at).map(|Slip { span, better }| (cut_short(&better), span))
}

/// Says that YAML ends a text inside braces before its author did.
pub(super) fn cut_short(better: &str) -> Diagnostic {
    Diagnostic::error("inside `{ … }` or `[ … ]`, a text with a comma or brackets of its own must stand in quotes")
        .hint(format!("write {}", secret::without(better)))
}

/// Rewords what the YAML reader says where people commonly slip.
fn syntax(message: &str, text: &str, span: Range<usize>) -> Diagnostic {
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    let lower = message.to_lowercase();
    if indent.contains('\t') {
        return Diagnostic::error("the line is indented with a tab")
            .hint("YAML is indented with spaces; use two for each level");
    }
    if lower.contains("duplicate") {
        let key = text.get(span).unwrap_or_default().trim().trim_end_matches(':');
        return Diagnostic::error(format!("the key `{key}` stands here twice")).hint("keep one of them");
    }
    if line.contains(": {{") || line.contains("- {{") {
        return Diagnostic::error("a value that begins with `{{` must stand in quotes")
            .hint("write '{{first_name}}, …'");
    }
    if line.contains(": !") || line.contains("- !") {
        return Diagnostic::error("a value that begins with `!` must stand in quotes")
            .hint("write if: '!did(\"purchased\")'");
    }
    if lower.contains("quote")
        || lower.contains("unexpected end of stream")
        || lower.contains("while scanning a quoted")
    {
        return Diagnostic::error("the quote that opens here is never closed").hint("close it on the same line");
    }
    if lower.contains("budget") || lower.contains("alias") && lower.contains("limit") {
        return Diagnostic::error("the file is too large or too deeply nested")
            .hint("a campaign needs no anchors that multiply");
    }
    let first = message.lines().next().unwrap_or_default();
    let first = first.split(" at line ").next().unwrap_or(first);
    Diagnostic::error(format!("this is not valid YAML: {first}"))
        .hint("check the indentation, and put texts with `: ` or `#` in quotes")
}
