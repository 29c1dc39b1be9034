//! Numbers and lists as people read them.

use chrono::TimeDelta;

pub use crate::model::plain::grouped as number;

/// Returns a number with its noun: `1 contact`, `2,500 contacts`, `3 entries` (from `entry`).
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {}", self::number(number), if number == 1 { noun.to_owned() } else { plural(noun) })
}

/// Returns parts as a list in a sentence: `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(parts: &[T]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// Returns a length of time in its two greatest units: `3 d 4 h`, `12 min`, `0 s`; without a sign.
pub fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().unsigned_abs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let (size, unit) = units[first];
    let greatest = format!("{} {unit}", number(seconds / size));
    match units.get(first + 1) {
        Some((smaller, unit)) if seconds % size >= *smaller => {
            format!("{greatest} {} {unit}", seconds % size / smaller)
        }
        _ => greatest,
    }
}

fn plural(noun: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| noun.ends_with(ending));
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ends(&["s", "x", "ch", "sh"]) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_their_nouns() {
        for (number, noun, expected) in [
            (0, "contact", "0 contacts"),
            (1, "contact", "1 contact"),
            (999, "mail", "999 mails"),
            (2_500, "contact", "2,500 contacts"),
            (1_000_000, "entry", "1,000,000 entries"),
            (2, "day", "2 days"),
            (2, "address", "2 addresses"),
            (2, "batch", "2 batches"),
        ] {
            assert_eq!(count(number, noun), expected);
        }
        assert_eq!(super::number(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn durations_name_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (3_659, "1 h"),
            (86_400 * 3 + 3_600 * 4 + 5, "3 d 4 h"),
            (86_400 * 3 + 59, "3 d"),
            (-90, "1 min 30 s"),
            (86_400 * 1_200, "1,200 d"),
        ] {
            assert_eq!(duration(TimeDelta::seconds(seconds)), expected, "{seconds}");
        }
    }
}
