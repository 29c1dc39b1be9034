//! `drip status`: its arguments.

use clap::{Args, ValueEnum};

/// What is still well.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Who is due may wait so long
    #[arg(long, value_name = "DURATION", default_value = "26h")]
    pub max_late: String,
    /// The last good run may be so long ago
    #[arg(long, value_name = "DURATION", default_value = "26h")]
    pub max_idle: String,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = StatusFormat::Text)]
    pub format: StatusFormat,
}

/// The form of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    Text,
    Json,
    /// For the text-file collector of Prometheus' node exporter
    Prometheus,
}
