//! Logging in to an IMAP server: the password goes to nobody who did not ask for it, and stands in no message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ImapError, Mailbox, WAIT, quoted};
use crate::model::settings::Login;

const HINT: &str = "check user and password of the IMAP URL";

/// Logs in by the safest way that both know.
pub(super) fn log_in(mailbox: &mut Mailbox, login: &Login, password: &str) -> Result<(), ImapError> {
    let answers = mailbox.command("CAPABILITY", "does not say what it can", "")?;
    let said: Vec<String> = answers
        .iter()
        .filter(|answer| answer.is("CAPABILITY"))
        .map(|answer| answer.text().to_ascii_uppercase())
        .collect();
    let can = |what: &str| said.iter().any(|text| text.split_whitespace().any(|word| word == what));
    let user = &login.user;
    if login.is_token {
        let token = STANDARD.encode(format!("user={user}\u{1}auth=Bearer {password}\u{1}\u{1}"));
        return authenticate(mailbox, "XOAUTH2", &token, login, password);
    }
    if can("AUTH=PLAIN") {
        return authenticate(mailbox, "PLAIN", &STANDARD.encode(format!("\0{user}\0{password}")), login, password);
    }
    let (Some(user), Some(secret)) = (quoted(user), quoted(password)) else {
        return Err(mailbox.refused("takes no login outside ASCII", "", HINT));
    };
    if can("LOGINDISABLED") {
        return Err(mailbox.refused("offers no login that drip knows (PLAIN, LOGIN, XOAUTH2)", "", HINT));
    }
    let tag = mailbox.say(&format!("LOGIN {user} {secret}"))?;
    verdict(mailbox, &tag, login, &[password, &secret])
}

fn authenticate(
    mailbox: &mut Mailbox,
    way: &str,
    secret: &str,
    login: &Login,
    password: &str,
) -> Result<(), ImapError> {
    let tag = mailbox.say(&format!("AUTHENTICATE {way}"))?;
    let answers = mailbox.answers(&tag)?;
    if answers.last().is_some_and(|answer| answer.tag == "+") {
        mailbox.wire.write(format!("{secret}\r\n").as_bytes(), WAIT).map_err(|lost| mailbox.lost(&lost))?;
        return verdict(mailbox, &tag, login, &[password, secret]);
    }
    let said = answers.last().map(super::Answer::text).unwrap_or_default();
    Err(mailbox.refused(&format!("does not take the login of `{}`", login.user), &said, HINT))
}

fn verdict(mailbox: &mut Mailbox, tag: &str, login: &Login, secrets: &[&str]) -> Result<(), ImapError> {
    let mut answers = mailbox.answers(tag)?;
    if answers.last().is_some_and(|answer| answer.tag == "+") {
        // What is wrong with a token comes as a challenge; an empty answer asks for the verdict.
        mailbox.wire.write(b"\r\n", WAIT).map_err(|lost| mailbox.lost(&lost))?;
        answers = mailbox.answers(tag)?;
    }
    match answers.last() {
        Some(answer) if answer.tag == tag && answer.is("OK") => Ok(()),
        answer => {
            let said = answer.map(super::Answer::text).unwrap_or_default();
            // Some servers quote the command that they do not like.
            let said =
                secrets.iter().filter(|secret| !secret.is_empty()).fold(said, |said, secret| said.replace(secret, "…"));
            Err(mailbox.refused(&format!("refused the login of `{}`", login.user), &said, HINT))
        }
    }
}
