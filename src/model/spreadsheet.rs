//! Text in the cells of a spreadsheet: what it would take for a formula is written so that it does not.

use std::borrow::Cow;

/// How a formula, or a command to another program, may begin; a spreadsheet in East Asian form knows the wide ones too.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Returns a text that no spreadsheet takes for a formula, by the quote mark that makes it text there.
pub fn defused(text: &str) -> Cow<'_, str> {
    if is_live(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Returns the text that [`defused`] was given.
pub fn restored(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_live(rest)).unwrap_or(text)
}

/// Quote marks before it count too, so that a text which has one of its own comes back with it.
fn is_live(text: &str) -> bool {
    text.trim_start_matches([' ', '\'']).starts_with(STARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_none_is_a_formula() {
        for text in ["=1+1", " =1", "+84901234567", "-7", "@cmd", "\tx", "\r=x", "＝1", "'=1", "''=1", "' +x", "'"] {
            let cell = defused(text);
            assert!(!cell.trim_start().starts_with(STARTS), "{text}");
            assert_eq!(restored(&cell), text);
        }
        for text in ["Lan", "", "O'Neill", "'tis", "a=b", "1-2", "lan@example.com"] {
            assert_eq!((defused(text).as_ref(), restored(text)), (text, text));
        }
    }
}
