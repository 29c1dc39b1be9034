//! In which encoding a file is written, and the file in UTF-8.
//!
//! One encoding is chosen for the whole file, from its first part. What is wrong in it later is never
//! replaced: it becomes a byte that no UTF-8 holds, so that the row it stands in is refused.

use std::io::{self, Chain, Cursor, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization;

use super::fonts::Font;
use super::vietnamese::is_syllable;

/// The byte that stands where the file does not follow its encoding.
const WRONG: u8 = 0xff;

/// The encoding of a file, and how it was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    /// How long the byte order mark is that begins the file.
    pub(super) mark: usize,
    /// A word outside ASCII as it is read; only where the encoding is a guess.
    pub(super) example: Option<String>,
}

/// Why an encoding was not found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Utf32,
    /// A word as Windows-1252 would have it.
    Foreign(String),
}

/// Returns the encoding that a user names: any name of the WHATWG list, `1258`, `cp1258`, `latin1`, `utf16`.
pub(super) fn named(name: &str) -> Option<&'static Encoding> {
    let name = name.trim().to_lowercase();
    let number = name.strip_prefix("cp").or_else(|| name.strip_prefix("win")).unwrap_or(&name);
    let windows = format!("windows-{}", number.trim_start_matches('-'));
    let encoding = match name.as_str() {
        "utf16" | "utf16le" => Some(UTF_16LE),
        "utf16be" => Some(UTF_16BE),
        _ => Encoding::for_label(name.as_bytes()).or_else(|| Encoding::for_label(windows.as_bytes())),
    };
    encoding.filter(|encoding| *encoding != encoding_rs::REPLACEMENT)
}

/// Takes an encoding as given; a byte order mark still says which UTF-16 it is.
pub(super) fn forced(encoding: &'static Encoding, sample: &[u8]) -> Found {
    let utf16 = |encoding: &'static Encoding| encoding == UTF_16LE || encoding == UTF_16BE;
    match Encoding::for_bom(sample) {
        Some((marked, mark)) if marked == encoding || (utf16(marked) && utf16(encoding)) => {
            Found { encoding: marked, mark, example: None }
        }
        _ => Found { encoding, mark: 0, example: None },
    }
}

/// Finds the encoding from the first part of a file.
pub(super) fn detect(sample: &[u8]) -> Result<Found, Unknown> {
    if sample.starts_with(b"\xff\xfe\0\0") || sample.starts_with(b"\0\0\xfe\xff") {
        return Err(Unknown::Utf32);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(sample) {
        return Ok(Found { encoding, mark, example: None });
    }
    if let Some(encoding) = by_zeros(sample) {
        return Ok(Found { encoding, mark: 0, example: None });
    }
    // One stray byte is the fault of its row; a file that is wrong wherever it leaves ASCII is in another encoding.
    let (mut right, mut wrong) = (0_usize, 0_usize);
    let end = if sample.len() < 1 << 16 { sample.len() } else { last_line_end(sample) };
    for line in sample[..end].split(|&byte| byte == b'\n').filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => right += 1,
            Err(_) => wrong += 1,
        }
    }
    if wrong <= right * 20 {
        return Ok(Found { encoding: UTF_8, mark: 0, example: None });
    }
    guess(&sample[..end])
}

/// The whole lines of a sample that was cut somewhere.
fn last_line_end(sample: &[u8]) -> usize {
    sample.iter().rposition(|&byte| byte == b'\n').map_or(sample.len(), |at| at + 1)
}

/// UTF-16 without a mark: what is ASCII in the text has a zero in every second byte.
fn by_zeros(sample: &[u8]) -> Option<&'static Encoding> {
    let sample = &sample[..sample.len().min(4096) & !1];
    let pairs = sample.len() / 2;
    let zeros = |first: usize| sample.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    let (high, low) = (zeros(0), zeros(1));
    match () {
        () if pairs < 2 => None,
        () if low * 5 >= pairs * 2 && high * 10 <= pairs => Some(UTF_16LE),
        () if high * 5 >= pairs * 2 && low * 10 <= pairs => Some(UTF_16BE),
        () => None,
    }
}

