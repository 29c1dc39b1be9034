//! The relay's address, as one URL: `smtps://user:password@host:465`.

use std::net::IpAddr;

use crate::model::settings::{Login, Password, Security, Smtp};

/// Connections used at once where the file does not say.
pub(super) const CONNECTIONS: usize = 4;

/// What the URL says.
#[derive(Debug)]
pub(super) struct Relay {
    host: String,
    port: u16,
    security: Security,
    user: Option<String>,
    password: Option<String>,
}

impl Relay {
    /// Says whether a password stands in the URL.
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Makes the relay of the settings; `command` prints the password where the URL has none.
    ///
    /// # Errors
    /// Returns what is missing, as a clause for a message.
    pub(super) fn complete(self, command: Option<String>, is_token: bool) -> Result<Smtp, String> {
        let password = self.password.map(Password::Known).or(command.map(Password::Command));
        let login = match (self.user, password) {
            (Some(user), Some(password)) => Some(Login { user, password, is_token }),
            (Some(_), None) => {
                return Err("the SMTP URL has a user but no password; write user:password@, or set `password_command`"
                    .to_owned());
            }
            (None, Some(_)) => {
                return Err("there is a password but no user; write smtps://user@relay.example".to_owned());
            }
            (None, None) => None,
        };
        let (host, port, security) = (self.host, self.port, self.security);
        Ok(Smtp { host, port, security, login, connections: CONNECTIONS, rates: Vec::new() })
    }
}

/// Reads the URL.
///
/// `smtps://` is TLS from the first byte; `smtp://` requires STARTTLS, but for this machine itself;
/// `?tls=none|starttls|implicit` says so explicitly.
///
/// # Errors
/// Returns what is wrong, without any password.
pub(super) fn parse(url: &str) -> Result<Relay, String> {
    const FORM: &str = "write it as smtps://user:password@relay.example or smtp://localhost:25";
    let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("the SMTP URL has no scheme; {FORM}"))?;
    let implicit = match scheme {
        "smtps" => true,
        "smtp" => false,
        // What is no word may hold a password.
        other if other.contains([':', '@']) => return Err(format!("the SMTP URL has no scheme; {FORM}")),
        other => return Err(format!("`{other}://` is not a scheme for a relay; {FORM}")),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, password, host) = match rest.rsplit_once('@') {
        Some((login, host)) => {
            let (user, password) = user_and_password(login)?;
            (Some(user), password, host)
        }
        None => (None, None, rest),
    };
    let (host, port) = host_and_port(host).ok_or_else(|| format!("the SMTP URL has no valid host and port; {FORM}"))?;
    let loopback = is_loopback(&host);
    let security = match query {
        "tls=implicit" => Security::Implicit,
        "tls=none" => Security::None,
        "" if implicit => Security::Implicit,
        "" if loopback => Security::None,
        "" | "tls=starttls" => Security::StartTls,
        other => return Err(format!("`?{other}` is not known; write `?tls=none`, `?tls=starttls` or `?tls=implicit`")),
    };
    let port = port.unwrap_or(match security {
        Security::Implicit => 465,
        Security::StartTls => 587,
        Security::None => 25,
    });
    Ok(Relay { host, port, security, user, password })
}

/// Reads what stands before the `@`.
pub(super) fn user_and_password(login: &str) -> Result<(String, Option<String>), String> {
    match login.split_once(':') {
        Some((user, password)) => Ok((decode(user)?, Some(decode(password)?))),
        None => Ok((decode(login)?, None)),
    }
}

/// Says whether a host is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if host.is_empty() || !host.chars().all(valid) {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    Some((host.to_owned(), port))
}

/// Undoes percent-encoding (RFC 3986 section 2.1).
pub(super) fn decode(text: &str) -> Result<String, String> {
    let wrong = || "the URL has a `%` that is not followed by two hexadecimal digits".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(wrong);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).map_err(|_| wrong())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(url: &str, expected: &str) {
        let said = match parse(url).and_then(|relay| relay.complete(None, false)) {
            Ok(smtp) => {
                let login = smtp.login.map(|login| match login.password {
                    Password::Known(password) => format!("{}:{password}@", login.user),
                    Password::Command(command) => panic!("{command}"),
                });
                let login = login.unwrap_or_default();
                format!("{login}{}:{} {:?}", smtp.host, smtp.port, smtp.security)
            }
            Err(error) => error,
        };
        assert!(said.starts_with(expected), "{url}: {said}");
    }

    #[test]
    fn urls_say_where_and_how_safely() {
        case("smtps://relay.example", "relay.example:465 Implicit");
        case("smtp://relay.example", "relay.example:587 StartTls");
        case("smtp://lan%40x.vn:p%3Aw%2F@relay.example:2525/", "lan@x.vn:p:w/@relay.example:2525 StartTls");
        case("smtp://localhost", "localhost:25 None");
        case("smtp://[::1]:2525", "::1:2525 None");
        case("smtp://127.0.0.1:1025?tls=starttls", "127.0.0.1:1025 StartTls");
        case("smtp://relay.example?tls=none", "relay.example:25 None");
        case("relay.example", "the SMTP URL has no scheme");
        case("http://relay.example", "`http://` is not a scheme");
        case("lan:secret@smtps://relay.example", "the SMTP URL has no scheme");
        case("smtp://secret@relay.example", "the SMTP URL has a user but no password");
        case("smtp://relay.example:99999", "the SMTP URL has no valid host");
        case("smtp://u:%zz@relay.example", "the URL has a `%`");
        case("smtp://relay.example?tls=maybe", "`?tls=maybe` is not known");
    }
}
