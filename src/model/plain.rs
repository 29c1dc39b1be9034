//! Data as it may be shown on one line of a terminal: a stranger's text without tricks, a number with commas.

use std::borrow::Cow;

/// Says whether a character could move the cursor, colour the screen, break the line or turn the reading direction.
pub fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Returns the text on one line, with each run of such characters as one space.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unshowable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split(is_unshowable).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// Returns the text in backticks, plain and cut to 60 characters: how a message quotes it.
pub fn quoted(text: &str) -> String {
    let text = plain(text.trim());
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// Returns a number with a comma between thousands: `2,500`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
