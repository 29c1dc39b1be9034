//! Quoted-printable (RFC 2045 section 6.7), in one pass.
//!
//! lettre's own takes a third of the time that a mail needs from claim to relay: it looks over each part four
//! times, and moves what it wrote for each line end.

/// The longest line, in characters.
const LONGEST: usize = 76;
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Whether a byte may stand for itself inside a line. A table, because each byte of each mail is looked up.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = byte != b'=';
        byte += 1;
    }
    plain[b'\t' as usize] = true;
    plain
};

/// Writes a text with line ends of `\n` as lines of ASCII that end in CRLF; returns with it how many of its bytes took
/// three characters each.
pub(super) fn encode(text: &str) -> (Vec<u8>, usize) {
    let mut out = Out { bytes: Vec::with_capacity(text.len() * 3 / 2 + LONGEST), line: [0; LONGEST + 3], width: 0 };
    let mut escaped = 0;
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.end_line(b"\r\n");
        }
        let Some((&last, most)) = line.as_bytes().split_last() else { continue };
        let mut rest = most;
        while let Some(&byte) = rest.first() {
            if !PLAIN[usize::from(byte)] {
                out.escape(byte, LONGEST - 1);
                escaped += 1;
                rest = &rest[1..];
                continue;
            }
            // A line that goes on needs a place for its `=`.
            let room = (LONGEST - 1).saturating_sub(out.width).min(rest.len());
            if room == 0 {
                out.end_line(b"=\r\n");
                continue;
            }
            let run = rest[..room].iter().position(|byte| !PLAIN[usize::from(*byte)]).unwrap_or(room);
            out.copy(&rest[..run]);
            rest = &rest[run..];
        }
        // White space at the end of a line may be lost on the way.
        if PLAIN[usize::from(last)] && !matches!(last, b' ' | b'\t') {
            out.put(last, LONGEST);
        } else {
            out.escape(last, LONGEST);
            escaped += 1;
        }
    }
    out.end_line(b"");
    (out.bytes, escaped)
}

/// What has been written, and the line that is being written.
struct Out {
    bytes: Vec<u8>,
    line: [u8; LONGEST + 3],
    width: usize,
}

impl Out {
    fn put(&mut self, byte: u8, longest: usize) {
        if self.width + 1 > longest {
            self.end_line(b"=\r\n");
        }
        self.line[self.width] = byte;
        self.width += 1;
    }

    fn copy(&mut self, run: &[u8]) {
        self.line[self.width..self.width + run.len()].copy_from_slice(run);
        self.width += run.len();
    }

    fn escape(&mut self, byte: u8, longest: usize) {
        if self.width + 3 > longest {
            self.end_line(b"=\r\n");
        }
        let characters = [b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        self.line[self.width..self.width + 3].copy_from_slice(&characters);
        self.width += 3;
    }

    fn end_line(&mut self, end: &[u8]) {
        self.bytes.extend_from_slice(&self.line[..self.width]);
        self.bytes.extend_from_slice(end);
        self.width = 0;
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
        let encoded = String::from_utf8(encode(text).0).unwrap();
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
            assert_eq!(String::from_utf8(encode(text).0).unwrap(), encoded, "{text:?}");
        }
        // A line of 76 stays whole, one of 77 does not.
        assert_eq!(encode(&"x".repeat(76)).0, "x".repeat(76).into_bytes());
        assert_eq!(encode(&"x".repeat(77)).0, format!("{}=\r\nxx", "x".repeat(75)).into_bytes());
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
