//! One document from several files: partials put in place, content put into its layout.

use std::ops::Range;

use crate::error::{Diagnostic, Place};
use crate::model::nearest;
use crate::model::template::Format;

use super::source::{Kind, Line, Piece, Source, Tag};
use super::token::Tokens;
use super::{choose, markdown};

/// How many pieces a document may have; partials that double one another stop here.
const MAX_PIECES: usize = 20_000;

pub(super) struct Composer<'a> {
    pub(super) sources: &'a [Source],
    /// Sources about which something was said already.
    pub(super) broken: &'a [bool],
    pub(super) tags: &'a [Tag],
    pub(super) tokens: &'a Tokens,
    pub(super) default_language: &'a str,
}

/// A document whose tags are tokens.
pub(super) struct Joined {
    pub(super) text: String,
    /// Where in `text` a stretch begins, and the place it comes from.
    marks: Vec<(usize, Place)>,
    /// HTML for a layout of MJML, and the token it replaces; MJML's parser would not forgive what HTML allows.
    pub(super) guest: Option<(Range<usize>, String)>,
}

impl Joined {
    fn new() -> Self {
        Self { text: String::new(), marks: Vec::new(), guest: None }
    }

    /// Returns the numbers of all tokens, in the order in which they will stand.
    pub(super) fn ids(&self, tokens: &Tokens) -> Vec<usize> {
        let (hole, guest) = self
            .guest
            .as_ref()
            .map_or((self.text.len()..self.text.len(), ""), |(hole, guest)| (hole.clone(), guest.as_str()));
        [&self.text[..hole.start], guest, &self.text[hole.end..]]
            .iter()
            .flat_map(|text| tokens.all(text).map(|(_, id)| id).collect::<Vec<_>>())
            .collect()
    }

    /// Returns the place in its author's file of a byte of the document.
    pub(super) fn place(&self, at: usize) -> Option<Place> {
        let (start, place) = self.marks.iter().rev().find(|(start, _)| *start <= at)?;
        let at = (place.span.start + (at - start)).min(place.span.end);
        Some(Place { span: at..at, ..place.clone() })
    }
}

