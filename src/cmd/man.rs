//! `drip man`: the manual pages, made of the command line's own help.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory;

use super::{Context, Failure};
use crate::cli::Cli;
use crate::exit::Exit;

pub(super) fn man(context: &Context, dir: Option<&Path>) -> Result<Exit, Failure> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        let mut command = Cli::command();
        command.build();
        clap_mangen::Man::new(command).render(&mut page).context("the page cannot be written")?;
        context.output.result(&String::from_utf8_lossy(&page));
        return Ok(Exit::Success);
    };
    let folder = context.root.join(dir);
    let failed = || format!("the pages cannot be written to `{}`", folder.display());
    std::fs::create_dir_all(&folder).with_context(failed)?;
    clap_mangen::generate_to(Cli::command(), &folder).with_context(failed)?;
    context.output.status(&format!("Wrote the manual pages to {}.", folder.display()));
    Ok(Exit::Success)
}