/// Chooses between Windows-1258 and Windows-1252 by which of them spells Vietnamese.
fn guess(sample: &[u8]) -> Result<Found, Unknown> {
    let (vietnamese, western) = (accented(sample, WINDOWS_1258), accented(sample, WINDOWS_1252));
    let syllables = |words: &[String]| words.iter().filter(|word| is_syllable(word)).count();
    let (encoding, words) =
        if syllables(&vietnamese) > syllables(&western) { (WINDOWS_1258, vietnamese) } else { (WINDOWS_1252, western) };
    let strange: Vec<&String> = words.iter().filter(|word| is_strange(word)).collect();
    // Text for an old font looks as strange; it is told apart, with better advice, when it is read.
    let foreign = encoding == WINDOWS_1252 && strange.len() * 10 > words.len();
    if foreign && Font::of(&words.join(" ")).is_none() {
        return Err(Unknown::Foreign(strange[0].clone()));
    }
    Ok(Found { encoding, mark: 0, example: words.into_iter().next() })
}

/// Returns the words outside ASCII as an encoding reads them.
fn accented(sample: &[u8], encoding: &'static Encoding) -> Vec<String> {
    let words = sample.split(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()).filter(|word| !word.is_ascii());
    words.map(|word| encoding.decode_without_bom_handling(word).0.nfc().collect()).collect()
}

/// Says whether a word cannot have been written in Windows-1252: signs between its letters, or hardly any plain one.
///
/// `“c’†‘¾˜Y` is Japanese, `Ma³gorzata` is `Małgorzata` in another encoding, `Èâàí` is `Иван`.
fn is_strange(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let is_sign = |c: char| {
        c.is_control()
            || ('\u{a1}'..='\u{bf}').contains(&c) && !matches!(c, 'ª' | 'º' | '·' | '\u{ad}' | '´' | '°')
            || matches!(c, '×' | '÷' | '‚' | '„' | '†' | '‡' | 'ˆ' | '‰' | '‹' | '›' | '¤')
    };
    let between = letters.windows(3).any(|part| part[0].is_alphabetic() && is_sign(part[1]) && part[2].is_alphabetic());
    let plain = letters.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let accented = letters.iter().filter(|c| !c.is_ascii() && c.is_alphabetic()).count();
    let signs = letters.iter().filter(|c| !c.is_alphanumeric()).count();
    letters.iter().any(|c| c.is_control())
        || between
        || signs > plain + accented + 2
        || (accented >= 3 && accented > plain)
}

/// A file, decoded while it is read.
pub(super) struct Source<R> {
    raw: Chain<Cursor<Vec<u8>>, R>,
    decoding: Option<Box<Decoding>>,
}

struct Decoding {
    decoder: Decoder,
    input: Vec<u8>,
    /// What of `input` is still to be decoded.
    pending: std::ops::Range<usize>,
    output: Vec<u8>,
    ready: std::ops::Range<usize>,
    ended: bool,
    finished: bool,
    raw_bytes: u64,
}

impl<R: Read> Source<R> {
    /// Starts behind the mark; `sample` is the part of the file that was read already.
    pub(super) fn new(mut sample: Vec<u8>, rest: R, found: &Found) -> Self {
        sample.drain(..found.mark);
        let decoding = (found.encoding != UTF_8).then(|| {
            Box::new(Decoding {
                decoder: found.encoding.new_decoder_without_bom_handling(),
                input: vec![0; 1 << 16],
                pending: 0..0,
                output: vec![0; 1 << 17],
                ready: 0..0,
                ended: false,
                finished: false,
                raw_bytes: found.mark as u64,
            })
        });
        Self { raw: Cursor::new(sample).chain(rest), decoding }
    }

    /// Returns how many bytes of the file were taken, where that is not the number of bytes handed out.
    pub(super) fn raw_bytes(&self) -> Option<u64> {
        self.decoding.as_ref().map(|decoding| decoding.raw_bytes)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(decoding) = &mut self.decoding else { return self.raw.read(out) };
        while decoding.ready.is_empty() && !decoding.finished {
            decoding.fill(&mut self.raw)?;
        }
        let length = decoding.ready.len().min(out.len());
        out[..length].copy_from_slice(&decoding.output[decoding.ready.start..][..length]);
        decoding.ready.start += length;
        Ok(length)
    }
}

