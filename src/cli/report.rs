//! `drip report`: its arguments.

use clap::{Args, ValueEnum};

/// What to report.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Only these campaigns
    #[arg(value_name = "CAMPAIGN")]
    pub campaigns: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
    /// Count only passages that began since a day, as 2026-03-01, or within a time, as 30d
    #[arg(long, value_name = "DATE|DURATION")]
    pub since: Option<String>,
    /// Count only passages that began up to the end of a day, or up to so long ago
    #[arg(long, value_name = "DATE|DURATION")]
    pub until: Option<String>,
    /// One row a campaign, side by side
    #[arg(long)]
    pub compare: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Table,
    Json,
    Csv,
    Markdown,
}
