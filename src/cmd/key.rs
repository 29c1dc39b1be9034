//! `drip key`: the keys that sign links in mails.

use serde_json::json;

use super::Failure;
use super::context::Context;
use crate::cli::KeyCommand;
use crate::error::Diagnostic;
use crate::exit::Exit;

pub(super) fn key(context: &Context, command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::List => list(context),
        KeyCommand::Rotate => rotate(context),
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let keys = match context.open_to_read()? {
        Some(mut store) => store.read()?.link_key_ages()?,
        None => Vec::new(),
    };
    let time = |at: &crate::model::Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    if context.output.options().json {
        let keys: Vec<_> = keys.iter().map(|(number, at)| json!({ "key": number, "made_at": time(at) })).collect();
        context.output.result(&format!("{:#}\n", json!({ "keys": keys })));
        return Ok(Exit::Success);
    }
    let newest = keys.last().map(|(number, _)| *number);
    for (number, at) in &keys {
        let signs = if Some(*number) == newest { "  signs" } else { "" };
        context.output.result(&format!("{number:3}  {}{signs}\n", time(at)));
    }
    Ok(Exit::Success)
}

fn rotate(context: &Context) -> Result<Exit, Failure> {
    let mut store = context.open()?;
    let work = store.begin()?;
    let Some(number) = work.add_link_key(context.now())? else {
        return Err(Diagnostic::error("there are 256 keys, and no number is left for another").into());
    };
    work.commit()?;
    context.output.status(&format!("Key {number} signs from now on; links of mails that left before go on working."));
    Ok(Exit::Success)
}
