//! A test of contents: which there are, who is to get which, and when one of them has won.

use super::campaign::Mail;
use super::delay::Span;

/// A test of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The contents; where there are factors, each combination of their levels, the last factor's level changing first.
    pub variants: Vec<Variant>,
    /// What the contents differ in, where that is tested part by part.
    pub factors: Vec<Factor>,
    pub shares: Shares,
    pub winner: Option<Winner>,
}

/// One of the mails of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub name: String,
    /// How many of the sum of all shares get it.
    pub share: u32,
    pub mail: Mail,
}

/// A part of a mail that is tested by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// `subject`, `preheader`, `send` or `sender`.
    pub name: String,
    pub levels: Vec<String>,
}

/// How many get which content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shares {
    /// The shares that stand in the file.
    Fixed,
    /// The better a content does, the more get it.
    Thompson(Thompson),
}

/// Thompson sampling: a content is chosen as often as it is the best by what is known so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thompson {
    pub by: Metric,
    /// A mail is counted once so much time has passed since it left.
    pub after: Span,
    /// The hundredths that each content gets at the least.
    pub floor: u32,
}

/// What makes a content good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Its readers reach the campaign's goal.
    Goal,
    /// They follow a link in it.
    Click,
}

impl Metric {
    /// Returns the word for it in files and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Click => "click",
        }
    }
}

/// When a content has won, and gets all mails from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winner {
    pub by: Metric,
    /// A mail is counted once so much time has passed since it left.
    pub after: Span,
    /// The first look is taken once each content has so many mails that count.
    pub at_least: u64,
    /// Further looks are taken at twice the number each, up to this; `None`: there is one look.
    pub at_most: Option<u64>,
}

impl Winner {
    /// Returns at how many mails of each content a look is taken: the number of looks is settled before the first.
    pub fn looks(&self) -> Vec<u64> {
        let last = self.at_most.unwrap_or(self.at_least).max(self.at_least);
        let mut looks: Vec<u64> = std::iter::successors(Some(self.at_least.max(1)), |at| at.checked_mul(2))
            .take_while(|at| *at < last)
            .collect();
        looks.push(last);
        looks
    }
}

impl Test {
    /// Returns by what a content of it is chosen, and how long a mail is given to work, where anything is.
    pub fn measure(&self) -> Option<(Metric, Span)> {
        match (self.shares, self.winner) {
            (Shares::Thompson(Thompson { by, after, .. }), _) | (_, Some(Winner { by, after, .. })) => {
                Some((by, after))
            }
            (Shares::Fixed, None) => None,
        }
    }

    /// Returns for each factor which of its levels a content has, both by their places.
    pub fn levels(&self, variant: usize) -> Vec<usize> {
        let mut rest = variant;
        let mut levels: Vec<usize> = self
            .factors
            .iter()
            .rev()
            .map(|factor| {
                let (level, above) = (rest % factor.levels.len().max(1), rest / factor.levels.len().max(1));
                rest = above;
                level
            })
            .collect();
        levels.reverse();
        levels
    }

    /// Returns the place of the content that has these levels.
    pub fn place(&self, levels: impl IntoIterator<Item = usize>) -> usize {
        self.factors.iter().zip(levels).fold(0, |place, (factor, level)| place * factor.levels.len() + level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_taken_at_twice_the_number_each() {
        let looks = |at_least, at_most| {
            let after = Span { days: 1, seconds: 0 };
            Winner { by: Metric::Goal, after, at_least, at_most }.looks()
        };
        assert_eq!(looks(500, None), [500]);
        assert_eq!(looks(500, Some(500)), [500]);
        assert_eq!(looks(500, Some(4_000)), [500, 1_000, 2_000, 4_000]);
        assert_eq!(looks(500, Some(2_500)), [500, 1_000, 2_000, 2_500]);
    }

    #[test]
    fn each_content_is_found_again_by_its_levels() {
        let factor = |name: &str, levels: usize| Factor {
            name: name.to_owned(),
            levels: (0..levels).map(|level| level.to_string()).collect(),
        };
        let factors = vec![factor("subject", 3), factor("send", 2), factor("sender", 2)];
        let test = Test { variants: Vec::new(), factors, shares: Shares::Fixed, winner: None };
        assert_eq!(test.levels(0), [0, 0, 0]);
        assert_eq!(test.levels(5), [1, 0, 1]);
        for place in 0..12 {
            assert_eq!(test.place(test.levels(place)), place);
        }
    }
}
