//! The command line: its types and help, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod import;
pub use import::{DatesArg, ImportArgs};

/// Run e-mail sequences that live as files in git
///
/// A project is a folder with drip.yaml, campaigns/ and templates/. Cron calls `drip run`;
/// one SQLite file, drip.db, remembers where each contact stands.
#[derive(Debug, Parser)]
#[command(name = "drip", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: drip help exit-codes. First steps: drip init my-project")]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Work on the project in this folder
    #[arg(short = 'C', long, global = true, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Take this as the present time, as 2026-03-01T09:00:00Z; no later event is seen
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub now: Option<crate::model::Instant>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only trouble
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more: each mail and entry
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter project
    #[command(after_help = "Example:\n  drip init tea-shop")]
    Init {
        /// The folder to write into; existing files stay as they are
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Check every file of the project
    #[command(after_help = "Example:\n  drip check && git commit")]
    Check,
    /// Import contacts or events from CSV files or JSON lines
    #[command(after_help = import::AFTER_HELP)]
    Import(ImportArgs),
    /// Record an event of a contact
    #[command(after_help = "Example:\n  drip track lan@example.com purchased value=250000 item=oolong")]
    Track {
        /// The contact's address
        email: String,
        /// The event's name
        event: String,
        /// Properties of the event
        #[arg(value_name = "KEY=VALUE", value_parser = pair)]
        properties: Vec<(String, String)>,
        /// When it happened; the present time if left out
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<crate::model::Instant>,
    },
    /// Let contacts into a campaign by hand
    #[command(after_help = "Example:\n  drip enrol welcome lan@example.com minh@example.com")]
    Enrol {
        /// The campaign's id: its file name without .yaml
        campaign: String,
        /// The contacts' addresses
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
    },
    /// Look at a contact, or unsubscribe one
    #[command(subcommand)]
    Contact(ContactCommand),
    /// Stop and restart a campaign's mail
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// Send everything that is due
    #[command(
        after_help = "Mail goes to the relay of drip.yaml or DRIP_SMTP_URL, and to outbox/ where there is none.\n\n\
        Examples:\n  drip run --dry-run\n  */5 * * * *  drip -q -C /srv/tea-shop run"
    )]
    Run(RunArgs),
    /// Show the funnel of each campaign
    #[command(after_help = "Examples:\n  drip report welcome\n  drip report --format csv > funnel.csv")]
    Report {
        /// Only this campaign
        campaign: Option<String>,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
        format: ReportFormat,
    },
    /// Play thirty days of the starter project on a virtual clock, without a server
    #[command(after_help = "Example:\n  drip demo")]
    Demo {
        /// The folder to play in; a new temporary one if left out
        dir: Option<PathBuf>,
    },
    /// Explain a command or a topic
    #[command(after_help = "Topics: exit-codes")]
    Help {
        /// A command or topic
        topic: Vec<String>,
    },
}

/// What to do with a contact.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// Show what is known of a contact, in time order
    #[command(after_help = "Example:\n  drip contact show lan@example.com")]
    Show { email: String },
    /// Never mail a contact again
    #[command(after_help = "Example:\n  drip contact unsubscribe lan@example.com --reason \"asked by phone\"")]
    Unsubscribe {
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// Noted with the change
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
}

/// What to do with a campaign.
#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// Send nothing of a campaign until it is resumed
    #[command(after_help = "Example:\n  drip campaign pause welcome --reason \"new prices\"")]
    Pause {
        campaign: String,
        /// Noted, and shown by each run
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// Let a paused campaign go on
    #[command(after_help = "Example:\n  drip campaign resume welcome")]
    Resume { campaign: String },
}

/// How to run.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Show what would be sent; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Send at most so many mails
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Send only this campaign's mails
    #[arg(long, value_name = "CAMPAIGN")]
    pub campaign: Option<String>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Table,
    Json,
    Csv,
}

fn time(text: &str) -> Result<crate::model::Instant, String> {
    let wrong = || "write it with its zone, as 2026-03-01T09:00:00Z or 2026-03-01T09:00+07:00".to_owned();
    let parsed = chrono::DateTime::parse_from_rfc3339(text)
        .or_else(|_| chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
        .or_else(|_| chrono::DateTime::parse_from_str(&text.replace('Z', "+00:00"), "%Y-%m-%dT%H:%M%:z"));
    Ok(chrono::SubsecRound::trunc_subsecs(parsed.map_err(|_| wrong())?, 3).to_utc())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}
