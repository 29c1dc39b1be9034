//! MJML to HTML around tokens, and the names MJML knows.

use mrml::prelude::parser::{Error, ParserOptions};
use mrml::prelude::render::RenderOptions;

use crate::error::Diagnostic;
use crate::model::nearest;

use super::html::{Part, parts};
use super::source::{Piece, Source};

const ELEMENTS: [&str; 33] = [
    "mjml",
    "mj-head",
    "mj-body",
    "mj-attributes",
    "mj-all",
    "mj-class",
    "mj-breakpoint",
    "mj-font",
    "mj-preview",
    "mj-style",
    "mj-title",
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-column",
    "mj-divider",
    "mj-group",
    "mj-hero",
    "mj-image",
    "mj-navbar",
    "mj-navbar-link",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-table",
    "mj-text",
    "mj-wrapper",
];

/// Complains about elements that MJML does not have; the renderer would pass them on without a word.
pub(super) fn names(source: &Source, found: &mut Vec<Diagnostic>) {
    for piece in &source.pieces {
        let Piece::Text(range) = piece else { continue };
        for (inner, part) in parts(&source.text[range.clone()]) {
            let Part::Open { name, .. } = part else { continue };
            if !name.starts_with("mj") || ELEMENTS.contains(&name) {
                continue;
            }
            let start = range.start + inner.start + 1;
            let place = source.place(start..start + name.len());
            found.push(if name == "mj-include" {
                Diagnostic::error("`mj-include` reads files, which a mail may not")
                    .at(place)
                    .hint("put the file into `_partials/` and write `{{> name}}`")
            } else {
                let diagnostic = Diagnostic::error(format!("MJML has no element `{name}`")).at(place);
                match nearest(name, ELEMENTS) {
                    Some(known) => diagnostic.hint(format!("did you mean `{known}`?")),
                    None => {
                        diagnostic.hint("its elements begin with `mj-`: mj-section, mj-column, mj-text, mj-button …")
                    }
                }
            });
        }
    }
}

/// What is wrong with an MJML document, and at which of its bytes.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) at: usize,
}

/// Renders an MJML document whose tags are tokens.
pub(super) fn render(text: &str) -> Result<String, Problem> {
    let document = mrml::parse_with_options(text, &ParserOptions::default()).map_err(|error| problem(&error, text))?;
    // The default fonts would be fetched from a server that learns who reads the mail.
    let options = RenderOptions { fonts: std::collections::HashMap::new(), ..RenderOptions::default() };
    document
        .element
        .render(&options)
        .map_err(|error| Problem { message: format!("the MJML cannot be rendered: {error}"), at: 0 })
}

fn problem(error: &Error, text: &str) -> Problem {
    let (message, at) = match error {
        Error::UnexpectedElement { position, .. } => ("the MJML element does not belong here", position.start),
        Error::UnexpectedToken { position, .. } => ("this is not expected here in MJML", position.start),
        Error::MissingAttribute { name, position, .. } => {
            return Problem { message: format!("the MJML element needs the attribute `{name}`"), at: position.start };
        }
        Error::InvalidAttribute { position, .. } => ("the attribute cannot be read", position.start),
        Error::InvalidFormat { position, .. } => ("the MJML cannot be read here", position.start),
        Error::EndOfStream { .. } => ("an MJML element is never closed", text.len()),
        Error::NoRootNode => ("the MJML document does not begin with `<mjml>`", 0),
        Error::IncludeLoaderError { position, .. } => ("a mail cannot include files", position.start),
        _ => ("the MJML cannot be read", 0),
    };
    Problem { message: message.to_owned(), at }
}