impl Composer<'_> {
    /// Returns the language a file is written in: the project's, where its name tells none.
    pub(super) fn language<'s>(&'s self, source: &'s Source) -> &'s str {
        source.language.as_deref().unwrap_or(self.default_language)
    }

    /// Complains about partials that are missing or that lead back to themselves.
    pub(super) fn check_partials(&self, found: &mut Vec<Diagnostic>) {
        for (index, source) in self.sources.iter().enumerate() {
            for (name, tag) in self.partials_of(index) {
                if self.partial(name, source.format, self.language(source)).is_none() {
                    found.push(self.missing("partial", "_partials/", name, source.format).at(tag.place.clone()));
                }
            }
            if source.name.starts_with("_partials/") {
                self.check_cycle(index, &mut vec![index], &mut Vec::new(), found);
            }
        }
    }

    fn partials_of(&self, index: usize) -> impl Iterator<Item = (&str, &Tag)> {
        self.sources[index].pieces.iter().filter_map(|piece| {
            let Piece::Tag(id) = piece else { return None };
            let tag = &self.tags[*id];
            if let Kind::Partial(name) = &tag.kind { Some((name.as_str(), tag)) } else { None }
        })
    }

    /// Walks from `path`'s first partial; each partial is visited once, so the walk ends.
    fn check_cycle(&self, index: usize, path: &mut Vec<usize>, seen: &mut Vec<usize>, found: &mut Vec<Diagnostic>) {
        let source = &self.sources[index];
        for (name, tag) in self.partials_of(index) {
            let Some(next) = self.partial(name, source.format, self.language(source)) else { continue };
            if next == path[0] {
                let names: Vec<_> = path.iter().chain([&next]).map(|at| short(&self.sources[*at].name)).collect();
                found.push(
                    Diagnostic::error(format!("the partials include each other: {}", names.join(" → ")))
                        .at(tag.place.clone())
                        .hint("take one of these tags out"),
                );
                return;
            }
            // A path this long is no one's intention; the walk must not use up the stack.
            if seen.contains(&next) || path.len() > 64 {
                continue;
            }
            seen.push(next);
            path.push(next);
            self.check_cycle(next, path, seen, found);
            path.pop();
        }
    }

    /// Finds the partial that a source means by a name: first its language, then its format.
    fn partial(&self, name: &str, host: Format, language: &str) -> Option<usize> {
        let formats: &[Format] = match host {
            Format::Markdown => &[Format::Markdown, Format::Html, Format::Text],
            Format::Html => &[Format::Html, Format::Markdown, Format::Text],
            Format::Mjml => &[Format::Mjml, Format::Html, Format::Markdown, Format::Text],
            Format::Text => &[Format::Text, Format::Markdown],
        };
        self.find(&format!("_partials/{name}"), language, formats)
    }

    fn find(&self, name: &str, language: &str, formats: &[Format]) -> Option<usize> {
        let mut all: Vec<usize> = (0..self.sources.len())
            .filter(|at| self.sources[*at].name == name && formats.contains(&self.sources[*at].format))
            .collect();
        all.sort_by_key(|at| formats.iter().position(|format| *format == self.sources[*at].format));
        let languages: Vec<_> = all.iter().map(|at| self.sources[*at].language.as_deref()).collect();
        choose(&languages, Some(language), self.default_language).map(|at| all[at])
    }

    fn missing(&self, what: &str, folder: &str, name: &str, format: Format) -> Diagnostic {
        let full = format!("{folder}{name}");
        if let Some(other) = self.sources.iter().find(|source| source.name == full) {
            let (theirs, ours) = (describe(other.format), describe(format));
            return Diagnostic::error(format!("the {what} `{name}` is {theirs}, which cannot stand in {ours}"))
                .hint(format!("add a version of `{full}` in {ours}"));
        }
        let diagnostic = Diagnostic::error(format!("there is no {what} `{name}`"));
        let known = self.sources.iter().filter_map(|source| source.name.strip_prefix(folder));
        match nearest(name, known) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(format!("add a file `templates/{full}.{}`", ending(format))),
        }
    }

    /// Returns the layout of a template; complains when it names one that does not exist.
    pub(super) fn layout(&self, index: usize, found: &mut Vec<Diagnostic>) -> Option<usize> {
        let source = &self.sources[index];
        let formats: &[Format] = match source.format {
            Format::Mjml => &[Format::Mjml],
            _ => &[Format::Mjml, Format::Html, Format::Markdown],
        };
        let layout = match &source.front.layout {
            Some((name, _)) if name == "none" => None,
            Some((name, span)) if source.is_whole_mjml() => {
                found.push(
                    Diagnostic::error(format!("the layout `{name}` cannot go around a whole document"))
                        .at(source.place(span.clone()))
                        .hint("take `<mjml>` and `<mj-body>` out, or write `layout: none`"),
                );
                return None;
            }
            Some((name, span)) => {
                let layout = self.find(&format!("_layouts/{name}"), self.language(source), formats);
                if layout.is_none() {
                    let place = source.place(span.clone());
                    found.push(self.missing("layout", "_layouts/", name, source.format).at(place));
                    return None;
                }
                layout
            }
            None if source.is_whole_mjml() => None,
            None => self.find("_layouts/main", self.language(source), formats),
        };
        if layout.is_none() && source.format == Format::Mjml && !source.is_whole_mjml() {
            found.push(
                Diagnostic::error("the MJML is neither a whole document nor inside a layout")
                    .at(source.place(0..0))
                    .hint("begin it with `<mjml>`, or add `templates/_layouts/main.mjml`"),
            );
        }
        layout
    }

    /// Composes a template and its layout to one HTML or MJML text; nothing when a part of it is broken.
    pub(super) fn document(&self, index: usize, layout: Option<usize>, found: &mut Vec<Diagnostic>) -> Option<Joined> {
        let body = self.part(index, &self.sources[index], found)?;
        let Some(layout) = layout else { return Some(body) };
        let frame = self.part(layout, &self.sources[index], found)?;
        let (hole, _) = self.tokens.all(&frame.text).find(|(_, id)| self.tags[*id].is_body())?;
        if self.sources[layout].format == Format::Mjml && self.sources[index].format != Format::Mjml {
            return Some(Joined { guest: Some((hole, body.text)), ..frame });
        }
        let mut joined = Joined::new();
        joined.text.push_str(&frame.text[..hole.start]);
        joined.text.push_str(&body.text);
        joined.text.push_str(&frame.text[hole.end..]);
        let shift = body.text.len();
        joined.marks.extend(frame.marks.iter().filter(|(at, _)| *at < hole.start).cloned());
        joined.marks.extend(body.marks.into_iter().map(|(at, place)| (at + hole.start, place)));
        let behind = frame.marks.iter().filter(|(at, _)| *at >= hole.end);
        joined.marks.extend(behind.map(|(at, place)| (at - hole.len() + shift, place.clone())));
        Some(joined)
    }

    /// Returns where the author wrote a word that stands in a document: in the template, or else in what it uses.
    pub(super) fn locate(&self, index: usize, written: &str) -> Place {
        let own = &self.sources[index];
        let used = |source: &&Source| source.name.starts_with('_');
        let spot = |source: &Source| {
            let body = match source.pieces.first()? {
                Piece::Text(range) => range.start,
                Piece::Tag(id) => self.tags[*id].place.span.start,
            };
            source.text[body..].find(written).map(|at| source.place(body + at..body + at + written.len()))
        };
        spot(own).or_else(|| self.sources.iter().filter(used).find_map(spot)).unwrap_or_else(|| own.place(0..0))
    }

    /// Composes a text part of its own.
    pub(super) fn text_part(&self, index: usize, found: &mut Vec<Diagnostic>) -> Option<Joined> {
        self.part(index, &self.sources[index], found)
    }

    /// Returns a line of front matter with tokens for its tags.
    pub(super) fn line(&self, line: &Line) -> String {
        let mut text = String::new();
        for piece in &line.pieces {
            match piece {
                Piece::Text(range) => text.push_str(&line.text[range.clone()]),
                Piece::Tag(id) => text.push_str(&self.tokens.of(*id)),
            }
        }
        text
    }

    /// Puts partials in place and turns Markdown to HTML.
    fn part(&self, index: usize, host: &Source, found: &mut Vec<Diagnostic>) -> Option<Joined> {
        let mut joined = Joined::new();
        let mut pieces = 0;
        self.expand(index, self.language(host), &mut joined, &mut pieces, 0)?;
        if pieces > MAX_PIECES {
            let place = self.sources[index].place(0..0);
            found.push(Diagnostic::error("the template grows too large").at(place).hint("use fewer partials"));
            return None;
        }
        if self.sources[index].format == Format::Markdown {
            joined =
                Joined { text: markdown::render(&joined.text, self.tokens, self.tags), marks: Vec::new(), guest: None };
        }
        Some(joined)
    }

    /// Appends a source; nothing when it, or a partial in it, is broken.
    fn expand(
        &self,
        index: usize,
        language: &str,
        joined: &mut Joined,
        pieces: &mut usize,
        depth: usize,
    ) -> Option<()> {
        let source = &self.sources[index];
        if self.broken[index] || depth > 64 {
            return None;
        }
        let mut after_comment = false;
        for piece in &source.pieces {
            *pieces += 1;
            if *pieces > MAX_PIECES {
                return Some(());
            }
            match piece {
                Piece::Text(range) => {
                    let mut range = range.clone();
                    let text = &source.text[range.clone()];
                    // A comment alone on its line takes the line with it.
                    let alone = joined.text.is_empty() || joined.text.ends_with('\n');
                    if after_comment && alone && text.starts_with(['\n', '\r']) {
                        range.start += text.find('\n').map_or(0, |end| end + 1);
                    }
                    joined.marks.push((joined.text.len(), source.place(range.clone())));
                    joined.text.push_str(&source.text[range]);
                    after_comment = false;
                }
                Piece::Tag(id) => match &self.tags[*id].kind {
                    Kind::Comment => after_comment = true,
                    Kind::Partial(name) => {
                        // The language is the sent template's: a shared layout finds the partial of its guest.
                        let partial = self.partial(name, source.format, language)?;
                        let mut inner = Joined::new();
                        self.expand(partial, language, &mut inner, pieces, depth + 1)?;
                        let format = self.sources[partial].format;
                        if format == Format::Markdown && matches!(source.format, Format::Html | Format::Mjml) {
                            joined.text.push_str(&markdown::render(&inner.text, self.tokens, self.tags));
                        } else {
                            let start = joined.text.len();
                            joined.text.push_str(inner.text.trim_end());
                            joined.marks.extend(inner.marks.into_iter().map(|(at, place)| (at + start, place)));
                        }
                    }
                    kind => {
                        let tag = &self.tags[*id];
                        // Markdown would take a partial that begins behind a token for a paragraph.
                        let own_line = tag.is_scope() && tag.is_alone();
                        if own_line && matches!(kind, Kind::Close(_)) {
                            joined.text.push('\n');
                        }
                        joined.marks.push((joined.text.len(), tag.place.clone()));
                        joined.text.push_str(&self.tokens.of(*id));
                        if own_line && matches!(kind, Kind::Open(_)) {
                            joined.text.push('\n');
                        }
                    }
                },
            }
        }
        Some(())
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("_partials/").unwrap_or(name)
}

fn describe(format: Format) -> &'static str {
    match format {
        Format::Markdown => "Markdown",
        Format::Html => "HTML",
        Format::Mjml => "MJML",
        Format::Text => "plain text",
    }
}

fn ending(format: Format) -> &'static str {
    match format {
        Format::Markdown => "md",
        Format::Html => "html",
        Format::Mjml => "mjml",
        Format::Text => "txt",
    }
}
