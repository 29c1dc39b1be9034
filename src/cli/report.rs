//! `drip report`: its arguments.

use clap::{Args, Subcommand, ValueEnum};

/// What to report.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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
    /// Where people are lost from mail to mail
    #[arg(long, conflicts_with = "compare")]
    pub drop_off: bool,
    /// On which day people reach the goal, and what each mail adds
    #[arg(long, conflicts_with = "compare")]
    pub times: bool,
    /// Those who entered in each week: who had reached the goal 1, 2, 4 and 8 weeks later
    #[arg(long, conflicts_with = "compare")]
    pub cohorts: bool,
    /// Mail by mail: who left and complained beside what mailbox providers allow, and which mail does worse than the others
    #[arg(long, conflicts_with = "compare")]
    pub mails: bool,
    /// What purchases brought, each credited to the last mail before it
    #[arg(long, conflicts_with = "compare")]
    pub revenue: bool,
    /// Write everything as one page to show, which needs no network; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["compare", "format", "drop_off", "times", "cohorts", "mails", "revenue"])]
    pub html: Option<String>,
    /// The language of that page, `en` or `vi`; the project's if left out
    #[arg(long, value_name = "LANGUAGE", requires = "html", value_parser = ["en", "vi"])]
    pub language: Option<String>,
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
        /// The form of the output
        #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
        format: ReportFormat,
    },
    /// How many contacts have which score
    #[command(after_help = "Examples:\n  drip report scores\n  drip report scores --format csv")]
    Scores {
        /// The form of the output
        #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
        format: ReportFormat,
    },
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Table,
    Json,
    Csv,
    Markdown,
}
