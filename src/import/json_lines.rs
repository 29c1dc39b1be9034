//! JSON lines: one object a line, whose keys are the columns.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::Kind;
use super::columns::{self, Column, Resolved};
use super::encoding::Source;
use super::known::{Names, Role};
use super::options::Mapping;
use crate::error::Diagnostic;
use crate::model::plain::quoted;

/// The longest line, in bytes.
const LIMIT: u64 = 1 << 20;

/// How many different sets of keys are remembered.
const SHAPES: usize = 1000;

/// A file of objects.
pub(super) struct JsonLines<R> {
    inner: BufReader<Chain<Cursor<Vec<u8>>, Source<R>>>,
    names: Names,
    shapes: HashMap<Vec<String>, Rc<Result<Shape, String>>>,
    /// The mappings that met a key, by their index.
    pub(super) used: Vec<bool>,
    line: u64,
    bytes_read: u64,
    /// The line read last.
    text: Vec<u8>,
}

/// What the keys of an object mean.
pub(super) struct Shape {
    pub(super) columns: Vec<Column>,
}

/// One line that holds something.
pub(super) enum Line {
    Object(Map<String, Value>),
    /// What is wrong with it.
    Wrong(String),
    End,
}

impl<R: Read> JsonLines<R> {
    pub(super) fn new(head: Vec<u8>, rest: Source<R>, mappings: &[Mapping]) -> Self {
        Self {
            inner: BufReader::with_capacity(1 << 16, Cursor::new(head).chain(rest)),
            names: Names::new(),
            shapes: HashMap::new(),
            used: vec![false; mappings.len()],
            line: 0,
            bytes_read: 0,
            text: Vec::new(),
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.inner.get_ref().get_ref().1.raw_bytes().unwrap_or(self.bytes_read)
    }

    /// Returns the line read last, as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.text.trim_ascii()).into_owned()
    }

    /// Reads on to the next line that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Line> {
        loop {
            self.text.clear();
            let length = self.inner.by_ref().take(LIMIT + 1).read_until(b'\n', &mut self.text)? as u64;
            if length == 0 {
                return Ok(Line::End);
            }
            self.line += 1;
            self.bytes_read += length;
            if length > LIMIT {
                if !self.text.ends_with(b"\n") {
                    self.bytes_read += self.inner.skip_until(b'\n')? as u64;
                }
                self.text.clear();
                return Ok(Line::Wrong("the line is longer than 1 MiB".to_owned()));
            }
            if self.text.trim_ascii().is_empty() {
                continue;
            }
            let Ok(text) = std::str::from_utf8(&self.text) else {
                return Ok(Line::Wrong("the line is not in the encoding of the file".to_owned()));
            };
            return Ok(match serde_json::from_str(text.trim_end()) {
                Ok(Object(object)) => Line::Object(object),
                Err(error) => Line::Wrong(wrong(&error)),
            });
        }
    }

    /// Returns what the keys of an object mean; `kind` is that of the file.
    pub(super) fn shape(
        &mut self,
        object: &Map<String, Value>,
        kind: Kind,
        mappings: &[Mapping],
    ) -> Rc<Result<Shape, String>> {
        let keys: Vec<String> = object.keys().cloned().collect();
        if let Some(shape) = self.shapes.get(&keys) {
            return Rc::clone(shape);
        }
        let resolved = columns::resolve(&keys, &self.names, mappings, Some(kind));
        for (used, new) in self.used.iter_mut().zip(&resolved.used) {
            *used |= new;
        }
        let shape = Rc::new(check(resolved));
        if self.shapes.len() < SHAPES {
            self.shapes.insert(keys, Rc::clone(&shape));
        }
        shape
    }
}

/// Finds what a file holds from its first object with an address, or why the file cannot be read.
pub(super) fn kind(head: &[u8], source: &str, mappings: &[Mapping]) -> Result<Kind, Diagnostic> {
    let (mut first, names) = (None, Names::new());
    for (index, line) in head.split(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        let refuse = |what: &str| Diagnostic::error(format!("{source}:{number}: {what}"));
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => {
                let keys: Vec<String> = object.keys().cloned().collect();
                let resolved = columns::resolve(&keys, &names, mappings, None);
                if resolved.columns.iter().any(|column| column.role == Role::Email) {
                    return Ok(resolved.kind);
                }
                first.get_or_insert_with(|| columns::no_email(&keys, (&names, mappings), &|what| refuse(&what)));
            }
            Err(error) if error.is_eof() && line.trim_ascii() == b"{" => {
                return Err(refuse("the object goes on over several lines")
                    .hint(format!("write one object a line: jq -c . {source}")));
            }
            _ => {}
        }
        if index > 100 {
            break;
        }
    }
    first.map_or(Ok(Kind::Contacts), Err)
}

fn check(resolved: Resolved) -> Result<Shape, String> {
    let columns = resolved.columns;
    if let Some((one, other)) = columns::collision(&columns) {
        let (one, other) = (&columns[one], &columns[other]);
        let names = format!("{} and {}", quoted(&one.written), quoted(&other.written));
        return Err(format!("{names} would both be `{}`", other.target));
    }
    let is_attribute = |column: &&Column| matches!(column.role, Role::Attribute(_) | Role::Nameless);
    if let Some(column) = columns.iter().filter(is_attribute).find(|column| column.target.is_empty()) {
        return Err(format!("no template can write the name {}", quoted(&column.written)));
    }
    Ok(Shape { columns })
}

/// An object each of whose keys stands there once; which of two is meant, nobody could say.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
                let mut object = Map::new();
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    if object.contains_key(&key) {
                        return Err(de::Error::custom(format!("the key {} stands there twice", quoted(&key))));
                    }
                    object.insert(key, value);
                }
                Ok(Object(object))
            }
        }

        deserializer.deserialize_any(Keys)
    }
}

fn wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line").next().unwrap_or_default().to_owned();
    match error.classify() {
        Category::Data if what.starts_with("invalid type") => {
            return "the line holds no object; write `{\"email\": …}`".to_owned();
        }
        Category::Data => return what,
        _ => {}
    }
    format!("the line is no JSON: {what}, at column {}", error.column())
}
