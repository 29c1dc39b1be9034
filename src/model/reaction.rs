//! What may come of a mail that left.

/// Who opened a mail or followed a link, as far as a request tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Person,
    /// A mail provider's server that fetches pictures for its readers, when they read or before.
    Proxy,
    Machine,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Person, Self::Proxy, Self::Machine];

    /// Returns the word for it in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Proxy => "proxy",
            Self::Machine => "machine",
        }
    }

    /// Returns the name of an event that somebody made.
    pub fn name(self, what: &str) -> String {
        match self {
            Self::Person => what.to_owned(),
            Self::Proxy | Self::Machine => format!("{what}_by_{}", self.as_str()),
        }
    }
}

/// One thing that came of a mail. What machines do on somebody's behalf is never counted as a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    Opened,
    /// By a mail provider's server that fetches pictures for its readers, when they read or before.
    OpenedByProxy,
    /// By a scanner, or a program that fetches the pictures of every mail.
    OpenedByMachine,
    Clicked,
    ClickedByMachine,
    Replied,
    AutoReplied,
    /// For good.
    Bounced,
    BouncedForNow,
    Complained,
    Unsubscribed,
}

impl Reaction {
    /// Every reaction, in the order in which reports name them.
    pub const ALL: [Self; 11] = [
        Self::Opened,
        Self::OpenedByProxy,
        Self::OpenedByMachine,
        Self::Clicked,
        Self::ClickedByMachine,
        Self::Replied,
        Self::AutoReplied,
        Self::Bounced,
        Self::BouncedForNow,
        Self::Complained,
        Self::Unsubscribed,
    ];

    /// Returns the word for it in output and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::OpenedByProxy => "opened_by_proxy",
            Self::OpenedByMachine => "opened_by_machine",
            Self::Clicked => "clicked",
            Self::ClickedByMachine => "clicked_by_machine",
            Self::Replied => "replied",
            Self::AutoReplied => "auto_replied",
            Self::Bounced => "bounced",
            Self::BouncedForNow => "bounced_for_now",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// Returns the reaction that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reaction| reaction.as_str() == word)
    }
}

/// How many mails each came of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reactions([u64; Reaction::ALL.len()]);

impl Reactions {
    /// Returns how many mails it came of.
    pub fn of(&self, reaction: Reaction) -> u64 {
        self.0[reaction as usize]
    }

    /// Adds mails that it came of.
    pub fn add(&mut self, reaction: Reaction, mails: u64) {
        self.0[reaction as usize] += mails;
    }
}
