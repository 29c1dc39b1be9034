//! The fields of a mapping: taken one by one, each problem noted, what is left over unknown.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::yaml::{self, Key, Kind, Node};
use crate::error::{Diagnostic, Place};
use crate::model::condition::Condition;
use crate::model::nearest;
use crate::model::slip::{self, Slip};

/// One file and what is wrong with it.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: Arc<str>,
    pub(super) problems: Vec<Diagnostic>,
    /// Texts that are templates, and where they stand.
    pub(super) lines: Vec<(String, Range<usize>)>,
    /// The rests of texts that YAML ended early; what it made of them means nothing.
    rests: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: &str) -> Self {
        Self { path, text: text.into(), problems: Vec::new(), lines: Vec::new(), rests: Vec::new() }
    }

    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { path: self.path.clone(), text: Arc::clone(&self.text), span }
    }

    /// Notes a problem at some bytes.
    pub(super) fn error(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<&str>) {
        let mut diagnostic = Diagnostic::error(message).at(self.place(span));
        if let Some(hint) = hint {
            diagnostic = diagnostic.hint(hint);
        }
        self.problems.push(diagnostic);
    }

    /// Returns the text of a scalar.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar(text) => Some(text),
            Kind::Map(_) if self.text.get(node.span.clone()).is_some_and(|text| text.starts_with("{{")) => {
                let message = format!("`{what}` begins with `{{{{` and must stand in quotes");
                self.error(node.span.clone(), message, Some("write '{{first_name}}, …'"));
                None
            }
            _ => {
                self.error(node.span.clone(), format!("`{what}` must be a text, not {}", node.what()), None);
                None
            }
        }
    }

    /// Returns a text that is a template, and keeps it for the mail room to check.
    pub(super) fn line(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?.to_owned();
        self.lines.push((text.clone(), node.span.clone()));
        Some(text)
    }

    /// Reads a scalar with a parser whose error is a clause for a message.
    pub(super) fn parse<T>(
        &mut self,
        node: &Node,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(node, what)?.to_owned();
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(node.span.clone(), message, None);
                None
            }
        }
    }

    /// Reads a condition; an error is placed inside the scalar where it is written on one line.
    pub(super) fn condition(&mut self, node: &Node, what: &str) -> Option<Condition> {
        let text = self.text(node, what)?.to_owned();
        match Condition::parse(&text) {
            Ok(condition) => Some(condition),
            Err(_) if let Some(slip) = self.cut_short(node) => {
                self.rests.push(node.span.end + 1..slip.span.end);
                let diagnostic = yaml::cut_short(&slip.better).at(self.place(slip.span));
                self.problems.push(diagnostic);
                None
            }
            Err(error) => {
                let written = self.text.get(node.span.clone()).unwrap_or_default();
                let span = match written.find(&text) {
                    Some(offset) => {
                        let start = node.span.start + offset;
                        start + error.span.start..start + error.span.end
                    }
                    None => node.span.clone(),
                };
                let mut diagnostic = Diagnostic::error(error.message).at(self.place(span));
                diagnostic.hints.extend(error.hint);
                if let Some(rest) = self.left_open(node) {
                    self.rests.push(rest);
                    diagnostic = diagnostic.hint("inside `{ … }` YAML ends it at the comma: put all of it in quotes");
                }
                self.problems.push(diagnostic);
                None
            }
        }
    }

    /// Returns the whole of a text inside braces, where YAML has read less than its author wrote.
    fn cut_short(&self, node: &Node) -> Option<Slip> {
        slip::cut_in_braces(&self.text, node.span.start)
            .filter(|slip| slip.span.start == node.span.start && slip.span.end > node.span.end)
    }

    /// Returns the rest of a text inside braces that YAML ended at a comma while a bracket or a quote of it was open.
    fn left_open(&self, node: &Node) -> Option<Range<usize>> {
        let (written, behind) = (self.text.get(node.span.clone())?, self.text.get(node.span.end..)?);
        let count = |sign: char| written.matches(sign).count();
        let is_open = count('(') > count(')') || count('"') % 2 == 1 || count('\'') % 2 == 1;
        if !is_open || written.starts_with(['"', '\'']) || !behind.trim_start().starts_with(',') {
            return None;
        }
        let comma = node.span.end + behind.find(',')?;
        Some(comma + 1..node.span.end + behind.find(['}', ']']).unwrap_or(behind.len()))
    }

    /// Returns the problems in the order of the file, without those of what is only the rest of a text.
    pub(super) fn into_problems(mut self) -> Vec<Diagnostic> {
        let start = |problem: &Diagnostic| problem.place.as_ref().map_or(0, |place| place.span.start);
        self.problems.retain(|problem| self.rests.iter().all(|rest| !rest.contains(&start(problem))));
        // A marketer mends a file from top to bottom.
        self.problems.sort_by_key(start);
        self.problems
    }

    /// Begins to take a mapping apart.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        match &node.kind {
            Kind::Map(entries) => {
                Some(Fields { entries: entries.iter().map(Some).collect(), known: Vec::new(), span: node.span.clone() })
            }
            _ => {
                let hint = match what {
                    "`wait_for`" => Some("write `wait_for: { event: purchased, at_most: 7d }`"),
                    "`trigger`" => Some("write `trigger: { event: signed_up }`"),
                    "`goal`" => Some("write `goal: { event: purchased }`"),
                    _ => None,
                };
                self.error(node.span.clone(), format!("{what} must be a mapping of fields, not {}", node.what()), hint);
                None
            }
        }
    }
}

/// A mapping that is being taken apart.
pub(super) struct Fields<'n> {
    entries: Vec<Option<&'n (Key, Node)>>,
    known: Vec<&'static str>,
    pub(super) span: Range<usize>,
}

impl<'n> Fields<'n> {
    /// Takes a field out; an empty one counts as absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.take_entry(name).map(|(_, node)| node).filter(|node| !matches!(node.kind, Kind::Null))
    }

    /// Takes a field out with its key, also an empty one.
    pub(super) fn take_entry(&mut self, name: &'static str) -> Option<&'n (Key, Node)> {
        self.known.push(name);
        let slot = self.entries.iter_mut().find(|slot| slot.is_some_and(|(key, _)| key.name == name))?;
        slot.take()
    }

    /// Takes a field that must be there.
    pub(super) fn need(&mut self, source: &mut Source, name: &'static str, of: &str) -> Option<&'n Node> {
        let found = self.take(name);
        if found.is_none() {
            let span = self.span.start..self.span.start;
            source.error(span, format!("{of} has no `{name}`"), None);
        }
        found
    }

    /// Notes every field that was not taken.
    pub(super) fn finish(self, source: &mut Source) {
        // A password with a comma in it, not in quotes, leaves its rest here as names, which are not to be told.
        let is_cut = self.entries.iter().flatten().any(|(key, _)| key.name.contains('@'));
        for (key, _) in self.entries.into_iter().flatten() {
            if is_cut {
                let hint = "a text with a comma, such as a URL, must stand in quotes here";
                source.error(key.span.clone(), "this is no field, but looks like the rest of a text", Some(hint));
                continue;
            }
            let hint = match nearest(&key.name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the fields here are {}", self.known.join(", ")),
            };
            source.error(key.span.clone(), format!("unknown field `{}`", key.name), Some(&hint));
        }
    }
}
