//! `drip report`: its arguments.

use clap::{Args, Subcommand, ValueEnum};

/// What to report.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReportArgs {
    #[command(subcommand)]
    pub standings: Option<StandingReport>,
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

/// Reports of where contacts stand.
#[derive(Debug, Clone, Subcommand)]
pub enum StandingReport {
    /// How many contacts are in each stage, who moved from where to where, how long they stay
    #[command(after_help = "Moves are counted from the first day of the month if no other is named.\n\n\
        Examples:\n  drip report stages\n  drip report stages --since 90d")]
    Stages {
        /// Count moves since a day, as 2026-03-01, or within a time, as 30d
        #[arg(long, value_name = "DATE|DURATION")]
        since: Option<String>,
        /// The same up to the end of a day, or up to so long ago
        #[arg(long, value_name = "DATE|DURATION")]
        until: Option<String>,
    },
    /// How many contacts have which score
    #[command(after_help = "Example:\n  drip report scores")]
    Scores,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Table,
    Json,
    Csv,
    Markdown,
}
