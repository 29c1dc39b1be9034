//! Phrases of one meaning on one line: `[mailbox|account] [is|] [full|over quota]` stands for every choice of them.
//!
//! Servers build their sentences of few words; who knows the words knows sentences that nobody has shown yet.

use std::collections::HashMap;

/// A line with choices.
#[derive(Debug)]
pub(super) struct Family {
    /// What may stand at each place; between two choices stands what the line has between them.
    places: Vec<Vec<&'static str>>,
}

impl Family {
    /// Reads a line; `None` where it leaves no choice.
    pub(super) fn read(line: &'static str) -> Option<Self> {
        if !line.contains('[') || !line.contains('|') {
            return None;
        }
        let mut places = Vec::new();
        let mut rest = line;
        while let Some((before, open)) = rest.split_once('[') {
            let (choices, behind) = open.split_once(']')?;
            places.extend((!before.is_empty()).then(|| vec![before]));
            places.push(choices.split('|').collect());
            rest = behind;
        }
        places.extend((!rest.is_empty()).then(|| vec![rest]));
        Some(Self { places })
    }

    /// Returns the words with which a phrase may begin.
    pub(super) fn first(&self) -> &[&'static str] {
        self.places.first().map_or(&[], Vec::as_slice)
    }

    /// Tells whether a text goes on with one of the phrases, behind the word with which they begin.
    pub(super) fn goes_on(&self, rest: &str) -> bool {
        follows(rest, self.places.get(1..).unwrap_or_default(), false)
    }

    /// Returns a phrase for each choice.
    #[cfg(test)]
    pub(super) fn examples(&self) -> Vec<String> {
        let most = self.places.iter().map(Vec::len).max().unwrap_or_default();
        (0..most)
            .map(|number| {
                let words: String = self.places.iter().map(|choices| choices[number % choices.len()]).collect();
                words.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect()
    }
}

/// Tells whether the rest of a text begins with a choice for each place. Behind a choice of nothing no second space is asked for.
fn follows(text: &str, places: &[Vec<&str>], after_nothing: bool) -> bool {
    let Some((choices, others)) = places.split_first() else { return true };
    choices.iter().any(|choice| {
        let wanted = if after_nothing { choice.strip_prefix(' ').unwrap_or(choice) } else { choice };
        text.strip_prefix(wanted).is_some_and(|rest| follows(rest, others, choice.is_empty()))
    })
}

/// Families, to be looked for all at once: at each word of a text only those are tried that begin like it.
#[derive(Debug, Default)]
pub(super) struct Families {
    all: Vec<Family>,
    /// By the first two bytes of a beginning: which family, and the beginning.
    beginnings: HashMap<[u8; 2], Vec<(usize, &'static str)>>,
}

impl Families {
    pub(super) fn add(&mut self, family: Family) {
        for first in family.first() {
            if let [one, two, ..] = first.as_bytes() {
                self.beginnings.entry([*one, *two]).or_default().push((self.all.len(), first));
            }
        }
        self.all.push(family);
    }

    /// Tells whether a text holds one of the phrases, from the start of a word.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.windows(2).enumerate().any(|(at, pair)| {
            // Where words are not set apart by spaces, each letter may begin one.
            let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric() || !pair[0].is_ascii();
            let known = if begins { self.beginnings.get(pair) } else { None };
            known.into_iter().flatten().any(|(family, first)| {
                let rest = text.get(at..).and_then(|text| text.strip_prefix(first));
                rest.is_some_and(|rest| self.all[*family].goes_on(rest))
            })
        })
    }

    #[cfg(test)]
    pub(super) fn examples(&self) -> Vec<String> {
        self.all.iter().flat_map(Family::examples).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(line: &'static str) -> Families {
        let mut families = Families::default();
        families.add(Family::read(line).unwrap());
        families
    }

    #[test]
    fn a_line_stands_for_each_choice_and_for_nothing_else() {
        let family = families("[mailbox|account] [is|has been|] [full|over quota]");
        for text in ["mailbox is full", "550 account full!", "the mailbox has been over quota", "(mailbox over quota"] {
            assert!(family.are_in(text), "{text}");
        }
        for text in
            ["mailbox isfull", "mailbox  full", "mailboxfull", "account is", "is full", "", "m", "xaccount full"]
        {
            assert!(!family.are_in(text), "{text}");
        }
        assert!(Family::read("[tss04]").is_none());
    }

    #[test]
    fn a_choice_inside_a_word_joins_without_a_space() {
        let family = families("[not |un]authorized");
        assert!(family.are_in("unauthorized") && family.are_in("not authorized") && !family.are_in("authorized"));
        assert!(families("[收件人|邮箱][不存在|已满]").are_in("您的邮箱已满"));
    }
}
