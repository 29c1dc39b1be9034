//! One cell: its text, and the type that its text shows.

use std::borrow::Cow;

use serde_json::{Number, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::money;
use crate::model::spreadsheet::restored;

/// The most digits that every reader of JSON keeps exactly.
const EXACT_DIGITS: usize = 15;

/// Returns the text of a cell, trimmed and in NFC, so that two ways to type `ế` are the same text.
///
/// # Errors
/// Returns what is wrong with the cell, to be put behind the name of its column.
pub(super) fn text(cell: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    match std::str::from_utf8(cell) {
        Ok(text) => plain(text),
        Err(_) => Err("is not in the encoding of the file; name that with --encoding"),
    }
}

/// Does the same for what is text already.
///
/// # Errors
/// Returns what is wrong with it.
pub(super) fn plain(text: &str) -> Result<Cow<'_, str>, &'static str> {
    // What an export wrote so that no spreadsheet takes it for a formula.
    match restored(text.trim()) {
        Cow::Borrowed(text) => checked(text),
        Cow::Owned(text) => checked(&text).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn checked(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if text.is_ascii() {
        return match text.bytes().find(u8::is_ascii_control) {
            Some(b'\n' | b'\r') => Err("holds a line break"),
            Some(_) => Err("holds a control character"),
            None => Ok(Cow::Borrowed(text)),
        };
    }
    match text.chars().find(|&c| c.is_control() || is_line_break(c)) {
        Some(c) if is_line_break(c) => return Err("holds a line break"),
        Some(_) => return Err("holds a control character"),
        None => {}
    }
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(text.nfc().collect()))
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns the value that a text stands for.
///
/// Whatever could be an id, or another number than it looks, stays text: `007`, `+84901234567`, `1e3`, card
/// numbers, `250.000`.
pub(super) fn value(text: &str) -> Value {
    let number = number(text).or_else(|| money::number(text, false));
    number.map_or_else(
        || match text {
            _ if text.eq_ignore_ascii_case("true") => Value::Bool(true),
            _ if text.eq_ignore_ascii_case("false") => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
        Value::Number,
    )
}

/// Says whether letters were lost on the way: to question marks, to the sign for what is no letter, or in a wrong encoding.
pub(super) fn is_damaged(text: &str) -> bool {
    let lost = |pair: &[u8]| pair[0].is_ascii_alphabetic() && pair[1] == b'?' && pair[2].is_ascii_alphabetic();
    let end = |pair: &[u8]| pair[0].is_ascii_alphabetic() && pair[1] == b'?' && pair[2] == b' ';
    if text.contains('?') && text.as_bytes().windows(3).any(|part| lost(part) || end(part)) {
        return true;
    }
    // UTF-8 taken for Windows-1252: the first two of the three characters that a letter becomes.
    let wrong = |first, second| {
        matches!(
            (first, second),
            ('á', 'º' | '»') | ('Ã', '¢' | '´' | 'ª') | ('Ä', '‘') | ('Æ', '°' | '¡') | (_, '\u{fffd}')
        )
    };
    !text.is_ascii()
        && std::iter::once(' ').chain(text.chars()).zip(text.chars()).any(|(first, second)| wrong(first, second))
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let exact = whole.len() + fraction.map_or(0, str::len) <= EXACT_DIGITS;
    if !exact || !is_digits(whole) || !fraction.is_none_or(is_digits) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    match fraction {
        None if text == "-0" => None,
        None => text.parse::<i64>().ok().map(Number::from),
        // `250.000` is a quarter of a thousand here and a quarter of a million there.
        Some(fraction) if fraction.len() == 3 && whole.len() <= 3 && whole != "0" => None,
        Some(_) => text.parse().ok().and_then(Number::from_f64),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_surely_a_number_becomes_one() {
        for (text, expected) in [
            ("0", json!(0)),
            ("42", json!(42)),
            ("-7", json!(-7)),
            ("0.5", json!(0.5)),
            ("-12.25", json!(-12.25)),
            ("999999999999999", json!(999_999_999_999_999_i64)),
            ("0.125", json!(0.125)),
            ("1.250.000 ₫", json!(1_250_000)),
            ("TRUE", json!(true)),
            ("false", json!(false)),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        for text in [
            "007",
            "0901234567",
            "+84",
            "-0",
            "1e3",
            "1.",
            ".5",
            "1.2.3",
            "1,5",
            "00.5",
            "1000000000000000",
            "4111111111111111",
            "0.1234567890123456",
            "2026-03-01",
            "NaN",
            "inf",
            "yes",
            "250.000",
            "1.250.000",
            "٣",
            "-",
        ] {
            assert_eq!(value(text), json!(text), "{text}");
        }
    }

    #[test]
    fn two_ways_to_type_a_name_are_one_text() {
        let decomposed = "  Nguye\u{302}\u{303}n ";
        assert_eq!(text(decomposed.as_bytes()), Ok(Cow::Borrowed("Nguyễn")));
        assert_eq!(text(b"a\0b"), Err("holds a control character"));
        assert_eq!(text(b"a\nBcc: b"), Err("holds a line break"));
        assert_eq!(text("a\u{2028}b".as_bytes()), Err("holds a line break"));
    }
}
