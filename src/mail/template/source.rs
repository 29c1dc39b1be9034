//! Template sources: a file cut into text and handlebars tags, each with its place.
//!
//! The cutting is our own because everything after it (Markdown, MJML, the text part) must never see a tag, and because
//! a tag's place in its own file has to survive being spliced into another.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Diagnostic, Place};
use crate::model::template::{Format, TemplateFile};

/// The block around a partial that is given values.
pub(super) const VALUES: &str = "drip-values";

/// A template file after its front matter was read.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) format: Format,
    pub(super) path: std::path::PathBuf,
    pub(super) text: Arc<str>,
    pub(super) front: Front,
    /// The text below the front matter.
    pub(super) pieces: Vec<Piece>,
}

impl Source {
    pub(super) fn new(file: &TemplateFile) -> Self {
        Self {
            name: file.name.as_str().to_owned(),
            language: file.language.clone(),
            format: file.format,
            path: file.path.clone(),
            text: Arc::from(file.text.as_str()),
            front: Front::default(),
            pieces: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { path: self.path.clone(), text: Arc::clone(&self.text), span }
    }

    /// Says whether this is a whole MJML document rather than a fragment for a layout.
    pub(super) fn is_whole_mjml(&self) -> bool {
        self.format == Format::Mjml && self.text.contains("<mjml")
    }
}

/// Returns the subject as it stands in a file's front matter, with its tags; `None` where it has none.
pub fn written_subject(file: &TemplateFile) -> Option<String> {
    let mut source = Source::new(file);
    super::front::read(&mut source, true, &mut Vec::new(), &mut Vec::new());
    source.front.subject.map(|line| line.text)
}

/// What stands in the front matter, checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Front {
    pub(super) subject: Option<Line>,
    pub(super) preheader: Option<Line>,
    pub(super) layout: Option<(String, Range<usize>)>,
    /// Parameters for links instead of the project's; empty for `utm: false`.
    pub(super) utm: Option<Vec<(String, String)>>,
    pub(super) attachments: Vec<Attachment>,
}

/// A file that goes with every mail of a template.
#[derive(Debug, Clone)]
pub(super) struct Attachment {
    pub(super) file: String,
    pub(super) span: Range<usize>,
    /// What the reader sees, where it is not the file's own name.
    pub(super) name: Option<String>,
}

/// A line of text with tags, as it was after YAML took off its quotes.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

/// A stretch of a source.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Range<usize>),
    /// An index into the table of all tags.
    Tag(usize),
}

/// What a tag does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Value,
    /// `{{{…}}}` or `{{&…}}`: unescaped, so only `body` may be one.
    Raw,
    Open(String),
    Else,
    Close(String),
    Partial(String),
    Comment,
    /// `\{{`, which prints the braces.
    Braces,
}

/// One handlebars tag.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// What stands between the braces, without `~`, `#`, `/` and `>`.
    pub(super) code: String,
    /// `{{~`
    pub(super) trims_left: bool,
    /// `~}}`
    pub(super) trims_right: bool,
}

impl Tag {
    pub(super) fn is_body(&self) -> bool {
        matches!(self.kind, Kind::Value | Kind::Raw) && self.code == "body"
    }

    pub(super) fn is_block(&self) -> bool {
        matches!(self.kind, Kind::Open(_) | Kind::Else | Kind::Close(_))
    }

    /// Says whether this begins or ends the values of a partial; no author can write one.
    pub(super) fn is_scope(&self) -> bool {
        matches!(&self.kind, Kind::Open(name) | Kind::Close(name) if name == VALUES) && self.written().contains('>')
    }

    /// Says whether nothing else stands on the tag's line.
    pub(super) fn is_alone(&self) -> bool {
        let (text, span) = (&self.place.text, &self.place.span);
        let blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
        blank(text[..span.start].rsplit('\n').next()) && blank(text[span.end..].split('\n').next())
    }

    /// Returns the tag as its author wrote it.
    pub(super) fn written(&self) -> &str {
        self.place.text.get(self.place.span.clone()).unwrap_or(&self.code)
    }
}

