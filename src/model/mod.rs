//! What things are: plain, checked data, in the words the whole program uses.
//!
//! Nothing in here reads a file, a socket or the clock; instants come in as arguments.

pub mod address;
pub mod campaign;
pub mod condition;
pub mod contact;
pub mod date;
pub mod delay;
pub mod enrolment;
pub mod event;
pub mod facts;
pub mod id;
pub mod money;
pub mod octets;
pub mod period;
pub mod plain;
pub mod quiet;
pub mod reaction;
pub mod score;
pub mod secret;
pub mod send;
pub mod settings;
pub mod slip;
pub mod spreadsheet;
pub mod stage;
pub mod template;
pub mod terms;
pub mod trial;
pub mod value;
pub mod variant;
pub mod wall;
pub mod window;

/// An instant in UTC, kept in the store with millisecond precision.
pub type Instant = chrono::DateTime<chrono::Utc>;

/// Returns the known word that a misspelt one most likely stands for.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
