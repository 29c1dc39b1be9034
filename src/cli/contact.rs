//! `drip contact`: its subcommands and their arguments.

use clap::{Args, Subcommand, ValueEnum};

use super::pair;
use crate::model::contact::Consent;

/// What to do with a contact.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// Show what is known of a contact, in time order
    #[command(after_help = "Example:\n  drip contact show lan@example.com")]
    Show { email: String },
    /// List contacts
    #[command(
        after_help = "Examples:\n  drip contact list --where 'contact.city == \"Huế\" && did(\"purchased\", \"30d\")'\n  \
        drip contact list --tag vip --format csv > vip.csv"
    )]
    List {
        #[command(flatten)]
        selection: Selection,
        /// List at most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Set attributes, time zone or language of a contact
    #[command(
        after_help = "Example:\n  drip contact set lan@example.com plan=pro seats=3 --unset trial_ends --language vi"
    )]
    Set {
        email: String,
        /// Attributes: numbers, true and false are taken as such
        #[arg(value_name = "KEY=VALUE", value_parser = pair)]
        attributes: Vec<(String, String)>,
        /// Remove an attribute; `timezone` and `language` fall back to the project's
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
        /// The contact's time zone, as `Asia/Ho_Chi_Minh`
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
        /// The contact's language, as vi or en-US
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
    },
    /// Add and remove tags
    #[command(after_help = "Example:\n  drip contact tag lan@example.com minh@example.com --add vip --remove trial")]
    Tag {
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// Add a tag
        #[arg(long, value_name = "TAG", required_unless_present = "remove")]
        add: Vec<String>,
        /// Remove a tag
        #[arg(long, value_name = "TAG")]
        remove: Vec<String>,
    },
    /// Never mail a contact again
    #[command(after_help = "Example:\n  drip contact unsubscribe lan@example.com --reason \"asked by phone\"")]
    Unsubscribe {
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// Noted with the change
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// Keep addresses and whole domains from ever being mailed
    #[command(
        after_help = "Examples:\n  drip contact suppress rival@example.org @rival.example --reason competitor\n  \
        drip contact suppress @rival.example --remove --reason \"now a customer\""
    )]
    Suppress {
        /// Addresses, and domains as @example.com
        #[arg(required_unless_present = "list", value_name = "ADDRESS|@DOMAIN")]
        entries: Vec<String>,
        /// Show the whole list
        #[arg(long, conflicts_with_all = ["entries", "reason", "remove"])]
        list: bool,
        /// Noted with the entry; a removal needs one
        #[arg(long, required_if_eq("remove", "true"))]
        reason: Option<String>,
        /// Take them off the list; who opted out or was forgotten stays on it
        #[arg(long)]
        remove: bool,
    },
    /// Export everything known of one person, or many contacts
    #[command(
        after_help = "One person's record is JSON: what they may ask for by GDPR art. 15 and 20. Many contacts are CSV\n\
        that `drip import` reads again; a cell that a spreadsheet would take for a formula begins with '.\n\
        In a file that ends in .jsonl they are JSON lines, in which texts stay texts.\n\n\
        Examples:\n  drip contact export lan@example.com > lan.json\n  drip contact export --where 'tagged(\"vip\")' vip.csv"
    )]
    Export {
        /// The person's address; with --all, --where, --tag or --consent the file to write, the standard output if left out
        #[arg(value_name = "EMAIL|FILE")]
        target: Option<String>,
        /// Every contact
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        selection: Selection,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
        /// json for one person, csv for many
        #[arg(long, value_enum)]
        format: Option<ExportFormat>,
        /// Leave cells that begin a formula as they are
        #[arg(long)]
        raw: bool,
    },
    /// Erase everything about a person, for ever
    #[command(after_help = "What stays is a keyed hash of the address, so that no import brings it back.\n\
        Imported files, backups and the logs of the relay are not drip's to erase.\n\n\
        Examples:\n  drip contact forget lan@example.com\n  drip contact forget --sweep    # after one that was cut off")]
    Forget {
        #[arg(required_unless_present = "sweep", value_name = "EMAIL")]
        emails: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Only clean up what an earlier one that was cut off has left behind
        #[arg(long, conflicts_with = "emails")]
        sweep: bool,
    },
}

/// Which contacts; all of it must hold.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Those for whom this holds; see `drip help conditions`
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Those with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Those with this consent
    #[arg(long, value_name = "CONSENT", value_parser = consent)]
    pub consent: Option<Consent>,
}

impl Selection {
    /// Says whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.condition.is_none() && self.tag.is_none() && self.consent.is_none()
    }
}

/// The form of a list of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    Csv,
    Json,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Json,
    Csv,
}

fn consent(text: &str) -> Result<Consent, String> {
    Consent::from_word(text)
        .ok_or_else(|| format!("write one of {}", Consent::ALL.map(crate::model::contact::Consent::as_str).join(", ")))
}
