//! `drip enrol`: its arguments.

use clap::Args;

/// Whom to let into which campaign.
#[derive(Debug, Clone, Args)]
pub struct EnrolArgs {
    /// The campaign's id: its file name without .yaml
    pub campaign: String,
    /// The contacts' addresses
    #[arg(value_name = "EMAIL", required_unless_present_any = ["condition", "tag"], conflicts_with_all = ["condition", "tag"])]
    pub emails: Vec<String>,
    /// Everyone for whom this holds; see `drip help conditions`
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Everyone with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Only say how many it would be
    #[arg(long)]
    pub dry_run: bool,
}
