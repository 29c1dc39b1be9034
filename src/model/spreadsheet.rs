//! Text in the cells of a spreadsheet: what it would take for a formula is written so that it does not.

use std::borrow::Cow;

/// How a formula, or a command to another program, may begin; a spreadsheet in East Asian form knows the wide ones too.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Returns a text that no spreadsheet takes for a formula, by the quote mark that makes it text there.
///
/// A spreadsheet of half the world splits cells at `;`, whatever separates those of the file.
pub fn defused(text: &str) -> Cow<'_, str> {
    if !text.split(';').any(is_live) {
        return Cow::Borrowed(text);
    }
    let parts = text.split(';').map(|part| if is_live(part) { format!("'{part}") } else { part.to_owned() });
    Cow::Owned(parts.collect::<Vec<_>>().join(";"))
}

/// Returns the text that [`defused`] was given, and without its mark what other programs wrote as text: `'02110`.
pub fn restored(text: &str) -> Cow<'_, str> {
    if !text.contains('\'') {
        return Cow::Borrowed(text);
    }
    let parts = text.split(';').map(|part| match part.strip_prefix('\'') {
        Some(rest) if is_live(rest) || is_number(rest) => rest,
        _ => part,
    });
    Cow::Owned(parts.collect::<Vec<_>>().join(";"))
}

/// Quote marks before it count too, so that a text which has one of its own comes back with it.
fn is_live(text: &str) -> bool {
    let bare = text.trim_start_matches([' ', '\'']);
    bare.starts_with(STARTS) || (bare.len() < text.len() && text.starts_with('\'') && is_number(bare))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_none_is_a_formula() {
        for text in [
            "=1+1",
            " =1",
            "+84901234567",
            "-7",
            "@cmd",
            "\tx",
            "\r=x",
            "＝1",
            "'=1",
            "''=1",
            "' +x",
            "'",
            "Lan;=1+2",
            "a; -1;b",
            "'02110",
            "''1",
        ] {
            let cell = defused(text);
            assert!(!cell.split(';').any(|part| part.trim_start().starts_with(STARTS)), "{text}");
            assert_eq!(restored(&cell), text);
        }
        for text in ["Lan", "", "O'Neill", "'tis", "a=b", "1-2", "lan@example.com", "a;b"] {
            assert_eq!((defused(text).as_ref(), restored(text).as_ref()), (text, text));
        }
        assert_eq!(restored("'6400012345678"), "6400012345678");
    }
}
