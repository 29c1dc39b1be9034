//! `drip resolve`: its arguments.

use clap::{ArgGroup, Args, ValueEnum};

/// Which mails, and what becomes of them.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("verdict").args(["sent", "resend", "skip"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct ResolveArgs {
    /// Mails to these addresses, or with these Message-IDs
    #[arg(value_name = "EMAIL|MESSAGE-ID")]
    pub which: Vec<String>,
    /// It arrived; only for mails that are unknown
    #[arg(long)]
    pub sent: bool,
    /// Send it with the next run: again if it is unknown, at last if it is held
    #[arg(long)]
    pub resend: bool,
    /// Go on without it
    #[arg(long)]
    pub skip: bool,
    /// Only mails of this campaign
    #[arg(long, value_name = "CAMPAIGN")]
    pub campaign: Option<String>,
    /// Only mails of this step
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// Only mails in this state
    #[arg(long, value_enum, value_name = "STATE")]
    pub state: Option<StuckState>,
    /// All of them
    #[arg(long, conflicts_with = "which")]
    pub all: bool,
}

/// A state that needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StuckState {
    Held,
    Unknown,
}
