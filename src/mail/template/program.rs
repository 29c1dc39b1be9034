//! A compiled text: tags put back in place of tokens, ready to be rendered many times.

use handlebars::{Context, Handlebars, RenderContext, RenderErrorReason, Renderable, Template};

use crate::error::{Diagnostic, Place};

use super::RenderError;
use super::address;
use super::function::{BACKSLASH, BRACE, FUNCTIONS};
use super::registry::{self, SHOW};
use super::source::{Kind, Tag};
use super::straight::{Limited, Straight};
use super::token::{ADDRESS, ADDRESS_END, Tokens};

/// A text with tags, compiled.
#[derive(Debug)]
pub(super) struct Program {
    template: Template,
    straight: Straight,
    /// How long the compiled text is: about as long as what comes of it.
    length: usize,
    spots: Vec<Spot>,
    /// Stands in where handlebars names no place.
    whole: Place,
}

/// Where a tag stands in the compiled text and in its author's file.
#[derive(Debug)]
struct Spot {
    line: usize,
    column: usize,
    place: Place,
    code: String,
}

impl Program {
    /// Compiles a text whose tags are tokens.
    pub(super) fn new(text: &str, tokens: &Tokens, tags: &[Tag], whole: Place) -> Result<Self, Box<Diagnostic>> {
        let mut out = Assembly { text: String::with_capacity(text.len() * 2), line: 1, column: 1 };
        let mut spots = Vec::new();
        let mut at = 0;
        for (range, id) in tokens.all(text) {
            if matches!(id, ADDRESS | ADDRESS_END) {
                out.fixed(&text[at..range.start]);
                at = range.end;
                if id == ADDRESS {
                    // What is wrong with an address is its first tag's doing.
                    if let Some(tag) = tokens.next(text, range.end).and_then(|(_, id)| tags.get(id)) {
                        spots.push(out.spot(tag));
                    }
                    out.push(&format!("{{{{#{}}}}}", address::BLOCK));
                } else {
                    out.push(&format!("{{{{/{}}}}}", address::BLOCK));
                }
                continue;
            }
            let Some(tag) = tags.get(id) else { continue };
            let before = &text[at..range.start];
            let comment = tag.is_block() && before.ends_with("<!--") && text[range.end..].starts_with("-->");
            out.fixed(if comment { &before[..before.len() - 4] } else { before });
            at = if comment { range.end + 3 } else { range.end };
            spots.push(out.spot(tag));
            out.push(&code(tag));
        }
        out.fixed(&text[at..]);
        let template = Template::compile(&out.text).map_err(|error| {
            let (line, column) = error.pos().unwrap_or_default();
            let spot = nearest_spot(&spots, line, column);
            Box::new(
                Diagnostic::error("the blocks of the template do not fit together in the finished mail")
                    .at(spot.map_or_else(|| whole.clone(), |spot| spot.place.clone()))
                    .cause(error.reason().to_string())
                    .hint("put whole elements, list items or table rows between a block's tags"),
            )
        })?;
        Ok(Self { straight: Straight::of(&template), template, length: out.text.len(), spots, whole })
    }

    /// Renders the text for one contact.
    pub(super) fn render(&self, registry: &Handlebars<'static>, data: &Context) -> Result<String, RenderError> {
        if let Some(text) = self.straight.render(&self.template, registry, data, Limited::new(self.length)) {
            return Ok(text);
        }
        registry::begin();
        let mut out = Limited::new(self.length);
        self.template
            .render(registry, data, &mut RenderContext::new(None), &mut out)
            .map_err(|error| self.explain(&error))?;
        Ok(out.text)
    }

    /// Says whether a tag asks for a value.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        self.spots.iter().any(|spot| spot.code.split(|c| !is_letter(c)).any(|word| word == name))
    }

    /// Returns where the text comes from.
    pub(super) fn place(&self) -> &Place {
        &self.whole
    }

    fn explain(&self, error: &handlebars::RenderError) -> RenderError {
        let spot = nearest_spot(&self.spots, error.line_no.unwrap_or(0), error.column_no.unwrap_or(0));
        let place = spot.map_or_else(|| self.whole.clone(), |spot| spot.place.clone());
        let (message, hint) = match error.reason() {
            RenderErrorReason::MissingVariable(name) => {
                let code = spot.map_or("", |spot| spot.code.as_str());
                let argument = code.split_whitespace().nth(1).filter(|word| !word.starts_with(['(', '"', '\'']));
                let name = name.as_deref().or(argument).unwrap_or(code);
                let block = ["each ", "with "].iter().any(|block| code.starts_with(block));
                let hint = if block {
                    format!("put it inside `{{{{#if {name}}}}}`")
                } else {
                    format!("write `{{{{default {name} \"there\"}}}}`, or give the contact a value")
                };
                (format!("`{name}` is missing"), hint)
            }
            RenderErrorReason::IOError(_) => {
                ("the mail grows larger than 1 MB".to_owned(), "shorten the list it goes through".to_owned())
            }
            other => (other.to_string(), "look at the value this tag uses".to_owned()),
        };
        RenderError { place, message, hint }
    }
}

fn nearest_spot(spots: &[Spot], line: usize, column: usize) -> Option<&Spot> {
    spots.iter().rev().find(|spot| (spot.line, spot.column) <= (line, column))
}

/// Returns what handlebars is to compile for a tag.
fn code(tag: &Tag) -> String {
    let left = if tag.trims_left { "~" } else { "" };
    let right = if tag.trims_right { "~" } else { "" };
    let code = tag.code.as_str();
    match tag.kind {
        Kind::Value | Kind::Raw => {
            let mut words = code.split_whitespace();
            let calls = words.next().is_some_and(|word| FUNCTIONS.contains(&word)) && words.next().is_some();
            let argument = if calls { format!("({code})") } else { code.to_owned() };
            format!("{{{{{left}{SHOW} {argument}{right}}}}}")
        }
        Kind::Open(_) => format!("{{{{{left}#{code}{right}}}}}"),
        Kind::Close(_) => format!("{{{{{left}/{code}{right}}}}}"),
        Kind::Else => format!("{{{{{left}{code}{right}}}}}"),
        Kind::Braces => format!("{{{{{BRACE}}}}}{{{{{BRACE}}}}}"),
        Kind::Comment | Kind::Partial(_) => String::new(),
    }
}

struct Assembly {
    text: String,
    line: usize,
    column: usize,
}

impl Assembly {
    fn spot(&self, tag: &Tag) -> Spot {
        Spot { line: self.line, column: self.column, place: tag.place.clone(), code: tag.code.clone() }
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.text.push_str(text);
    }

    /// Adds text in which handlebars must find no tag.
    fn fixed(&mut self, text: &str) {
        if !text.contains(['{', '\\']) {
            return self.push(text);
        }
        let mut rest = text;
        while let Some(at) = rest.find(['{', '\\']) {
            self.push(&rest[..at]);
            let after = &rest[at + 1..];
            if rest[at..].starts_with('\\') {
                self.push(&format!("{{{{{BACKSLASH}}}}}"));
            } else if after.is_empty() || after.starts_with(['{', '\\']) {
                self.push(&format!("{{{{{BRACE}}}}}"));
            } else {
                self.push("{");
            }
            rest = after;
        }
        self.push(rest);
    }
}
