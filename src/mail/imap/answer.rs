//! What an IMAP server says: one answer, with the bytes in it that it counts before it sends them.

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// Bytes as they are, behind their number.
    Literal(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Answer {
    /// `*`, `+`, or the name of the command that is answered.
    pub(super) tag: String,
    pieces: Vec<Piece>,
}

impl Answer {
    /// Takes an answer apart: the tag, and what stands behind it.
    pub(super) fn new(mut pieces: Vec<Piece>) -> Self {
        let mut tag = String::new();
        if let Some(Piece::Text(first)) = pieces.first_mut() {
            let (word, rest) = first.split_once(' ').unwrap_or((first, ""));
            word.clone_into(&mut tag);
            *first = rest.to_owned();
        }
        Self { tag, pieces }
    }

    /// Says whether an answer begins with a word.
    pub(super) fn is(&self, word: &str) -> bool {
        self.head().split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_bye(&self) -> bool {
        self.tag == "*" && self.is("BYE")
    }

    /// Returns what stands behind the first word.
    pub(super) fn text(&self) -> String {
        self.head().split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
    }

    /// Returns how many messages there are, where that is what it says.
    pub(super) fn exists(&self) -> Option<u32> {
        let (number, word) = self.head().split_once(' ')?;
        if self.tag == "*" && word.trim().eq_ignore_ascii_case("EXISTS") { number.parse().ok() } else { None }
    }

    /// Tells whether it hands something of a message over, or should.
    pub(super) fn speaks_of(&self, uid: u32) -> bool {
        let text = self.text().to_ascii_uppercase().replace(['(', ')'], " ") + " ";
        let is_fetch = self.head().split(' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case("FETCH"));
        self.tag == "*" && is_fetch && text.contains(&format!(" UID {uid} ")) && text.contains("BODY[")
    }

    /// Returns the bytes of a message, where it hands that one over.
    pub(super) fn body_of(self, uid: u32) -> Option<Vec<u8>> {
        let is_fetch = self.head().split(' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case("FETCH"));
        let texts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.to_ascii_uppercase()),
            Piece::Literal(_) => None,
        });
        let names = |text: &String| text.replace(['(', ')'], " ").contains(&format!(" UID {uid} "));
        if self.tag != "*" || !is_fetch || !texts.map(|text| text + " ").any(|text| names(&text)) {
            return None;
        }
        let mut is_next = false;
        for piece in self.pieces {
            match piece {
                Piece::Literal(bytes) if is_next => return Some(bytes),
                Piece::Literal(_) => is_next = false,
                Piece::Text(text) => {
                    let behind = text.to_ascii_uppercase().rfind("BODY[]").map(|at| &text[at + 6..]);
                    let value = behind.map(|text| text.trim_start_matches("<0>").trim_start());
                    is_next = value.is_some_and(|value| value.starts_with('{') || value.starts_with("~{"));
                    // Short ones may come as a text in quotes.
                    if let Some(value) = value.filter(|value| value.starts_with('"')) {
                        return Some(unquoted(value));
                    }
                }
            }
        }
        None
    }

    fn head(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

/// Returns how many bytes follow a line that ends in `{310}`.
pub(super) fn literal(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line.strip_suffix(b"}")?.rsplit(|byte| *byte == b'{').next()?).ok()?;
    line.contains(&b'{').then(|| text.trim_end_matches('+').parse().ok())?
}

pub(super) fn text_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

fn unquoted(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value.strip_prefix('"').unwrap_or_default().bytes();
    while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
        bytes.extend(if byte == b'\\' { rest.next() } else { Some(byte) });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pieces: &[&str]) -> Answer {
        let piece = |(place, text): (usize, &&str)| match place % 2 {
            0 => Piece::Text((*text).to_owned()),
            _ => Piece::Literal(text.as_bytes().to_vec()),
        };
        Answer::new(pieces.iter().enumerate().map(piece).collect())
    }

    #[test]
    fn a_message_is_found_however_a_server_hands_it_over() {
        for pieces in [
            &["* 3 FETCH (UID 7 BODY[]<0> {5}", "hello", ")"][..],
            &["* 3 FETCH (BODY[]<0> {5}", "hello", " UID 7 FLAGS (\\Seen))"],
            &["* 3 fetch (FLAGS () UID 7 body[] {5}", "hello", ")"],
            &["* 3 FETCH (BODY[HEADER] {2}", "no", " UID 7 BODY[] {5}", "hello", ")"],
            &["* 3 FETCH (UID 7 BODY[] \"hello\")"],
        ] {
            assert_eq!(answer(pieces).body_of(7).as_deref(), Some(&b"hello"[..]), "{pieces:?}");
            assert_eq!(answer(pieces).body_of(70), None, "{pieces:?}");
        }
        assert_eq!(answer(&["* 3 FETCH (UID 7 FLAGS (\\Seen))"]).body_of(7), None);
        // No message is nothing: whoever asked is told so, and keeps nothing in its place.
        assert_eq!(answer(&["* 3 FETCH (UID 7 BODY[] NIL)"]).body_of(7), None);
    }

    #[test]
    fn a_number_of_bytes_stands_at_the_end_of_a_line() {
        for (line, length) in [("x {310}", Some(310)), ("{0}", Some(0)), ("a {12+}", Some(12)), ("310}", None)] {
            assert_eq!(literal(line.as_bytes()), length, "{line}");
        }
        for line in ["", "}", "{}", "{-1}", "{99999999999999999999}", "{1} "] {
            assert_eq!(literal(line.as_bytes()), None, "{line}");
        }
    }
}
