//! The words that rules look for, kept in text files: a phrase a line, `== class` or `== list` above each section.
//!
//! `[mailbox|account] [full|over quota]` stands for every pair of them: servers build their sentences of few words.

use std::sync::LazyLock;

use super::family::{Families, Family};
use super::reason::Reason;
use super::text::holds_any;

/// Why servers refuse.
pub(super) static REFUSALS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words/refusals.txt")));
/// What the large receivers' own codes stand for.
pub(super) static CODES: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words/codes.txt")));
/// How servers report to people.
pub(super) static REPORTS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words/reports.txt")));
/// How machines answer for people.
pub(super) static AUTOMATIC: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words/automatic.txt")));
/// How people answer and leave.
pub(super) static ANSWERS: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("words/answers.txt")));

/// The phrases of one file.
#[derive(Debug)]
pub(super) struct Words {
    /// In the order in which they are asked; a class may have several sections.
    classes: Vec<(Reason, Phrases)>,
    lists: Vec<(&'static str, Phrases)>,
}

/// The phrases of one section.
#[derive(Debug, Default)]
struct Phrases {
    alone: Vec<&'static str>,
    families: Families,
}

impl Phrases {
    fn add(&mut self, line: &'static str) {
        match Family::read(line) {
            Some(family) => self.families.add(family),
            None => self.alone.push(line),
        }
    }

    fn are_in(&self, text: &str) -> bool {
        holds_any(text, &self.alone) || self.families.are_in(text)
    }
}

impl Words {
    fn read(file: &'static str) -> Self {
        let mut words = Self { classes: Vec::new(), lists: Vec::new() };
        let mut in_class = false;
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix("== class ") {
                let class = Reason::ALL.iter().find(|reason| reason.word() == name);
                words.classes.push((*class.expect("a section is named after a class of reason"), Phrases::default()));
                in_class = true;
            } else if let Some(name) = line.strip_prefix("== list ") {
                words.lists.push((name, Phrases::default()));
                in_class = false;
            } else {
                let class = words.classes.last_mut().filter(|_| in_class).map(|(_, phrases)| phrases);
                let list = words.lists.last_mut().filter(|_| !in_class).map(|(_, phrases)| phrases);
                class.or(list).expect("a phrase stands in a section").add(line);
            }
        }
        words
    }

    fn section(&self, name: &str) -> &Phrases {
        let found = self.lists.iter().find(|(known, _)| *known == name);
        &found.expect("a rule asks for a list that is there").1
    }

    /// Returns a list by its name, for a rule that looks at each phrase.
    pub(super) fn list(&self, name: &str) -> &[&'static str] {
        &self.section(name).alone
    }

    /// Tells whether a text holds a phrase of a list.
    pub(super) fn say(&self, name: &str, text: &str) -> bool {
        self.section(name).are_in(text)
    }

    /// Returns the first class that a text names.
    pub(super) fn class(&self, text: &str) -> Option<Reason> {
        self.classes.iter().find(|(_, phrases)| phrases.are_in(text)).map(|(class, _)| *class)
    }

    /// Tells whether a text names one class, whatever stands before it.
    pub(super) fn names(&self, class: Reason, text: &str) -> bool {
        self.classes.iter().filter(|(known, _)| *known == class).any(|(_, phrases)| phrases.are_in(text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::plain;
    use super::*;

    #[test]
    fn every_phrase_can_be_found() {
        for words in [&*REFUSALS, &*CODES, &*REPORTS, &*AUTOMATIC, &*ANSWERS] {
            let classes = words.classes.iter().map(|(_, phrases)| phrases);
            let lists = words.lists.iter().map(|(_, phrases)| phrases);
            for phrases in classes.chain(lists) {
                for phrase in &phrases.alone {
                    assert_eq!(
                        plain(phrase),
                        **phrase,
                        "a phrase is looked for in plain text, and stands here as such"
                    );
                    assert!(
                        phrase.split('*').all(|piece| !piece.trim().is_empty()),
                        "{phrase}: nothing between two `*`"
                    );
                }
                for phrase in phrases.families.examples() {
                    assert_eq!(plain(&phrase), phrase, "a phrase is looked for in plain text, and stands here as such");
                    assert!(phrases.are_in(&format!("550 {phrase}.")), "{phrase}");
                }
            }
        }
    }

    #[test]
    fn no_phrase_stands_below_one_that_is_found_before_it() {
        for words in [&*REFUSALS, &*CODES] {
            for (place, (class, phrases)) in words.classes.iter().enumerate() {
                for phrase in &phrases.alone {
                    let earlier = words.classes[..place].iter().find(|(_, phrases)| phrases.alone.contains(phrase));
                    assert!(earlier.is_none(), "`{phrase}` of {} stands in two classes", class.word());
                }
            }
        }
    }
}
