//! Vietnamese text that only an old font shows rightly: TCVN3 (ABC) and VNI, from before Unicode.
//!
//! Such text has the code points of Western European letters: `NguyÔn ThÞ Lan`, `Nguyeãn Thò Lan`. It is
//! told by reading its words as each font would and counting those that then are Vietnamese syllables.

use encoding_rs::WINDOWS_1252;

use super::vietnamese::is_syllable;

/// A family of fonts, each with letters where Windows-1252 has others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Font {
    Tcvn3,
    Vni,
}

/// How many accented words are looked at.
const WORDS: usize = 2000;

/// The letters of TCVN3 from 0xA1 on; a space stands where there is none.
const TCVN3: &str = "ĂÂÊÔƠƯĐăâêôơưđ      àảãáạ ằẳẵắ       ặầẩẫấậè ẻẽéẹềểễếệìỉ   ĩíịò ỏõóọồổỗốộờởỡớợù ủũúụừửữứựỳỷỹýỵ";

/// What a byte of VNI adds to the vowel before it: to `a`, and to the other vowels.
const VNI_MARKS: [(char, &str); 17] = [
    ('ù', "\u{301}"),
    ('ø', "\u{300}"),
    ('û', "\u{309}"),
    ('õ', "\u{303}"),
    ('ï', "\u{323}"),
    ('â', "\u{302}"),
    ('á', "\u{302}\u{301}"),
    ('à', "\u{302}\u{300}"),
    ('å', "\u{302}\u{309}"),
    ('ã', "\u{302}\u{303}"),
    ('ä', "\u{302}\u{323}"),
    ('ê', "\u{306}"),
    ('é', "\u{306}\u{301}"),
    ('è', "\u{306}\u{300}"),
    ('ú', "\u{306}\u{309}"),
    ('ü', "\u{306}\u{303}"),
    ('ë', "\u{306}\u{323}"),
];

/// The letters that VNI writes in one byte.
const VNI_LETTERS: [(char, char); 8] =
    [('ñ', 'đ'), ('ô', 'ơ'), ('ö', 'ư'), ('í', 'í'), ('ì', 'ì'), ('æ', 'ỉ'), ('ó', 'ĩ'), ('ò', 'ị')];

impl Font {
    /// Returns the font that a text was typed for, if most of its accented words show one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (mut tcvn3, mut vni) = (Tally::default(), Tally::default());
        let words = text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric());
        let words = words.filter(|word| !word.is_ascii() && word.bytes().any(|byte| byte.is_ascii_alphabetic()));
        for word in words.take(WORDS) {
            let unicode = is_syllable(word);
            tcvn3.note(from_tcvn3(word).is_some_and(|word| is_syllable(&word)), unicode);
            vni.note(is_syllable(&from_vni(word)), unicode);
        }
        let (tally, font) = if tcvn3.hits > vni.hits { (tcvn3, Self::Tcvn3) } else { (vni, Self::Vni) };
        (tally.hits >= 2 && tally.hits > tally.misses).then_some(font)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tcvn3 => "TCVN3 (ABC)",
            Self::Vni => "VNI",
        }
    }
}

/// How many words a font explains; one that is Vietnamese either way says nothing.
#[derive(Default)]
struct Tally {
    hits: usize,
    misses: usize,
}

impl Tally {
    fn note(&mut self, font: bool, unicode: bool) {
        self.hits += usize::from(font && !unicode);
        self.misses += usize::from(!font);
    }
}

fn from_tcvn3(word: &str) -> Option<String> {
    let (bytes, _, unknown) = WINDOWS_1252.encode(word);
    if unknown {
        return None;
    }
    let letters: Vec<char> = TCVN3.chars().collect();
    let letter = |byte: u8| {
        if byte.is_ascii() {
            Some(char::from(byte))
        } else {
            letters.get(usize::from(byte).checked_sub(0xa1)?).copied()
        }
    };
    bytes.iter().map(|&byte| letter(byte)).collect()
}

fn from_vni(word: &str) -> String {
    let mut read = String::with_capacity(word.len() * 2);
    for c in word.chars().flat_map(char::to_lowercase) {
        let after_vowel = read.ends_with(['a', 'e', 'o', 'u', 'y', 'ơ', 'ư']);
        if let Some((_, marks)) = VNI_MARKS.iter().find(|(mark, _)| *mark == c).filter(|_| after_vowel) {
            read.push_str(marks);
        } else {
            read.push(VNI_LETTERS.iter().find(|(written, _)| *written == c).map_or(c, |(_, letter)| *letter));
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_told_by_what_its_words_would_be() {
        assert_eq!(from_tcvn3("NguyÔn").as_deref(), Some("Nguyễn"));
        assert_eq!(from_tcvn3("®Æng").as_deref(), Some("đặng"));
        for (text, font) in [
            ("a@x.vn,NguyÔn ThÞ Lan,Hµ Néi", Some(Font::Tcvn3)),
            ("TrÇn V¨n §øc, §Æng H÷u Phóc", Some(Font::Tcvn3)),
            ("a@x.vn,Nguyeãn Thò Lan,Haø Noäi", Some(Font::Vni)),
            ("Traàn Vaên Ñöùc, Ñaëng Höõu Phuùc", Some(Font::Vni)),
            ("Nguyễn Thị Lan, Hà Nội, Đặng Hữu Phúc", None),
            ("José García, Jürgen Müller, Zoë Brontë, Søren Kjærgård, Françoise Hélène, Łukasz, Ünal Öz", None),
            ("André, René, Chloé, Noël, Köln, Röm", None),
        ] {
            assert_eq!(Font::of(text), font, "{text}");
        }
    }
}
