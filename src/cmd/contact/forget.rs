//! `drip contact forget`: erases a person.

use std::io::IsTerminal;

use anyhow::Context as _;
use serde_json::json;

use super::{Context, address, inside_a_project, need};
use crate::cmd::Failure;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::mail::transport::Outbox;
use crate::model::address::Address;
use crate::store::{RunLock, Store};
use crate::ui::words::{count, list};

pub(super) fn forget(context: &Context, emails: &[String], yes: bool) -> Result<Exit, Failure> {
    let addresses = emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    inside_a_project(context)?;
    let mut store = context.open()?;
    let work = store.read()?;
    for address in &addresses {
        // Whoever is only on the suppression list stands there in full, and can be forgotten too.
        if work.suppression(address)?.is_none() && !work.is_forgotten(address)? {
            need(&work, address)?;
        }
    }
    drop(work);
    if !yes {
        confirm(context, &addresses)?;
    }
    // Not while somebody thinks about the answer: runs would pass.
    let _lock = lock(context)?;
    store.overwrite_deleted()?;
    let work = store.begin()?;
    for address in &addresses {
        work.forget(address, context.now())?;
    }
    work.commit()?;
    let names: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let (mails, clean) = clean_up(context, &mut store).inspect_err(|_| {
        context.output.warn(
            "it is erased from the tables, but remains may lie in the files; mend this, then: drip contact forget --sweep",
        );
    })?;
    if context.output.options().json {
        let json = json!({ "forgotten": names, "mails_removed": mails, "clean": clean });
        context.output.result(&format!("{json:#}\n"));
    } else {
        let and = if mails > 0 { format!(", and {} of the outbox", count(mails, "mail")) } else { String::new() };
        let (was, is) = if names.len() == 1 { ("is", "its") } else { ("are", "their") };
        context.output.status(&format!("{} {was} forgotten: all that was known{and}.", list(&names)));
        context.output.status(&format!(
            "A keyed hash keeps imports from bringing {is} data back. Not drip's to erase: files you imported or exported, \
             backups, mails to your own team, and the logs of the relay."
        ));
    }
    Ok(finish(context, clean))
}

pub(super) fn sweep(context: &Context) -> Result<Exit, Failure> {
    let _lock = lock(context)?;
    let Some(_) = context.open_to_read()? else { return Ok(Exit::Success) };
    let mut store = context.open()?;
    let (mails, clean) = clean_up(context, &mut store)?;
    if context.output.options().json {
        context.output.result(&format!("{:#}\n", json!({ "mails_removed": mails, "clean": clean })));
    } else if clean {
        context.output.status(&format!("The database is written anew, {} removed.", count(mails, "mail")));
    }
    Ok(finish(context, clean))
}

/// Takes the mails of everyone who was forgotten out of the outbox, and what was deleted out of the files.
fn clean_up(context: &Context, store: &mut Store) -> Result<(u64, bool), Failure> {
    let work = store.read()?;
    let mut failure = None;
    let outbox = Outbox::new(context.root.join("outbox"));
    let removed = outbox.remove(&mut |to| {
        work.is_forgotten(to).unwrap_or_else(|error| {
            failure = Some(error);
            false
        })
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    let mails = removed.context("the outbox cannot be cleaned; mend it, then `drip contact forget --sweep`")?;
    drop(work);
    Ok((mails, store.sweep()?))
}

fn finish(context: &Context, clean: bool) -> Exit {
    if clean {
        return Exit::Success;
    }
    context.output.warn(
        "another process uses the database, so the files cannot be cleaned; when that is done: drip contact forget --sweep",
    );
    Exit::Store
}

/// Keeps runs away: one that has a mail of the person in hand must end first.
fn lock(context: &Context) -> Result<RunLock, Failure> {
    inside_a_project(context)?;
    RunLock::take(&context.database())?
        .ok_or_else(|| anyhow::anyhow!("a run is under way; nothing was erased, try again when it is over").into())
}

/// Has the addresses typed once more; nothing brings them back.
fn confirm(context: &Context, addresses: &[Address]) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let asked = Diagnostic::error("nothing was erased: forgetting is for ever, and nobody is there to confirm it");
        return Err(asked.hint("say --yes in a script").into());
    }
    for wanted in addresses {
        context.output.message(&format!("Everything about {wanted} will be erased for ever. Type the address again:"));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("the answer cannot be read")?;
        if Address::parse(&line).ok().as_ref().map(Address::key) != Some(wanted.key()) {
            return Err(Diagnostic::error(format!("nothing was erased: that is not `{wanted}`")).into());
        }
    }
    Ok(())
}
