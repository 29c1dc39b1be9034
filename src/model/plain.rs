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

/// Returns an address so that its owner is not named, but the operator may recognise it: `l***@example.com`.
pub fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    plain(&format!("{first}***@{domain}")).into_owned()
}

/// Returns a text with each address in it masked: a relay's words often repeat the recipient, in a spelling of its own.
pub fn unnamed(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let is_around = |c: char| c.is_whitespace() || "<>()[]{},;:=\"'`|".contains(c);
    let masked = text.split_inclusive(is_around).map(|piece| {
        let word = piece.trim_end_matches(is_around);
        match word.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => masked(word) + &piece[word.len()..],
            _ => piece.to_owned(),
        }
    });
    Cow::Owned(masked.collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_stands_in_what_a_relay_says() {
        for (said, expected) in [
            ("550 5.1.1 <Lan@example.com>: no such user", "550 5.1.1 <L***@example.com>: no such user"),
            ("450 lan@example.com, minh@x.vn", "450 l***@example.com, m***@x.vn"),
            ("550 \u{111}\u{1ee9}c@example.com.", "550 \u{111}***@example.com."),
            ("451 queue @ 3, a@, @b", "451 queue @ 3, a@, @b"),
            ("421 too busy", "421 too busy"),
        ] {
            assert_eq!(unnamed(said), expected);
        }
    }
}
