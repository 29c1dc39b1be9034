//! The command line of `drip segment`.

use clap::Subcommand;

use super::contact::{ExportFormat, ListFormat};

/// What to do with segments.
#[derive(Debug, Subcommand)]
pub enum SegmentCommand {
    /// List the segments of drip.yaml: how many contacts are in each, and how many of them may be mailed
    #[command(after_help = "Example:\n  drip segment list")]
    List,
    /// Show who is in a segment
    #[command(after_help = "Example:\n  drip segment show buyers --limit 20")]
    Show {
        #[arg(value_name = "SEGMENT")]
        name: String,
        /// At most so many contacts
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = ListFormat::Table)]
        format: ListFormat,
    },
    /// Write the contacts of a segment as CSV or JSON lines
    #[command(
        after_help = "A cell that a spreadsheet would take for a formula begins with '. `drip import` reads the file again.\n\n\
        Example:\n  drip segment export buyers buyers.csv"
    )]
    Export {
        #[arg(value_name = "SEGMENT")]
        name: String,
        /// The file to write, the standard output if left out
        #[arg(value_name = "FILE")]
        file: Option<String>,
        /// The form; by the end of the file's name if left out
        #[arg(long, value_enum)]
        format: Option<ExportFormat>,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
        /// Leave cells that begin a formula as they are
        #[arg(long)]
        raw: bool,
    },
}
