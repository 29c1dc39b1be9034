//! The command line of `drip import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What stands below the options.
pub(super) const AFTER_HELP: &str = "A file with the columns `event` and `time` holds events, any other contacts.\n\
    Rows that cannot be taken go to FILE.rejected.csv (.jsonl) with their line and the reason.\n\n\
    Examples:\n  drip import --dry-run contacts.csv\n  drip import contacts.csv events.jsonl --tag fair-2026\n  \
    drip import khach.csv --map 'Mã khách=customer_id' --map 'Ghi chú='\n  pg_dump_events | drip import -";

/// What to import, and how to read it.
#[derive(Debug, Clone, Default, Args)]
pub struct ImportArgs {
    /// CSV, TSV or JSON lines; `-` reads the standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take a column as this attribute, or as email, tags, consent, language, timezone; without a name leave it out
    #[arg(long = "map", value_name = "COLUMN=NAME")]
    pub mappings: Vec<String>,
    /// Give every contact of the files this tag
    #[arg(long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// The order of dates as 02/03/2026: day, month or year first [default: dmy]
    #[arg(long, value_enum, value_name = "ORDER")]
    pub dates: Option<DatesArg>,
    /// The encoding of the files, as windows-1258; found out if not given
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Show how the first rows are understood, and the counts; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// In which order a date stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DatesArg {
    /// 28/02/2026
    Dmy,
    /// 02/28/2026
    Mdy,
    /// 2026-02-28 alone
    Ymd,
}
