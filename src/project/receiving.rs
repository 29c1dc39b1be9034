//! The part of `drip.yaml` that says where mail comes in.

use super::fields::Source;
use super::yaml::Node;
use super::{Overrides, imap_url, sending};
use crate::error::Diagnostic;
use crate::model::settings::{Imap, ImapLogin};

/// Reads `imap`; the URL of the environment wins over the one in the file.
pub(super) fn imap(
    source: &mut Source,
    node: Option<&Node>,
    overrides: &Overrides,
    warnings: &mut Vec<Diagnostic>,
) -> ImapLogin {
    let mut found = ImapLogin::default();
    if let Some(node) = node
        && let Some(mut fields) = source.fields(node, "`imap`")
    {
        let url = fields.take("url");
        let command = fields.take("password_command").and_then(|node| source.text(node, "password_command"));
        found.command = command.map(str::to_owned);
        found.is_token =
            fields.take("auth").and_then(|node| source.parse(node, "auth", sending::auth)).unwrap_or(false);
        fields.finish(source);
        if let Some(url) = url
            && let Some(place) = source.parse(url, "url", imap_url::parse)
        {
            if place.has_password() {
                let warning = Diagnostic::warning("a password stands in drip.yaml, and so in git");
                let hint = "take it out of the file and set DRIP_IMAP_URL in the environment, or `password_command`";
                warnings.push(warning.at(source.place(url.span.clone())).hint(hint));
            }
            if overrides.imap_url.is_none() {
                match complete(place, &found) {
                    Ok(imap) => found.mailbox = Some(imap),
                    Err(message) => source.error(url.span.clone(), message, None),
                }
            }
        }
    }
    if let Some(url) = &overrides.imap_url {
        match imap_url::parse(url).and_then(|place| complete(place, &found)) {
            Ok(imap) => found.mailbox = Some(imap),
            Err(message) => source.problems.push(Diagnostic::error(format!("DRIP_IMAP_URL: {message}"))),
        }
    }
    found
}

fn complete(place: imap_url::Place, login: &ImapLogin) -> Result<Imap, String> {
    place.complete(login.command.clone(), login.is_token)
}
