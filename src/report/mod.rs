//! What became of a campaign: its numbers, and the views in which they are shown.
//!
//! Takes finished counts and turns them into text; it knows neither where they come from nor whether
//! a terminal, a file or a program reads them.

pub mod compare;
mod csv;
mod funnel;
mod json;
mod markdown;
mod notes;
mod percent;
pub mod status;
mod table;
pub mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub use self::csv::csv;
pub use self::funnel::{Funnel, GoalTime, StepRow, VariantRow};
pub use self::json::json;
pub use self::markdown::markdown;
pub use self::table::{Style, table};
pub use self::verdict::{CONFIDENCE, Verdict};
