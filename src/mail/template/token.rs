//! Tokens: words of letters and digits that stand for tags while HTML tools work on a template.

use std::fmt::Write as _;
use std::ops::Range;

/// The form of one compilation's tokens; no source contains it.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    open: String,
}

/// Marks that are no tags: an empty line of a text part, the beginning and the end of an address.
pub(super) const GAP: usize = 9_999_999;
pub(super) const ADDRESS: usize = 9_999_998;
pub(super) const ADDRESS_END: usize = 9_999_997;

/// Ends a token; the digits before it belong to it whatever follows.
const CLOSE: &str = "qz";

impl Tokens {
    /// Chooses a form that no text contains.
    pub(super) fn unlike(texts: &[&str]) -> Self {
        let mut open = String::from("zq");
        while texts.iter().any(|text| text.contains(&format!("{open}0"))) {
            open.push('q');
        }
        Self { open: open + "0" }
    }

    pub(super) fn of(&self, id: usize) -> String {
        let mut token = self.open.clone();
        let _ = write!(token, "{id:03}{CLOSE}");
        token
    }

    pub(super) fn comment(&self, id: usize) -> String {
        format!("<!--{}-->", self.of(id))
    }

    /// Returns the first token at or behind `from`.
    pub(super) fn next(&self, text: &str, from: usize) -> Option<(Range<usize>, usize)> {
        let mut at = from;
        while let Some(offset) = text[at..].find(&self.open) {
            let start = at + offset;
            let digits = start + self.open.len();
            let end = text[digits..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| digits + length);
            if text[end..].starts_with(CLOSE)
                && let Ok(id) = text[digits..end].parse()
            {
                return Some((start..end + CLOSE.len(), id));
            }
            at = digits;
        }
        None
    }

    /// Returns every token's place and number, in order.
    pub(super) fn all<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (Range<usize>, usize)> + 'a {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (range, id) = self.next(text, at)?;
            at = range.end;
            Some((range, id))
        })
    }

    /// Returns the numbers of a text that consists of tokens and white space alone.
    pub(super) fn only(&self, text: &str) -> Option<Vec<usize>> {
        let mut ids = Vec::new();
        let mut at = 0;
        for (range, id) in self.all(text) {
            if !text[at..range.start].trim().is_empty() {
                return None;
            }
            at = range.end;
            ids.push(id);
        }
        (text[at..].trim().is_empty() && !ids.is_empty()).then_some(ids)
    }
}
