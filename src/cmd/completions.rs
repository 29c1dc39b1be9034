//! `drip completions`: what a shell completes after `drip`.

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::{Generator, Shell};

use super::{Context, Failure};
use crate::cli::Cli;
use crate::exit::Exit;

pub(super) fn completions(context: &Context, shell: Shell) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.set_bin_name("drip");
    command.build();
    let mut text = Vec::new();
    shell.try_generate(&command, &mut text).context("the completions cannot be written")?;
    context.output.result(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}
