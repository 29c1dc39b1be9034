//! Subjects and preheaders: single lines, from front matter or from a step's own `subject:`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use handlebars::Context;

use crate::error::{Diagnostic, Place};

use super::RenderError;
use super::check;
use super::program::Program;
use super::registry::TEXT;
use super::source::{Kind, Piece, cut};
use super::token::Tokens;

/// What stands for the file of a line that has none.
const NOWHERE: &str = "subject";

/// The subjects of steps, each compiled when it is first used.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    programs: Mutex<HashMap<String, Arc<Program>>>,
    /// Where in campaign files each stands.
    homes: Mutex<HashMap<String, Vec<Place>>>,
}

impl Subjects {
    /// Returns a step's subject, compiled.
    pub(super) fn get(&self, source: &str) -> Result<Arc<Program>, Box<Diagnostic>> {
        // A thread that panicked while it held the map left whole entries in it.
        if let Some(program) = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(source) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(compile(source)?);
        let mut all = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(all.entry(source.to_owned()).or_insert(program)))
    }

    /// Remembers where a line stands.
    pub(super) fn learn(&self, source: &str, home: &Place) {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.entry(source.to_owned()).or_default().push(home.clone());
    }

    /// Returns an error of a line of a campaign file with its place there; of anything else as it is.
    pub(super) fn at_home(&self, error: RenderError, source: &str, file: &Path) -> RenderError {
        let homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        let home = homes.get(source).and_then(|all| all.iter().find(|home| home.path == file));
        let (true, Some(home)) = (error.place.path == Path::new(NOWHERE), home) else { return error };
        // A tag points into the file where YAML left the text as it was, else at the whole value.
        let written = home.text.get(home.span.clone()).and_then(|text| text.find(source));
        let span = match written.filter(|_| *error.place.text == *source) {
            Some(at) => home.span.start + at + error.place.span.start..home.span.start + at + error.place.span.end,
            None => home.span.clone(),
        };
        RenderError { place: Place { span, ..home.clone() }, ..error }
    }

    /// Renders a step's subject.
    pub(super) fn render(&self, source: &str, data: &Context) -> Result<String, RenderError> {
        line(&*self.program(source)?, data)
    }

    /// Renders a step's preheader, which may be empty.
    pub(super) fn line(&self, source: &str, data: &Context) -> Result<String, RenderError> {
        render_line(&*self.program(source)?, data)
    }

    /// Renders a text as it stands, line breaks and all.
    pub(super) fn text(&self, source: &str, data: &Context) -> Result<String, RenderError> {
        self.program(source)?.render(&TEXT, data)
    }

    fn program(&self, source: &str) -> Result<Arc<Program>, RenderError> {
        self.get(source).map_err(|diagnostic| RenderError {
            place: diagnostic.place.unwrap_or_else(|| place(source)),
            message: diagnostic.message,
            hint: diagnostic.hints.into_iter().next().unwrap_or_default(),
        })
    }
}

/// Compiles a step's subject.
fn compile(source: &str) -> Result<Program, Box<Diagnostic>> {
    let (mut tags, mut found) = (Vec::new(), Vec::new());
    let whole = place(source);
    let pieces = cut(|span| Place { span, ..whole.clone() }, source, 0..source.len(), &mut tags, &mut found);
    check::tags(&pieces, &tags, &mut found);
    check::number(tags.iter(), &mut found);
    check::depth(tags.iter(), &mut found);
    check::loops(tags.iter(), &mut found);
    if let Some(tag) = tags.iter().find(|tag| matches!(tag.kind, Kind::Partial(_)) || tag.is_body()) {
        let diagnostic = Diagnostic::error(format!("`{}` has no use in a subject", tag.written()));
        found.push(diagnostic.at(tag.place.clone()).hint("write the text out"));
    }
    if source.trim().is_empty() {
        found.push(Diagnostic::error("the subject is empty").at(whole.clone()).hint("write one, or leave the key out"));
    }
    if !found.is_empty() {
        return Err(Box::new(found.swap_remove(0)));
    }
    let tokens = Tokens::unlike(&[source]);
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(range) => text.push_str(&source[range]),
            Piece::Tag(id) => text.push_str(&tokens.of(id)),
        }
    }
    Program::new(&text, &tokens, &tags, whole)
}

/// Returns a place inside a step's subject, which has no file of its own here.
pub(super) fn place(source: &str) -> Place {
    Place { path: PathBuf::from(NOWHERE), text: Arc::from(source), span: 0..0 }
}

/// Renders a subject: one line that is not empty.
pub(super) fn line(program: &Program, data: &Context) -> Result<String, RenderError> {
    let line = render_line(program, data)?;
    if line.is_empty() {
        return Err(RenderError {
            place: program.place().clone(),
            message: "the subject is empty for this contact".to_owned(),
            hint: "give its tags a default, as `{{default first_name \"there\"}}`".to_owned(),
        });
    }
    Ok(line)
}

/// Renders a line; whatever would break it becomes a space.
pub(super) fn render_line(program: &Program, data: &Context) -> Result<String, RenderError> {
    let text = program.render(&TEXT, data)?;
    let text: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    Ok(text.trim().to_owned())
}

fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