/// Cuts `range` of a text into pieces and adds its tags to `tags`.
pub(super) fn cut(
    place: impl Fn(Range<usize>) -> Place,
    text: &str,
    range: Range<usize>,
    tags: &mut Vec<Tag>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = range.start;
    while let Some(offset) = text[at..range.end].find("{{") {
        let start = at + offset;
        let backslashes = text[at..start].chars().rev().take_while(|c| *c == '\\').count();
        if backslashes % 2 == 1 {
            push_text(&mut pieces, at..start - 1);
            let place = place(start - 1..start + 2);
            push_tag(&mut pieces, tags, Tag::bare(place, Kind::Braces));
            at = start + 2;
            continue;
        }
        push_text(&mut pieces, at..start);
        let Some(end) = tag_end(text, start, range.end) else {
            found.push(
                Diagnostic::error("a `{{` is never closed")
                    .at(place(start..start + 2))
                    .hint("close it with `}}`, or write `\\{{` to print the braces"),
            );
            return pieces;
        };
        match read(&text[start..end], place(start..end)) {
            Ok(tag) => match scope(&tag) {
                Some((open, close)) => {
                    push_tag(&mut pieces, tags, open);
                    push_tag(&mut pieces, tags, tag);
                    push_tag(&mut pieces, tags, close);
                }
                None => push_tag(&mut pieces, tags, tag),
            },
            Err(diagnostic) => found.push(*diagnostic),
        }
        at = end;
    }
    push_text(&mut pieces, at..range.end);
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, range: Range<usize>) {
    if !range.is_empty() {
        pieces.push(Piece::Text(range));
    }
}

fn push_tag(pieces: &mut Vec<Piece>, tags: &mut Vec<Tag>, tag: Tag) {
    pieces.push(Piece::Tag(tags.len()));
    tags.push(tag);
}

/// Returns the block to put around a partial that is given values: inside it they are names like any other.
fn scope(tag: &Tag) -> Option<(Tag, Tag)> {
    let Kind::Partial(name) = &tag.kind else { return None };
    let values = tag.code.strip_prefix(name.as_str())?.trim();
    let open = Tag { kind: Kind::Open(VALUES.to_owned()), code: format!("{VALUES} {values}"), ..tag.clone() };
    let close = Tag { kind: Kind::Close(VALUES.to_owned()), code: VALUES.to_owned(), ..tag.clone() };
    (!values.is_empty()).then_some((open, close))
}

/// Returns where the tag that begins at `start` ends; quotes inside it may hold braces.
fn tag_end(text: &str, start: usize, limit: usize) -> Option<usize> {
    let rest = &text[start..limit];
    if rest.starts_with("{{!--") {
        return rest.find("--}}").map(|end| start + end + 4);
    }
    if rest.starts_with("{{!") {
        return rest.find("}}").map(|end| start + end + 2);
    }
    let braces = if rest.starts_with("{{{") { "}}}" } else { "}}" };
    let mut quote = None;
    for (offset, c) in rest.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if rest[offset..].starts_with(braces) => return Some(start + offset + braces.len()),
            None if offset > 1 && rest[offset..].starts_with("{{") && !rest.starts_with("{{{") => return None,
            _ => {}
        }
    }
    None
}

impl Tag {
    fn bare(place: Place, kind: Kind) -> Self {
        Self { place, kind, code: String::new(), trims_left: false, trims_right: false }
    }
}

/// Reads one tag.
fn read(written: &str, place: Place) -> Result<Tag, Box<Diagnostic>> {
    if written.starts_with("{{!") {
        return Ok(Tag::bare(place, Kind::Comment));
    }
    if written.starts_with("{{{{") {
        return Err(Box::new(
            Diagnostic::error("`{{{{` has no use in a mail").at(place).hint("write `\\{{` to print the braces"),
        ));
    }
    let triple = written.starts_with("{{{");
    let width = if triple { 3 } else { 2 };
    let mut code = &written[width..written.len() - width];
    let trims_left = code.starts_with('~');
    let trims_right = code.ends_with('~');
    code = code.strip_prefix('~').unwrap_or(code);
    code = code.strip_suffix('~').unwrap_or(code).trim();
    let word = |code: &str| code.split_whitespace().next().unwrap_or_default().to_owned();
    let (kind, code) = if triple {
        (Kind::Raw, code)
    } else if let Some(code) = code.strip_prefix('&') {
        (Kind::Raw, code.trim())
    } else if let Some(code) = code.strip_prefix('>') {
        (Kind::Partial(word(code)), code.trim())
    } else if code.starts_with(['*']) || code.starts_with("#*") || code.starts_with("#>") {
        return Err(Box::new(
            Diagnostic::error(format!("`{written}` is a form of handlebars that mails do not have"))
                .at(place)
                .hint("use `{{> name}}` for a partial"),
        ));
    } else if let Some(code) = code.strip_prefix('#') {
        (Kind::Open(word(code)), code.trim())
    } else if let Some(code) = code.strip_prefix('/') {
        (Kind::Close(word(code)), code.trim())
    } else if code == "^" || word(code) == "else" {
        (Kind::Else, code)
    } else {
        (Kind::Value, code)
    };
    if code.is_empty() {
        return Err(Box::new(Diagnostic::error(format!("`{written}` is empty")).at(place).hint("name an attribute")));
    }
    Ok(Tag { place, kind, code: code.to_owned(), trims_left, trims_right })
}
