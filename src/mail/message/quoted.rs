//! Quoted-printable (RFC 2045 section 6.7), in one pass.
//!
//! lettre's own takes a third of the time that a mail needs from claim to relay: it looks over each part four
//! times, and moves what it wrote for each line end.

/// The longest line, in characters.
const LONGEST: usize = 76;
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Writes a text with line ends of `\n` as lines of ASCII that end in CRLF.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        encode_line(&mut out, line.as_bytes());
    }
    out
}

fn encode_line(out: &mut Vec<u8>, line: &[u8]) {
    let mut width = 0;
    for (index, &byte) in line.iter().enumerate() {
        let is_last = index + 1 == line.len();
        // White space at the end of a line may be lost on the way.
        let is_plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !is_last);
        let length = if is_plain { 1 } else { 3 };
        // A line that goes on needs a place for its `=`.
        if width + length > LONGEST - usize::from(!is_last) {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        if is_plain {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        width += length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads it as a mail program does: line ends of its own, and nothing that was not encoded.
    fn decode(encoded: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for line in encoded.replace("=\r\n", "").split("\r\n") {
            let mut rest = line.bytes();
            while let Some(byte) = rest.next() {
                let digit = |byte: Option<u8>| char::from(byte.unwrap()).to_digit(16).unwrap();
                let mut decoded = || u8::try_from(digit(rest.next()) * 16 + digit(rest.next())).unwrap();
                out.push(if byte == b'=' { decoded() } else { byte });
            }
            out.push(b'\n');
        }
        out.pop();
        out
    }

    fn assert_encodes(text: &str) {
        let encoded = String::from_utf8(encode(text)).unwrap();
        assert_eq!(decode(&encoded), text.as_bytes(), "{encoded:?}");
        for line in encoded.split("\r\n") {
            assert!(line.len() <= 76, "{} characters: {line:?}", line.len());
            assert!(!line.ends_with([' ', '\t']), "{line:?}");
            assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{line:?}");
        }
    }

    #[test]
    fn what_is_encoded_is_what_rfc_2045_says() {
        for (text, encoded) in [
            ("", ""),
            ("Chào = Lan\n", "Ch=C3=A0o =3D Lan\r\n"),
            ("two \nlines\t", "two=20\r\nlines=09"),
            ("\n\n.", "\r\n\r\n."),
            ("bell\u{7}", "bell=07"),
        ] {
            assert_eq!(String::from_utf8(encode(text)).unwrap(), encoded, "{text:?}");
        }
        // A line of 76 stays whole, one of 77 does not.
        assert_eq!(encode(&"x".repeat(76)), "x".repeat(76).into_bytes());
        assert_eq!(encode(&"x".repeat(77)), format!("{}=\r\nxx", "x".repeat(75)).into_bytes());
    }

    #[test]
    fn lines_of_any_length_are_broken_in_their_places() {
        for length in 70..240 {
            assert_encodes(&"x".repeat(length));
            assert_encodes(&format!("{}ệ", "x".repeat(length)));
            assert_encodes(&format!("{} \n", "x".repeat(length)));
            assert_encodes(&" ".repeat(length));
            assert_encodes(&"=".repeat(length));
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[ -~\t\nàệ=\u{1f375}]{0,400}") {
            assert_encodes(&text);
        }
    }
}
