//! How Vietnamese is spelt: which words are syllables, and a text without its marks.
//!
//! Knows nothing of files; the tables are those of the written language, a few hundred entries.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What a syllable may begin with, the longer before their own beginnings.
const ONSETS: [&str; 29] = [
    "ngh", "ch", "gh", "gi", "kh", "ng", "nh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g", "h", "k", "l", "m",
    "n", "p", "q", "r", "s", "t", "v", "x", "",
];

/// What may follow, without the tone.
const RHYMES: &str = "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây \
    e ec em en eng eo ep et ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu \
    o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong ooc oong op ot \
    ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt \
    up uơ ut uy uya uych uyên uyêt uynh uyt uyu ư ưa ưc ưi ưm ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu \
    y yêm yên yêng yêt yêu";

/// The same, ready to be asked: with their marks, and without.
static RHYMES_OF_A_DICTIONARY: LazyLock<HashSet<&str>> = LazyLock::new(|| RHYMES.split_ascii_whitespace().collect());
static BARE_RHYMES: LazyLock<HashSet<String>> = LazyLock::new(|| RHYMES.split_ascii_whitespace().map(fold).collect());

const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// Returns a text in lower case, without its marks and with `d` for `đ`.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let letters = text.nfd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase);
    letters.map(|c| if c == 'đ' { 'd' } else { c }).collect()
}

/// Says whether a word is a syllable as a dictionary would spell it, its marks included.
pub(super) fn is_syllable(word: &str) -> bool {
    let mut tone = None;
    let mut toneless = String::with_capacity(word.len());
    for c in word.nfd().flat_map(char::to_lowercase) {
        match TONES.contains(&c) {
            true if tone.is_some() => return false,
            true => tone = Some(c),
            false => toneless.push(c),
        }
    }
    let toneless: String = toneless.nfc().collect();
    // A syllable that stops short (`-c`, `-p`, `-t`) has the sharp or the heavy tone, or none where it is left out.
    let stops = toneless.ends_with(['c', 'p', 't']) || toneless.ends_with("ch");
    if stops && !matches!(tone, None | Some('\u{301}' | '\u{323}')) {
        return false;
    }
    splits(&toneless, |rhyme| RHYMES_OF_A_DICTIONARY.contains(rhyme))
}

/// Says whether a word without marks could be a syllable whose marks were left out.
pub(super) fn is_bare_syllable(word: &str) -> bool {
    word.len() <= 7 && word.is_ascii() && splits(word, |rhyme| BARE_RHYMES.contains(rhyme))
}

fn splits(word: &str, is_rhyme: impl Fn(&str) -> bool) -> bool {
    ONSETS.iter().filter_map(|onset| word.strip_prefix(onset)).any(|rest| !rest.is_empty() && is_rhyme(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_told_from_other_words() {
        for word in
            "Nguyễn Thị Lan Trần Đức Quỳnh Giang Nghiêm Hoàng Khuyên Ý Yến Phượng thuở Gì Huỳnh ĐẶNG Trương".split(' ')
        {
            assert!(is_syllable(word), "{word}");
            assert!(is_bare_syllable(&fold(word)), "{word}");
        }
        for word in "NguyÔn ThÞ Nguyeãn Müller José Größe Smith Ðà Łódź Lậhn đàt ẽẽ Zoé".split(' ')
        {
            assert!(!is_syllable(word), "{word}");
        }
        for word in ["john", "smith", "marine", "w", "xyz", ""] {
            assert!(!is_bare_syllable(word), "{word}");
        }
        assert_eq!(fold("ĐẶNG Thị Ửng"), "dang thi ung");
    }
}
