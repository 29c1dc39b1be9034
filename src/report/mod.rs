//! What became of a campaign: its numbers, and the views in which they are shown.
//!
//! Takes finished counts and turns them into text; it knows neither where they come from nor whether
//! a terminal, a file or a program reads them.

pub mod cohorts;
pub mod compare;
mod csv;
mod funnel;
pub mod html;
mod json;
mod language;
mod lift;
mod limits;
mod markdown;
mod notes;
mod percent;
pub mod scores;
pub mod sheet;
mod siblings;
pub mod stages;
pub mod status;
mod table;
mod tested;
pub mod times;
pub mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub use self::csv::csv;
pub use self::funnel::{Course, Funnel, GoalTime, Revenue, StepRow, VariantRow};
pub use self::json::json;
pub use self::language::Language;
pub use self::lift::{Bought, Holdout};
pub use self::markdown::{markdown, title};
pub use self::percent::percent;
pub use self::table::{Style, heading, table};
pub use self::tested::{Effect, Since, TestRow};
pub use self::verdict::CONFIDENCE;
