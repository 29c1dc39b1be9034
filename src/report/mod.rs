//! What became of a campaign: its numbers, and the views in which they are shown.
//!
//! Takes finished counts and turns them into text; it knows neither where they come from nor whether
//! a terminal, a file or a program reads them.

mod csv;
mod funnel;
mod json;
mod table;

#[cfg(test)]
mod tests;

pub use self::csv::csv;
pub use self::funnel::{Funnel, StepRow};
pub use self::json::json;
pub use self::table::{Style, table};
