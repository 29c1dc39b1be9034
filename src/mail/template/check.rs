//! What can be said about tags before any contact is seen: grammar, names of functions, open and closed blocks.

use std::collections::HashMap;

use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};

use crate::error::Diagnostic;
use crate::model::nearest;

use super::function::{BLOCKS, FUNCTIONS};
use super::signature;
use super::source::{Kind, Piece, Tag};

/// Blocks within blocks; handlebars recurses over them.
const MAX_DEPTH: usize = 32;
/// How many tags a template may have, with those of its layout and partials.
const MAX_TAGS: usize = 2000;
/// Loops within loops: their lengths multiply.
const MAX_LOOPS: usize = 2;

/// Complains about each tag that cannot work, and about blocks of one file that do not match.
pub(super) fn tags(pieces: &[Piece], tags: &[Tag], found: &mut Vec<Diagnostic>) {
    let mut open: Vec<(&Tag, &str)> = Vec::new();
    for piece in pieces {
        let Piece::Tag(id) = piece else { continue };
        let tag = &tags[*id];
        if let Some(diagnostic) = complaint(tag) {
            found.push(diagnostic.at(tag.place.clone()));
        }
        match &tag.kind {
            Kind::Open(name) => open.push((tag, name)),
            Kind::Else if open.is_empty() => {
                found.push(
                    Diagnostic::error("an `{{else}}` stands outside a block")
                        .at(tag.place.clone())
                        .hint("open one with `{{#if …}}`"),
                );
            }
            Kind::Close(name) => match open.pop() {
                Some((_, opened)) if opened == name => {}
                Some((first, opened)) => {
                    let (line, _) = first.place.line_column();
                    found.push(
                        Diagnostic::error(format!(
                            "`{{{{/{name}}}}}` closes the block `{{{{#{opened}}}}}` of line {line}"
                        ))
                        .at(tag.place.clone())
                        .hint(format!("write `{{{{/{opened}}}}}`")),
                    );
                }
                None => found.push(
                    Diagnostic::error(format!("`{{{{/{name}}}}}` closes a block that was not opened"))
                        .at(tag.place.clone())
                        .hint(format!("open it with `{{{{#{name} …}}}}`, or remove this")),
                ),
            },
            _ => {}
        }
    }
    for (opener, name) in open {
        found.push(
            Diagnostic::error(format!("the block `{}` is never closed", opener.written()))
                .at(opener.place.clone())
                .hint(format!("close it with `{{{{/{name}}}}}`")),
        );
    }
}

/// Complains where a text has so many tags that compiling it takes long: handlebars counts the lines before each of them.
pub(super) fn number<'a>(mut all: impl Iterator<Item = &'a Tag>, found: &mut Vec<Diagnostic>) {
    if let Some(tag) = all.nth(MAX_TAGS) {
        found.push(
            Diagnostic::error(format!("there are more than {MAX_TAGS} tags"))
                .at(tag.place.clone())
                .hint("go through a list with `{{#each}}` instead"),
        );
    }
}

/// Complains where loops, with those of layout and partials around them, nest too deep.
pub(super) fn loops<'a>(all: impl Iterator<Item = &'a Tag>, found: &mut Vec<Diagnostic>) {
    let mut open: Vec<bool> = Vec::new();
    for tag in all {
        match &tag.kind {
            Kind::Open(name) => open.push(name == "each"),
            Kind::Close(_) => drop(open.pop()),
            _ => {}
        }
        if open.iter().filter(|each| **each).count() > MAX_LOOPS {
            found.push(
                Diagnostic::error(format!("`{{{{#each}}}}` nests deeper than {MAX_LOOPS}"))
                    .at(tag.place.clone())
                    .hint("compute the list before import"),
            );
            return;
        }
    }
}

/// Complains where blocks, with those of layout and partials around them, nest too deep.
pub(super) fn depth<'a>(all: impl Iterator<Item = &'a Tag>, found: &mut Vec<Diagnostic>) {
    let mut open: Vec<usize> = Vec::new();
    for tag in all {
        match tag.kind {
            Kind::Open(_) => open.push(1),
            // Handlebars nests each `else if` inside the branch before it.
            Kind::Else => {
                if let Some(links) = open.last_mut() {
                    *links += 1;
                }
            }
            Kind::Close(_) => {
                open.pop();
            }
            _ => {}
        }
        if open.iter().sum::<usize>() > MAX_DEPTH {
            found.push(
                Diagnostic::error(format!("blocks nest deeper than {MAX_DEPTH}"))
                    .at(tag.place.clone())
                    .hint("split the template, or let the campaign's `if:` choose between two"),
            );
            return;
        }
    }
}

