//! A person's name: which part of it a greeting uses.

use super::vietnamese::{fold, is_bare_syllable, is_syllable};

/// The family names of nearly everyone in Viet Nam, without their marks.
const FAMILIES: [&str; 67] = [
    "an", "au", "bach", "be", "bui", "cao", "chau", "chu", "cu", "dam", "dang", "dao", "dau", "diep", "dinh", "do",
    "doan", "dong", "du", "duong", "giang", "giap", "ha", "ho", "hoang", "hua", "huynh", "khuat", "khuc", "kieu",
    "kim", "la", "lai", "lam", "le", "lieu", "lo", "luc", "luong", "luu", "ly", "mac", "mach", "mai", "nghiem", "ngo",
    "nguy", "nguyen", "nong", "ong", "pham", "phan", "phi", "phung", "quach", "ta", "tang", "than", "thai", "to",
    "ton", "tran", "trieu", "trinh", "truong", "vo", "vu",
];

const TITLES: [&str; 9] = ["mr", "mrs", "ms", "miss", "dr", "prof", "sir", "herr", "frau"];

/// Returns the part of a full name that a greeting uses: the last word of a Vietnamese name, the first of others.
pub fn given_name(name: &str) -> Option<String> {
    let name = name.split_once(',').map_or(name, |(_, given)| given);
    let words: Vec<&str> = name.split_whitespace().collect();
    let given = if is_vietnamese(&words) {
        words.last()
    } else {
        let is_title = |word: &&&str| TITLES.contains(&fold(word.trim_end_matches('.')).as_str());
        words.iter().find(|word| !is_title(word)).or(words.first())
    }?;
    let shouted = given.chars().count() > 1 && words.iter().all(|word| word.chars().all(|c| !c.is_lowercase()));
    Some(if shouted { title_case(given) } else { (*given).to_owned() })
}

/// Says whether a name is Vietnamese: every word is a syllable, and its marks or its family name show the language.
///
/// `Lan Nguyễn`, the family name last, is a Vietnamese name in the order of others.
fn is_vietnamese(words: &[&str]) -> bool {
    let is_family = |word: &&str| FAMILIES.contains(&fold(word).as_str());
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    let right = |word: &&str| if word.is_ascii() { is_bare_syllable(&fold(word)) } else { is_syllable(word) };
    if words.len() < 2 || words.len() > 7 || !words.iter().all(right) {
        return false;
    }
    is_family(first) || (words.iter().any(|word| !word.is_ascii()) && !is_family(last))
}

fn title_case(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter();
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_uses_the_last_word_of_a_vietnamese_name_and_the_first_of_others() {
        for (name, given) in [
            ("Nguyễn Thị Lan", "Lan"),
            ("Nguyen Thi Lan", "Lan"),
            ("NGUYỄN VĂN ĐỨC", "Đức"),
            ("Trần Minh", "Minh"),
            ("Chị Thảo", "Thảo"),
            ("Tôn Nữ Thị Quỳnh Anh", "Anh"),
            ("Lan Nguyễn", "Lan"),
            ("Lan", "Lan"),
            ("John Smith", "John"),
            ("Mr. John Smith", "John"),
            ("Smith, John", "John"),
            ("José García", "José"),
            ("Le Marchand Paul", "Le"),
            ("Jürgen Müller", "Jürgen"),
            ("JOHN SMITH", "John"),
            ("田中 太郎", "田中"),
            ("Dr", "Dr"),
        ] {
            assert_eq!(given_name(name).as_deref(), Some(given), "{name}");
        }
        assert_eq!(given_name("  "), None);
    }
}