impl Decoding {
    fn fill(&mut self, raw: &mut impl Read) -> io::Result<()> {
        if self.pending.is_empty() && !self.ended {
            let length = loop {
                match raw.read(&mut self.input) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
            self.pending = 0..length;
            self.ended = length == 0;
            self.raw_bytes += length as u64;
        }
        // One byte is kept for the mark of what is wrong.
        let room = self.output.len() - 1;
        let input = &self.input[self.pending.clone()];
        let (result, read, mut written) =
            self.decoder.decode_to_utf8_without_replacement(input, &mut self.output[..room], self.ended);
        self.pending.start += read;
        match result {
            DecoderResult::Malformed(..) => {
                self.output[written] = WRONG;
                written += 1;
            }
            DecoderResult::InputEmpty => self.finished = self.ended,
            DecoderResult::OutputFull => {}
        }
        self.ready = 0..written;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (&'static str, String) {
        let found = detect(bytes).expect("an encoding");
        let mut text = Vec::new();
        Source::new(bytes.to_vec(), io::empty(), &found).read_to_end(&mut text).expect("text");
        (found.encoding.name(), String::from_utf8_lossy(&text).nfc().collect())
    }

    #[test]
    fn each_encoding_is_found_and_reads_back() {
        let text = "email,Họ tên\na@x.vn,Nguyễn Thị Lan\nb@x.vn,Đặng Hữu Phước\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
            let mark = mark.then_some(0xfeff).into_iter();
            mark.chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        for mark in [true, false] {
            assert_eq!(read(&utf16(u16::to_le_bytes, mark)), ("UTF-16LE", text.to_owned()));
            assert_eq!(read(&utf16(u16::to_be_bytes, mark)), ("UTF-16BE", text.to_owned()));
        }
        assert_eq!(read(text.as_bytes()), ("UTF-8", text.to_owned()));
        let excel = b"email,Ho\xf2 t\xean\na@x.vn,Nguy\xea\xden Thi\xf2 Lan\nb@x.vn,\xd0\xe3\xf2ng H\xfd\xdeu Ph\xfd\xf5\xecc\n";
        assert_eq!(read(excel), ("windows-1258", text.to_owned()));
        let western = "email,nom\na@x.vn,Françoise Müller-Nuñez\n";
        let bytes: Vec<u8> = western.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        assert_eq!(read(&bytes), ("windows-1252", western.to_owned()));
    }

    #[test]
    fn what_is_in_no_known_encoding_is_not_guessed() {
        for bytes in [
            &b"email,n\na@x.vn,Ma\xb3gorzata\n"[..],
            b"email,n\na@x.vn,\xc8\xe2\xe0\xed\n",
            b"email,n\na@x.vn,\x93\x81\x89\x8e\n",
        ] {
            assert!(matches!(detect(bytes), Err(Unknown::Foreign(_))), "{bytes:?}");
        }
        assert_eq!(detect(b"\xff\xfe\0\0e\0\0\0").err(), Some(Unknown::Utf32));
    }

    #[test]
    fn what_breaks_the_encoding_stays_wrong() {
        let mut bytes: Vec<u8> = "a\n\u{1ec5}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.extend([0x00, 0xd8, b'b', 0, b'\n']);
        let found = forced(UTF_16LE, &bytes);
        let mut text = Vec::new();
        Source::new(bytes, io::empty(), &found).read_to_end(&mut text).expect("bytes");
        assert_eq!(text, [b"a\n\xe1\xbb\x85".as_slice(), &[WRONG], b"b", &[WRONG]].concat());
    }

    #[test]
    fn a_name_is_taken_as_people_write_it() {
        for (name, encoding) in [
            ("1258", WINDOWS_1258),
            ("CP1258", WINDOWS_1258),
            ("latin1", WINDOWS_1252),
            ("UTF-8", UTF_8),
            ("utf16", UTF_16LE),
        ] {
            assert_eq!(named(name), Some(encoding), "{name}");
        }
        assert_eq!(named("tcvn3"), None);
    }
}
