//! `drip export`: its arguments.

use clap::{Args, ValueEnum};

use super::contact::ExportFormat;

/// What to export, and where to.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Which rows
    #[arg(value_enum)]
    pub what: Exported,
    /// The file to write, the standard output if left out
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
    /// Only what happened, left or began since a day, as 2026-03-01, or within a time, as 30d
    #[arg(long, value_name = "DATE|DURATION")]
    pub since: Option<String>,
    /// The same up to the end of a day, or up to so long ago
    #[arg(long, value_name = "DATE|DURATION")]
    pub until: Option<String>,
    /// The form; by the end of the file's name if left out
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Leave cells that begin a formula as they are
    #[arg(long)]
    pub raw: bool,
}

/// Rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exported {
    /// What contacts did
    Events,
    /// Every mail and other step, with what came of it
    Sends,
    /// Each passage through a campaign
    Enrolments,
    /// Each customer, with what they are worth; a time means that of the last purchase
    Value,
}
