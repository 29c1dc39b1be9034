//! Text from data on its way to a terminal: a contact's name must not clear the screen.

use std::borrow::Cow;

use crate::model::plain::{is_unshowable, plain};

/// Returns data as one line without control characters and without those that turn the reading direction.
pub fn line(text: &str) -> Cow<'_, str> {
    plain(text)
}

/// Returns data of several lines the same way, keeping line breaks and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| is_unshowable(c) && !matches!(c, '\n' | '\t');
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace(is_bad, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        for (text, expected) in [
            ("Nguyễn Thị Lan 🌸", "Nguyễn Thị Lan 🌸"),
            ("\u{1b}[2JLan", "[2JLan"),
            ("Lan\r\nerror: all lost", "Lan error: all lost"),
            ("a\u{202e}gpj.exe", "a gpj.exe"),
            ("a\u{9b}31mb", "a 31mb"),
            ("a\u{2028}\u{2066}b\u{0}", "a b"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\r\n\tb\u{1b}c\u{7}"), "a\n\tbc");
    }
}
