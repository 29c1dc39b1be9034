//! `drip value`: its arguments.

use clap::{Args, ValueEnum};

/// What to show.
#[derive(Debug, Clone, Args)]
pub struct ValueArgs {
    /// Make the model of all customers anew, however old it is
    #[arg(long)]
    pub refit: bool,
    /// Name so many of the best, and of those who seem to be lost
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ValueFormat::Table)]
    pub format: ValueFormat,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValueFormat {
    Table,
    Json,
    /// The table of cells
    Csv,
}
