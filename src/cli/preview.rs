//! The command line of `drip preview`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What to preview, and how.
#[derive(Debug, Clone, Args)]
pub struct PreviewArgs {
    /// The campaign's id
    pub campaign: Option<String>,
    /// The step's id
    pub step: Option<String>,
    /// Take this contact, with everything that is known of it
    #[arg(long, value_name = "EMAIL", conflicts_with = "set")]
    pub contact: Option<String>,
    /// Give the made-up contact an attribute
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::pair)]
    pub set: Vec<(String, String)>,
    /// In this language, whatever the contact's
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<String>,
    /// This mail of a test
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// The part to show
    #[arg(long, value_enum, default_value_t = Part::Text)]
    pub format: Part,
    /// Send it to this address, and nothing else
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    pub send_to: Option<String>,
    /// Write every step, language and variant to a folder, with an index page; of one campaign when it is named
    #[arg(long, value_name = "DIR", conflicts_with_all = ["step", "contact", "variant", "lang"])]
    pub all: Option<PathBuf>,
}

/// A part of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Subject and text
    Text,
    /// The HTML part
    Html,
    /// The very bytes that SMTP would carry
    Eml,
}
