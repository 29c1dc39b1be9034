//! The YAML of a front matter, as it is written: keys in their order, each with its place.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

type Pairs = Vec<(Spanned<String>, Spanned<Entry>)>;

/// A front matter; a map type would not say where a key stands.
pub(super) struct Keys(pub(super) Pairs);

/// What stands behind a key.
pub(super) enum Entry {
    Line(String),
    /// Empty for `false`.
    Utm(Vec<(String, String)>),
    Attachments(Vec<Spanned<File>>),
}

/// One attachment.
pub(super) struct File {
    pub(super) file: String,
    pub(super) name: Option<String>,
}

struct Utm(Vec<(String, String)>);

struct Files(Vec<Spanned<File>>);

fn moved<T, U>(from: Spanned<T>, into: impl FnOnce(T) -> U) -> Spanned<U> {
    Spanned::new(into(from.value), from.referenced, from.defined)
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lines;
        impl<'de> Visitor<'de> for Lines {
            type Value = Keys;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("lines such as `subject: Hello`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut all = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let value = match key.value.as_str() {
                        "utm" => moved(map.next_value::<Spanned<Utm>>()?, |utm| Entry::Utm(utm.0)),
                        "attachments" => {
                            moved(map.next_value::<Spanned<Files>>()?, |files| Entry::Attachments(files.0))
                        }
                        _ => moved(map.next_value::<Spanned<String>>()?, Entry::Line),
                    };
                    all.push((key, value));
                }
                Ok(Keys(all))
            }
        }
        deserializer.deserialize_map(Lines)
    }
}

impl<'de> Deserialize<'de> for Utm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parameters;
        impl<'de> Visitor<'de> for Parameters {
            type Value = Utm;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`false`, or parameters such as `{ source: newsletter }`")
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<Utm, E> {
                if on { Err(E::custom("`utm` is `false` or names parameters")) } else { Ok(Utm(Vec::new())) }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Utm, A::Error> {
                let mut all = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    all.push((key, value));
                }
                Ok(Utm(all))
            }
        }
        deserializer.deserialize_any(Parameters)
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Files;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of files, as `[files/menu.pdf]`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Files, A::Error> {
                let mut all = Vec::new();
                while let Some(file) = sequence.next_element()? {
                    all.push(file);
                }
                Ok(Files(all))
            }
        }
        deserializer.deserialize_any(List)
    }
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = File;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a file, as `files/menu.pdf` or `{ file: files/menu.pdf, name: Menu.pdf }`")
            }
            fn visit_str<E: Error>(self, file: &str) -> Result<File, E> {
                Ok(File { file: file.to_owned(), name: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
                let (mut file, mut name) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "file" => file = Some(map.next_value()?),
                        "name" => name = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            return Err(A::Error::custom(format!("an attachment has `file` and `name`, not `{key}`")));
                        }
                    }
                }
                let file = file.ok_or_else(|| A::Error::custom("an attachment needs `file`"))?;
                Ok(File { file, name })
            }
        }
        deserializer.deserialize_any(One)
    }
}
