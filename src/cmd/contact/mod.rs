//! `drip contact`: looks at people, changes, exports and forgets them.

mod edit;
pub(super) mod export;
mod forget;
pub(super) mod list;
mod rows;
mod show;
mod standing;
mod suppress;

pub(super) use export::How;

use super::Failure;
use super::context::{Context, address};
use super::selection::Chosen;
use crate::cli::contact::ContactCommand;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::address::Address;
use crate::model::contact::Contact;
use crate::store::Work;

pub(super) fn contact(context: &Context, command: &ContactCommand) -> Result<Exit, Failure> {
    match command {
        ContactCommand::Show { email } => show::show(context, email),
        ContactCommand::List { selection, limit, format } => list::list(context, selection, *limit, *format),
        ContactCommand::Set { email, attributes, unset, timezone, language } => {
            let change =
                edit::Change { attributes, unset, timezone: timezone.as_deref(), language: language.as_deref() };
            edit::set(context, email, &change)
        }
        ContactCommand::Tag { emails, add, remove } => edit::tag(context, emails, add, remove),
        ContactCommand::Unsubscribe { emails, reason } => suppress::unsubscribe(context, emails, reason),
        ContactCommand::Suppress { list: true, .. } => suppress::show(context),
        ContactCommand::Suppress { entries, reason, remove, list: false } => {
            suppress::suppress(context, entries, reason.as_deref().unwrap_or("by hand"), *remove)
        }
        ContactCommand::Export { target, all, selection, format, raw, force } => {
            let how = export::How { raw: *raw, force: *force };
            export::export(context, target.as_deref(), *all, selection, *format, how)
        }
        ContactCommand::Forget { sweep: true, .. } => forget::sweep(context),
        ContactCommand::Forget { emails, yes, .. } => forget::forget(context, emails, *yes),
    }
}

/// Returns the contact of an address, or why there is none.
fn need(work: &Work<'_>, address: &Address) -> Result<Contact, Failure> {
    if let Some(contact) = work.contact(address)? {
        return Ok(contact);
    }
    if let Some(contact) = work.contact_of_mail(address.as_str())? {
        return Ok(contact);
    }
    let missing = Diagnostic::error(format!("there is no contact `{address}`"));
    Err(match (work.forgotten_at(address)?, work.suppression(address)?) {
        (Some(at), _) => missing.cause(format!("what was known of it was erased on {}", at.format("%Y-%m-%d"))),
        (None, Some(reason)) => missing.cause(format!("the address is on the suppression list: {reason}")),
        (None, None) => missing,
    }
    .into())
}

/// Refuses to work elsewhere: an opt-out in a new database of a wrong folder would be lost.
fn inside_a_project(context: &Context) -> Result<(), Failure> {
    if context.root.join("drip.yaml").is_file() {
        return Ok(());
    }
    let missing = Diagnostic::error(format!("there is no drip.yaml in `{}`", context.root.display()));
    Err(missing.hint("go into the project's folder, or name it with -C DIR").into())
}
