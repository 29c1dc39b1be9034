//! The command line of `drip campaign`.

use clap::Subcommand;

/// What to do with a campaign.
#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// List the campaigns: who is inside, what is due, whether it runs
    #[command(after_help = "Example:\n  drip campaign list")]
    List,
    /// Show a campaign's sequence: step by step, with the day of each and who waits there
    #[command(after_help = "Example:\n  drip campaign show welcome")]
    Show { campaign: String },
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
