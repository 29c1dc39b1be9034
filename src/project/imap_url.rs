//! The mailbox that `drip inbound` reads, as one URL (RFC 5092): `imaps://user@mail.example/INBOX`.

use super::smtp_url::{decode, host_and_port, is_loopback, user_and_password};
use crate::model::settings::{Imap, Login, Password, Security};

/// What the URL says.
#[derive(Debug)]
pub struct Place {
    host: String,
    port: u16,
    security: Security,
    user: String,
    password: Option<String>,
    mailbox: String,
}

impl Place {
    /// Says whether a password stands in the URL.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Makes a mailbox of the settings; `command` prints the password where the URL has none.
    ///
    /// # Errors
    /// Returns what is missing, as a clause for a message.
    pub fn complete(self, command: Option<String>, is_token: bool) -> Result<Imap, String> {
        let password = self.password.map(Password::Known).or(command.map(Password::Command));
        let password = password.ok_or(
            "the IMAP URL has no password; set DRIP_IMAP_URL with user:password@, or `password_command` of `imap` in drip.yaml",
        )?;
        let login = Login { user: self.user, password, is_token };
        Ok(Imap { host: self.host, port: self.port, security: self.security, login, mailbox: self.mailbox })
    }
}

/// Reads the URL. `imaps://` is TLS from the first byte; `imap://` requires STARTTLS, but for this machine itself.
///
/// # Errors
/// Returns what is wrong, without any password.
pub fn parse(url: &str) -> Result<Place, String> {
    const FORM: &str = "write it as imaps://user@mail.example/INBOX";
    let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("the IMAP URL has no scheme; {FORM}"))?;
    let implicit = match scheme {
        "imaps" => true,
        "imap" => false,
        // What is no word may hold a password.
        other if other.contains([':', '@']) => return Err(format!("the IMAP URL has no scheme; {FORM}")),
        other => return Err(format!("`{other}://` is not a scheme for a mailbox; {FORM}")),
    };
    let (login, rest) = rest.rsplit_once('@').ok_or_else(|| format!("the IMAP URL has no user; {FORM}"))?;
    let (host, mailbox) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, password) = user_and_password(login)?;
    let (host, port) = host_and_port(host).ok_or_else(|| format!("the IMAP URL has no valid host and port; {FORM}"))?;
    if user.is_empty() {
        return Err(format!("the IMAP URL has no user; {FORM}"));
    }
    let security = match (implicit, is_loopback(&host)) {
        (true, _) => Security::Implicit,
        (false, true) => Security::None,
        (false, false) => Security::StartTls,
    };
    let mailbox = if mailbox.is_empty() { "INBOX".to_owned() } else { decode(mailbox)? };
    Ok(Place { host, port: port.unwrap_or(if implicit { 993 } else { 143 }), security, user, password, mailbox })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(url: &str, expected: &str) {
        let said = match parse(url).and_then(|place| place.complete(Some("pass".to_owned()), false)) {
            Ok(Imap { host, port, security, login, mailbox }) => {
                let secret = match login.password {
                    Password::Known(password) => format!(":{password}"),
                    Password::Command(_) => String::new(),
                };
                format!("{}{secret} {host} {port} {security:?} {mailbox}", login.user)
            }
            Err(error) => error,
        };
        assert!(said.starts_with(expected), "{url}: {said}");
    }

    #[test]
    fn urls_say_where_and_how_safely() {
        case("imaps://lan@mail.example/INBOX", "lan mail.example 993 Implicit INBOX");
        case("imaps://lan%40x.vn:p%3Aw%2F@mail.example:9930", "lan@x.vn:p:w/ mail.example 9930 Implicit INBOX");
        case("imap://lan@mail.example/Returned/drip%20mails", "lan mail.example 143 StartTls Returned/drip mails");
        case("imap://lan@127.0.0.1:1143/", "lan 127.0.0.1 1143 None INBOX");
        case("imap://lan@[::1]:1143/", "lan ::1 1143 None INBOX");
        case("mail.example", "the IMAP URL has no scheme");
        case("pop3://lan@mail.example", "`pop3://` is not a scheme");
        case("lan:secret@imaps://mail.example", "the IMAP URL has no scheme");
        case("imaps://mail.example/INBOX", "the IMAP URL has no user");
        case("imaps://:secret@mail.example", "the IMAP URL has no user");
        case("imaps://lan@mail.example:99999", "the IMAP URL has no valid host");
        case("imaps://lan:%zz@mail.example", "the URL has a `%`");
    }

    #[test]
    fn a_password_is_asked_for() {
        let said = parse("imaps://lan@mail.example").unwrap().complete(None, false).unwrap_err();
        assert!(said.contains("DRIP_IMAP_URL") && said.contains("password_command"), "{said}");
    }
}
