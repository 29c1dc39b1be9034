//! How the user wants a file to be read.

use chrono_tz::Tz;
use encoding_rs::Encoding;
use unicode_normalization::UnicodeNormalization;

use super::dates::DateOrder;
use super::{encoding, naming};

/// How to read a file, beyond what it says itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where times without an offset are meant.
    pub zone: Tz,
    /// Whether a telephone number without a country is Vietnamese.
    pub viet_nam: bool,
    /// `None`: the day first, and times of events in ISO 8601 alone.
    pub dates: Option<DateOrder>,
    /// `None`: found from the file.
    pub charset: Option<Charset>,
    pub mappings: Vec<Mapping>,
}

impl Options {
    /// Returns what holds for a project of this time zone and language.
    pub fn new(zone: Tz, language: &str) -> Self {
        Self { zone, viet_nam: is_viet_nam(zone, language), dates: None, charset: None, mappings: Vec::new() }
    }
}

/// Says whether a project of this time zone and language is at home in Viet Nam.
pub fn is_viet_nam(zone: Tz, language: &str) -> bool {
    matches!(zone, Tz::Asia__Ho_Chi_Minh | Tz::Asia__Saigon) || language.split('-').next() == Some("vi")
}

/// An encoding that the user named.
#[derive(Debug, Clone, Copy)]
pub struct Charset(pub(super) &'static Encoding);

impl Charset {
    /// Returns the encoding of a name, as `windows-1258`.
    ///
    /// # Errors
    /// Returns what to write instead.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some(encoding) = encoding::named(name) {
            return Ok(Self(encoding));
        }
        let folded = name.to_lowercase();
        if ["tcvn", "abc", "vni"].iter().any(|font| folded.starts_with(font)) {
            return Err("a font is no encoding; convert the text to Unicode first, as with UniKey".to_owned());
        }
        Err("write `utf-8`, `utf-16`, `windows-1258`, `windows-1252` or another name of an encoding".to_owned())
    }
}

/// What a column is to be, whatever its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The column, as the user wrote it.
    pub column: String,
    /// `None`: the column is left out.
    pub target: Option<String>,
}

impl Mapping {
    /// Reads `Column=target`; without a target the column is left out.
    ///
    /// # Errors
    /// Returns what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "write it as `Column=attribute`, or `Column=` to leave the column out".to_owned();
        let (column, target) = text.rsplit_once('=').ok_or_else(wrong)?;
        let (column, target) = (column.trim(), target.trim());
        if column.is_empty() {
            return Err(wrong());
        }
        if !target.is_empty() && !naming::is_attribute(target) {
            return Err(match naming::attribute(target) {
                Some(name) => format!("a template cannot write that name; `{name}` it can"),
                None => "a template cannot write that name; use letters, digits and `_`".to_owned(),
            });
        }
        let target = (!target.is_empty()).then(|| target.to_owned());
        Ok(Self { column: column.nfc().collect(), target })
    }

    /// Says whether a column of the file is meant; case does not count.
    pub(super) fn is_of(&self, column: &str) -> bool {
        self.column.to_lowercase() == column.to_lowercase()
    }
}
