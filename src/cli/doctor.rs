//! `drip doctor`: its arguments.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

/// What to look at, and how to show it.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Ask nobody: leave out the relay, DNS and the web
    #[arg(long)]
    pub offline: bool,
    /// Ask this name server in place of the machine's own
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub resolver: Option<SocketAddr>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    Text,
    Json,
}