fn complaint(tag: &Tag) -> Option<Diagnostic> {
    let written = tag.written();
    if tag.code.len() > 1000 || tag.code.matches('(').count() > 8 {
        return Some(
            Diagnostic::error("the tag is too long or nests too deep").hint("compute the value before import"),
        );
    }
    let snippet = match &tag.kind {
        Kind::Raw if tag.is_body() => return None,
        Kind::Raw => {
            return Some(
                Diagnostic::error(format!("`{written}` would let data write HTML"))
                    .hint(format!("write `{{{{{}}}}}`; only a layout's `{{{{{{body}}}}}}` has three braces", tag.code)),
            );
        }
        Kind::Partial(_) | Kind::Comment | Kind::Braces | Kind::Close(_) => return None,
        Kind::Value => format!("{{{{{}}}}}", tag.code),
        Kind::Open(name) => format!("{{{{#{}}}}}{{{{/{name}}}}}", tag.code),
        Kind::Else => format!("{{{{#if a}}}}{{{{{}}}}}{{{{/if}}}}", tag.code),
    };
    if let Kind::Open(name) = &tag.kind
        && !tag.is_scope()
        && !BLOCKS.contains(&name.as_str())
    {
        return Some(unknown("block", name, &BLOCKS));
    }
    if let Kind::Else = &tag.kind
        && let Some(name) = tag.code.split_whitespace().nth(1)
        && !BLOCKS.contains(&name)
    {
        return Some(unknown("block", name, &BLOCKS));
    }
    let Ok(template) = Template::compile(&snippet) else {
        return Some(reworded(tag, written));
    };
    template.elements.iter().find_map(|element| match element {
        TemplateElement::Expression(call) => expression(call, &tag.code),
        TemplateElement::HelperBlock(call) if tag.is_scope() => match call.params.first() {
            Some(_) => Some(
                Diagnostic::error(format!("`{written}` gives its partial a value without a name"))
                    .hint("write `name=value`; the partial also sees everything its template sees"),
            ),
            None => arguments(call),
        },
        TemplateElement::HelperBlock(call) if call.params.is_empty() => Some(
            Diagnostic::error(format!("`{written}` says nothing to look at"))
                .hint(format!("name an attribute, as `{{{{#{} plan}}}}`", tag.code)),
        ),
        TemplateElement::HelperBlock(call) => arguments(call),
        _ => None,
    })
}

fn expression(call: &HelperTemplate, code: &str) -> Option<Diagnostic> {
    let bare = call.params.is_empty() && call.hash.is_empty();
    let name = code.split_whitespace().next().unwrap_or_default();
    if !bare && !FUNCTIONS.contains(&name) {
        if BLOCKS.contains(&name) {
            return Some(
                Diagnostic::error(format!("`{name}` opens a block"))
                    .hint(format!("write `{{{{#{code}}}}} … {{{{/{name}}}}}`")),
            );
        }
        return Some(unknown("function", name, &FUNCTIONS));
    }
    let own = || if bare { None } else { signature::check(name, &call.params, &call.hash) };
    subexpression(&call.name).or_else(|| arguments(call)).or_else(own)
}

fn arguments(call: &HelperTemplate) -> Option<Diagnostic> {
    call.params.iter().chain(call.hash.values()).find_map(subexpression)
}

fn subexpression(parameter: &Parameter) -> Option<Diagnostic> {
    let Parameter::Subexpression(inner) = parameter else { return None };
    if !FUNCTIONS.contains(&inner.name()) {
        return Some(unknown("function", inner.name(), &FUNCTIONS));
    }
    let none = HashMap::new();
    let (values, named) = (inner.params().map_or(&[][..], Vec::as_slice), inner.hash().unwrap_or(&none));
    let deeper = values.iter().chain(named.values()).find_map(subexpression);
    deeper.or_else(|| signature::check(inner.name(), values, named))
}

fn unknown(what: &str, name: &str, known: &[&'static str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no {what} `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("the {what}s are {}", known.join(", "))),
    }
}

/// Says in words what is most likely wrong with a tag that handlebars cannot read.
fn reworded(tag: &Tag, written: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("`{written}` cannot be read as a tag"));
    let code = &tag.code;
    if code.matches(['"', '“', '”']).count() % 2 == 1 || code.contains(['“', '”']) {
        diagnostic.hint("put text between two straight quotes, as `{{default first_name \"there\"}}`")
    } else if code.matches('(').count() != code.matches(')').count() {
        diagnostic.hint("each `(` needs its `)`")
    } else if code.contains('|') && !code.contains(" as ") {
        diagnostic.hint("a function stands in front: `{{upper name}}`, not `{{name | upper}}`")
    } else {
        diagnostic.hint("write `{{name}}`, `{{default name \"there\"}}` or `{{#if name}} … {{/if}}`")
    }
}
