//! Messages in a mailbox on another machine.

use super::Ear;
use super::incoming::Incoming;
use crate::cmd::{Failure, outgoing};
use crate::error::Diagnostic;
use crate::mail::imap::{Fetched, ImapError, Mailbox};
use crate::model::settings::{Imap, ImapLogin, Password};
use crate::project::imap_url;

/// Takes every message that nobody has seen, and marks each as read once it is dealt with.
pub(super) fn imap(url: &str, ear: &mut Ear<'_>) -> Result<(), Failure> {
    let settings = place(url, &ear.settings.imap)?;
    let password = match &settings.login.password {
        Password::Known(password) => password.clone(),
        Password::Command(command) => outgoing::first_line(command, &ear.context.root)?,
    };
    let mut mailbox = Mailbox::open(&settings, &password).map_err(failed)?;
    let mut trouble = None;
    for uid in mailbox.unseen().map_err(failed)? {
        let bytes = match mailbox.fetch(uid).map_err(failed)? {
            Fetched::Message(bytes) => bytes,
            Fetched::Gone => continue,
            // One that cannot be read holds up no other.
            Fetched::Kept(error) => {
                trouble.get_or_insert(error);
                continue;
            }
        };
        let message = Incoming::from(bytes.as_slice()).map_err(|error| Diagnostic::error(error.to_string()))?;
        ear.take(message)?;
        mailbox.mark(uid).map_err(failed)?;
    }
    mailbox.close();
    trouble.map_or(Ok(()), |error| Err(failed(error)))
}

/// Returns which mailbox is meant, and how its password is known.
fn place(url: &str, login: &ImapLogin) -> Result<Imap, Failure> {
    if url.is_empty() {
        let none = || {
            Diagnostic::error("no mailbox is named").hint("write its URL, or set DRIP_IMAP_URL or `imap` in drip.yaml")
        };
        return Ok(login.mailbox.clone().ok_or_else(none)?);
    }
    let place = imap_url::parse(url).map_err(Diagnostic::error)?;
    if place.has_password() {
        let wrong =
            Diagnostic::error("a password among the words of a command can be read by everybody on this machine");
        return Err(wrong.hint("set DRIP_IMAP_URL, or `password_command` of `imap` in drip.yaml").into());
    }
    Ok(place.complete(login.command.clone(), login.is_token).map_err(Diagnostic::error)?)
}

fn failed(error: ImapError) -> Failure {
    let diagnostic = Diagnostic::error(error.message);
    if error.hint.is_empty() { diagnostic.into() } else { diagnostic.hint(error.hint).into() }
}
