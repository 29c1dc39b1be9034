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

/// What stands behind a name without being one.
const SUFFIXES: [&str; 8] = ["jr", "sr", "ii", "iii", "iv", "phd", "md", "mba"];

/// Words that only firms have.
const FIRMS: [&str; 14] =
    ["cty", "tnhh", "jsc", "ltd", "llc", "inc", "gmbh", "corp", "company", "limited", "shop", "store", "hkd", "dntn"];

/// Returns the part of a full name that a greeting uses: the last word of a Vietnamese name, the first of others.
///
/// `None` where that is not certain: no first name is better than a family name after `Chào`.
pub fn given_name(name: &str) -> Option<String> {
    if name.contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | '/' | '&')) {
        return None;
    }
    let name = name.split(['(', '[']).next().unwrap_or(name);
    let name = name.split(" - ").next().unwrap_or(name).trim();
    let bare = |word: &str| fold(word.trim_end_matches('.'));
    let name = match name.split_once(',') {
        Some((before, suffix)) if SUFFIXES.contains(&bare(suffix.trim()).as_str()) => before,
        // `Smith, John`: one word before it. What follows a whole name is a title, a job or a half of it.
        Some((family, given)) if !family.trim().contains(' ') && !is_vietnamese_family(given) => given,
        Some(_) => return None,
        None => name,
    };
    let words: Vec<&str> = name.split_whitespace().collect();
    let folded: Vec<String> = words.iter().map(|word| bare(word)).collect();
    if folded.iter().any(|word| FIRMS.contains(&word.as_str()))
        || folded.windows(2).any(|two| two == ["cong", "ty"] || two == ["kinh", "doanh"])
    {
        return None;
    }
    let given = if is_vietnamese(&words) {
        words.last().copied()
    } else if words.len() > 1 && is_family_with_marks(words[0]) {
        None
    } else {
        let title = |word: &&str| TITLES.contains(&bare(word).as_str());
        let first = words.iter().copied().find(|word| !title(word)).or(words.first().copied())?;
        let is_small = |word: &str| word.starts_with(char::is_lowercase);
        let is_particle = is_small(first) && !words.iter().all(|word| is_small(word));
        (!is_particle).then_some(first)
    }?;
    let is_initial = given.trim_end_matches('.').chars().count() < 2 && given.is_ascii();
    if is_initial || !given.contains(char::is_alphabetic) {
        return None;
    }
    let shouted = words.iter().all(|word| word.chars().all(|c| !c.is_lowercase()));
    Some(if shouted { title_case(given) } else { given.to_owned() })
}

/// Says whether a text begins with a Vietnamese family name that has its marks: `Nguyễn Thị`.
fn is_vietnamese_family(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(is_family_with_marks)
}

/// Says whether a word can only be a Vietnamese family name: `Trần`, but not `Lan`.
fn is_family_with_marks(word: &str) -> bool {
    !word.is_ascii() && is_syllable(word) && FAMILIES.contains(&fold(word).as_str())
}

/// Says whether a name is Vietnamese: every word is a syllable, and its marks or its family name show the language.
///
/// `Lan Nguyễn`, the family name last, is a Vietnamese name in the order of others.
fn is_vietnamese(words: &[&str]) -> bool {
    let is_family = |word: &&str| FAMILIES.contains(&fold(word).as_str());
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    let is_right = |word: &str| if word.is_ascii() { is_bare_syllable(&fold(word)) } else { is_syllable(word) };
    let right = |word: &&str| word.split('-').all(is_right);
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
            ("Lê Thị Thu-Hà (Mrs)", "Thu-Hà"),
            ("Lý Tiểu Long (Bruce Lee)", "Long"),
            ("Phạm Thị Lan - Sale", "Lan"),
            ("Dr. John Smith, Jr.", "John"),
            ("Ngô Thị Ý", "Ý"),
            ("jane smith", "jane"),
        ] {
            assert_eq!(given_name(name).as_deref(), Some(given), "{name}");
        }
        for name in [
            "  ",
            "Trần Văn B",
            "Trần Văn Smith",
            "Nguyễn Thị Lan 2",
            "Công ty TNHH Minh Anh",
            "Cty Hoa Mai",
            "Minh Anh JSC",
            "lan@gmail.com",
            "van der Berg",
            "J. Smith",
            "***",
            "Lan, Nguyễn Thị",
            "Nguyễn Thị Lan, Kế toán",
            "John Smith, Esq.",
            "Hộ kinh doanh Lan Anh",
        ] {
            assert_eq!(given_name(name), None, "{name}");
        }
    }
}
