//! The command line: its types and help, nothing else.

pub mod campaign;
pub mod contact;
pub mod doctor;
pub mod enrol;
pub mod export;
pub mod import;
pub mod preview;
pub mod report;
pub mod resolve;
pub mod segment;
pub mod status;
pub mod test_size;
pub mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use campaign::CampaignCommand;
use contact::ContactCommand;
use doctor::DoctorArgs;
use enrol::EnrolArgs;
use export::ExportArgs;
use import::ImportArgs;
use preview::PreviewArgs;
use report::ReportArgs;
use resolve::ResolveArgs;
use segment::SegmentCommand;
use status::StatusArgs;
use test_size::TestSizeArgs;
use value::ValueArgs;

/// Run e-mail sequences that live as files in git
///
/// A project is a folder with drip.yaml, campaigns/ and templates/. Cron calls `drip run`;
/// one SQLite file, drip.db, remembers where each contact stands.
#[derive(Debug, Parser)]
#[command(name = "drip", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Topics: drip help campaigns, conditions, durations, exit-codes, import, settings, templates\nExample, the first step:\n  drip init my-project"
)]
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
    #[arg(help_heading = "Global options", short = 'C', long, global = true, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Take this as the present time, as "2026-03-01 09:00" where the project is; no later event is seen
    #[arg(help_heading = "Global options", long, global = true, value_name = "TIME")]
    pub now: Option<String>,
    /// Print the result as JSON
    #[arg(help_heading = "Global options", long, global = true)]
    pub json: bool,
    /// Print only trouble
    #[arg(help_heading = "Global options", short, long, global = true)]
    pub quiet: bool,
    /// Print more: each mail and entry
    #[arg(help_heading = "Global options", short, long, global = true)]
    pub verbose: bool,
    /// How messages are written: for people, or one JSON object a line
    #[arg(help_heading = "Global options", long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Colour the output
    #[arg(help_heading = "Global options", long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
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
    #[command(
        after_help = "The starter is a tea shop with two campaigns, to be read, changed and deleted. drip.yaml and\n\
        templates/_layouts/ are yours to keep; --bare writes little else.\n\n\
        Examples:\n  drip init tea-shop\n  drip init --bare yoga"
    )]
    Init {
        /// The folder to write into; existing files stay as they are
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Without campaigns and their mails: settings, layouts and the button
        #[arg(long)]
        bare: bool,
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
        /// When it happened, in the project's zone or with one of its own; the present time if left out
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Let contacts into a campaign by hand
    #[command(after_help = "Examples:\n  drip enrol welcome lan@example.com minh@example.com\n  \
        drip enrol win-back --where 'days_since(\"purchased\") > 90' --dry-run")]
    Enrol(EnrolArgs),
    /// Look at contacts, change, export or forget them
    #[command(subcommand, after_help = "Example:\n  drip contact list --tag vip")]
    Contact(ContactCommand),
    /// Look at segments: the named conditions of drip.yaml
    #[command(subcommand, after_help = "Example:\n  drip segment list")]
    Segment(SegmentCommand),
    /// Look at campaigns, stop and restart their mail
    #[command(subcommand, after_help = "Example:\n  drip campaign show welcome")]
    Campaign(CampaignCommand),
    /// Show what a step would send, to a contact or a made-up one
    #[command(
        after_help = "Without --contact a made-up contact stands in; what templates ask of it and it does not have reads [name].\n\n\
        Examples:\n  drip preview welcome hello --lang vi\n  drip preview welcome hello --contact lan@example.com --format eml\n  \
        drip preview --all previews"
    )]
    Preview(PreviewArgs),
    /// Send everything that is due
    #[command(
        after_help = "Mail goes to the relay of drip.yaml or DRIP_SMTP_URL, and to outbox/ where there is none.\n\n\
        Examples:\n  drip run --dry-run\n  */5 * * * *  drip -q -C /srv/tea-shop run"
    )]
    Run(RunArgs),
    /// Show the funnel of each campaign
    #[command(
        after_help = "Examples:\n  drip report welcome --since 30d\n  drip report --compare\n  drip report welcome --times --cohorts\n  \
        drip report --revenue --format csv > revenue.csv\n  drip report --html report.html --language en"
    )]
    Report(ReportArgs),
    /// Show what customers are worth: how lately, how often and for how much they bought, and what is to be expected
    #[command(
        after_help = "A purchase is an event of `purchases` in drip.yaml. docs/value.md says what the numbers mean, and when not to\n\
        believe them. In conditions: contact.p_alive < 0.3. One row a customer: drip export value.\n\n\
        Examples:\n  drip value --top 20\n  drip value --refit --json"
    )]
    Value(ValueArgs),
    /// Write events, sends, enrolments or customers for a spreadsheet or another program
    #[command(
        after_help = "A cell that a spreadsheet would take for a formula begins with '. The funnel: drip report --format csv; people: drip contact export.\n\n\
        Examples:\n  drip export events --since 30d > events.csv\n  drip export sends ledger.jsonl\n  drip export value customers.csv"
    )]
    Export(ExportArgs),
    /// Tell how many people a test of contents needs, before it begins
    #[command(after_help = "Examples:\n  drip test-size 5% 6%                  to tell 6 in a hundred from 5\n  \
        drip test-size 5% --people 4000       what so many show")]
    TestSize(TestSizeArgs),
    /// Hear what comes back: bounces, complaints, wishes to leave, answers
    #[command(
        after_help = "Without arguments it reads one message from standard input, as from the pipe of a mail server's alias.\n\n\
        Examples:\n  bounces: \"|drip -q -C /srv/tea-shop inbound\"\n  drip inbound --maildir ~/Maildir\n  drip inbound --mbox bounces.mbox\n  \
        drip inbound --imap imaps://bounces%40acme.example@mail.acme.example/INBOX"
    )]
    Inbound(InboundArgs),
    /// Answer readers over the web: unsubscribing by one click
    #[command(
        after_help = "Mails lead here by `public_url` of drip.yaml; a proxy in front speaks TLS. Runs go on beside it.\n\
        DRIP_EVENTS_KEY, DRIP_METRICS_KEY and the keys of mail providers come from the environment.\n\n\
        Example:\n  drip -C /srv/tea-shop serve --listen 127.0.0.1:8025"
    )]
    Serve {
        /// Address and port, in place of `listen` of drip.yaml
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Look at the keys that sign links in mails, or make a new one
    #[command(after_help = "Links of mails that left before go on working.\n\nExample:\n  drip key rotate")]
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Say whether all is well: the last run, who waits too long, what needs a person
    #[command(
        after_help = "The exit code is 6 where something needs a person: no good run, or somebody due, for longer than the\n\
        limits; mails held or unknown; a campaign that refusals or an edit paused.\n\n\
        Examples:\n  drip status --max-late 2h --max-idle 1h\n  drip status --format prometheus > /var/lib/node_exporter/drip.prom"
    )]
    Status(StatusArgs),
    /// Look whether mail can leave, arrive and come back, and say what to do where it cannot
    #[command(
        after_help = "It looks at the files, the database, the clock and cron; logs in to the relay without sending; asks DNS for SPF,\n\
        DKIM, DMARC and MX; and visits `public_url` as a mail program does. It changes nothing. The exit code is 6 where\n\
        something is wrong; warnings, and checks that could not be made, are no fault.\n\n\
        Examples:\n  drip doctor\n  drip -C /srv/tea-shop doctor --offline\n  drip doctor --format json"
    )]
    Doctor(DoctorArgs),
    /// List the mails that are held or unknown, and decide them
    #[command(
        after_help = "Held: it could not be rendered. Unknown: the relay took the content, and its answer never came.\n\n\
        Examples:\n  drip resolve\n  drip resolve lan@example.com --resend\n  drip resolve --campaign welcome --state unknown --sent"
    )]
    Resolve(ResolveArgs),
    /// Write a copy of drip.db that can be trusted, while others go on
    #[command(after_help = "Example, each night by cron:\n  drip -q backup --force /backups/tea-shop.db")]
    Backup {
        /// Where the copy goes: a single file
        file: PathBuf,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Put a copy of drip.db back
    #[command(
        after_help = "What is there now is kept beside it. The next run needs --adopt, because the copy does not know what was sent\n\
        after it was made.\n\nExample:\n  drip restore /backups/tea-shop.db && drip run --adopt"
    )]
    Restore {
        /// A copy that `drip backup` wrote
        file: PathBuf,
    },
    /// Play thirty days of the starter project on a virtual clock, without a server
    #[command(after_help = "Example:\n  drip demo")]
    Demo {
        /// The folder to play in; a new temporary one if left out
        dir: Option<PathBuf>,
    },
    /// Print the completions for a shell
    #[command(after_help = "Examples:\n  drip completions bash > ~/.local/share/bash-completion/completions/drip\n  \
        drip completions fish > ~/.config/fish/completions/drip.fish")]
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages to a folder, or print the main one
    #[command(after_help = "Examples:\n  drip man | man -l -\n  drip man ~/.local/share/man/man1")]
    Man {
        /// The folder; one page a command goes there
        dir: Option<PathBuf>,
    },
    /// Explain a command or a topic
    #[command(
        after_help = "Topics: campaigns, conditions, durations, exit-codes, import, settings, templates\n\nExamples:\n  drip help contact export\n  drip help conditions"
    )]
    Help {
        /// A command or topic
        topic: Vec<String>,
    },
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
    /// Take over a drip.db that was copied, put back, or used on another machine
    #[arg(long)]
    pub adopt: bool,
    /// Run although the last run was more than a month ago
    #[arg(long)]
    pub trust_clock: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}

/// What `drip key` does.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KeyCommand {
    /// Show which keys there are, and when they were made
    #[command(after_help = "Example:\n  drip key list")]
    List,
    /// Make a new key, which signs from now on
    #[command(after_help = "A server that runs takes it up by itself.\n\nExample:\n  drip key rotate")]
    Rotate,
}

/// Arguments of `drip inbound`.
#[derive(Debug, Clone, Args)]
pub struct InboundArgs {
    /// Files that hold one message each
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take the new messages of a Maildir, and move them to those that were read
    #[arg(long, value_name = "DIR")]
    pub maildir: Vec<PathBuf>,
    /// Read every message of an mbox, which stays as it is
    #[arg(long, value_name = "FILE")]
    pub mbox: Vec<PathBuf>,
    /// Read the unread messages of a mailbox, and mark them as read; without a URL that of `DRIP_IMAP_URL` or drip.yaml
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = false, default_missing_value = "")]
    pub imap: Option<String>,
}
