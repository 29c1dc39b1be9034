//! Opening a session: connection, greeting, TLS, login, and why it failed in words for people.
//!
//! Nothing of a mail is known here.

use std::sync::Arc;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Ehlo};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::{Session, SmtpTransport, command};
use crate::mail::transport::reply::Reply;
use crate::mail::transport::wire::{Lost, Wire};
use crate::mail::transport::{ConnectError, ConnectErrorKind, client_config, server_name};
use crate::model::settings::{Password, Security, Smtp};

/// What the relay's EHLO offers, as far as drip uses it.
#[derive(Debug, Default)]
pub(super) struct Extensions(Vec<String>);

impl Extensions {
    fn new(reply: &Reply) -> Self {
        Self(reply.lines.iter().skip(1).map(|line| line.trim().to_ascii_uppercase()).collect())
    }

    /// Returns the parameters of an extension, if it is offered.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|line| {
            let rest = line.strip_prefix(name)?;
            // `AUTH=` is how some old servers write it.
            (rest.is_empty() || rest.starts_with([' ', '='])).then(|| &rest[rest.len().min(1)..])
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the largest message taken; 0 is "no fixed limit" (RFC 1870).
    pub(super) fn size(&self) -> Option<usize> {
        self.get("SIZE")?.trim().parse().ok().filter(|&size| size > 0)
    }
}

impl SmtpTransport {
    pub(super) fn open(&self) -> Result<Session, ConnectError> {
        let Smtp { host, port, security, .. } = &self.relay.settings;
        let times = self.relay.timeouts;
        let mut wire = Wire::connect(host, *port, times.connect, &self.relay.stop).map_err(|lost| ConnectError {
            kind: ConnectErrorKind::Unreachable,
            message: format!("cannot connect to {host}:{port}: {lost}"),
            hint: "check host and port of the SMTP URL, and that this machine may connect there".to_owned(),
        })?;
        if *security == Security::Implicit {
            wire = self.secure(wire)?;
        }
        let greeting = wire.read(times.greeting).map_err(|lost| self.lost(&lost))?;
        if greeting.code != 220 {
            return Err(self.unwelcome(&greeting));
        }
        let mut extensions = self.hello(&mut wire)?;
        if *security == Security::StartTls {
            if !extensions.has("STARTTLS") {
                return Err(ConnectError {
                    kind: ConnectErrorKind::Tls,
                    message: format!("{host}:{port} offers no STARTTLS, so nothing was sent"),
                    hint: "use `smtps://` if the relay speaks TLS from the start; someone on the way may also be stripping STARTTLS".to_owned(),
                });
            }
            let reply = command(&mut wire, "STARTTLS\r\n", times.verb).map_err(|lost| self.lost(&lost))?;
            if reply.code != 220 {
                return Err(too_much(&reply).unwrap_or_else(|| self.no_tls(&reply.text())));
            }
            wire = self.secure(wire)?;
            // What was said in the clear is forgotten (RFC 3207 section 4.2).
            extensions = self.hello(&mut wire)?;
        }
        self.authenticate(&mut wire, &extensions)?;
        Ok(Session { wire, extensions, announced: None })
    }

    fn secure(&self, wire: Wire) -> Result<Wire, ConnectError> {
        let config = client_config(self.relay.authority.as_ref()).map_err(|_| ConnectError {
            hint: "install the package `ca-certificates`, or let SSL_CERT_FILE name a file of authorities (PEM)"
                .to_owned(),
            ..self.no_tls(&"this machine trusts no authority at all")
        })?;
        let name = server_name(&self.relay.settings.host).map_err(|error| self.no_tls(&error))?;
        wire.secure(Arc::new(config), name, self.relay.timeouts.connect).map_err(|lost| match &lost {
            Lost::Distrusted(distrust) => ConnectError { hint: distrust.hint.to_owned(), ..self.no_tls(&lost) },
            _ => self.no_tls(&lost),
        })
    }

    fn hello(&self, wire: &mut Wire) -> Result<Extensions, ConnectError> {
        let ehlo = Ehlo::new(ClientId::default()).to_string();
        let reply = command(wire, &ehlo, self.relay.timeouts.verb).map_err(|lost| self.lost(&lost))?;
        if reply.code == 250 { Ok(Extensions::new(&reply)) } else { Err(self.unwelcome(&reply)) }
    }

    fn authenticate(&self, wire: &mut Wire, extensions: &Extensions) -> Result<(), ConnectError> {
        let Some(login) = &self.relay.settings.login else { return Ok(()) };
        let host = &self.relay.settings.host;
        let refused =
            |message: String, hint: &str| ConnectError { kind: ConnectErrorKind::Auth, message, hint: hint.to_owned() };
        if !wire.is_encrypted() && !wire.is_local() {
            return Err(refused(
                format!("the password for {host} would go in the clear, so it was not sent"),
                "use `smtps://`, or leave the login out of the SMTP URL",
            ));
        }
        let offered = extensions.get("AUTH").unwrap_or_default();
        let offers = |name: &str| offered.split([' ', '=']).any(|word| word == name);
        let Password::Known(password) = &login.password else {
            let hint = "this is a fault of drip; set DRIP_SMTP_URL with the password for now";
            return Err(refused(format!("the password for {host} was not asked for"), hint));
        };
        let mechanism = match () {
            () if login.is_token && offers("XOAUTH2") => Mechanism::Xoauth2,
            () if login.is_token => {
                let hint = "leave `auth: xoauth2` out, or ask the relay's operator for it";
                return Err(refused(format!("{host} does not offer XOAUTH2"), hint));
            }
            () if offers("PLAIN") => Mechanism::Plain,
            () if offers("LOGIN") => Mechanism::Login,
            () => {
                return Err(refused(
                    format!("{host} offers no login that drip knows (PLAIN, LOGIN)"),
                    "leave the login out of the SMTP URL if the relay needs none",
                ));
            }
        };
        let credentials = Credentials::new(login.user.clone(), password.clone());
        let mut auth = Auth::new(mechanism, credentials.clone(), None);
        // LOGIN asks twice: for the name and for the password.
        for _ in 0..3 {
            let line = auth.map_err(|error| refused(format!("cannot log in to {host}: {error}"), ""))?.to_string();
            let reply = command(wire, &line, self.relay.timeouts.verb).map_err(|lost| self.lost(&lost))?;
            match reply.code {
                235 => return Ok(()),
                // What is wrong with a token comes as a challenge; an empty answer asks for the verdict.
                334 if login.is_token => {
                    let verdict = command(wire, "\r\n", self.relay.timeouts.verb).map_err(|lost| self.lost(&lost))?;
                    let verdict = without_secrets(verdict, password, &line);
                    if let Some(error) = too_much(&verdict) {
                        return Err(error);
                    }
                    let message = format!("{host} refused the access token of `{}`: {}", login.user, verdict.text());
                    return Err(refused(message, "the token may have run out; see what `password_command` prints"));
                }
                334 => {
                    let challenge = format!("334 {}\r\n", reply.lines.join(" "));
                    auth = challenge
                        .parse::<Response>()
                        .and_then(|challenge| Auth::new_from_response(mechanism, credentials.clone(), &challenge));
                }
                _ => {
                    let said = without_secrets(reply, password, &line);
                    if let Some(error) = too_much(&said) {
                        return Err(error);
                    }
                    let message = format!("{host} refused the login of `{}`: {}", login.user, said.text());
                    return Err(refused(message, "check user and password of the SMTP URL"));
                }
            }
        }
        Err(refused(format!("{host} keeps asking for the login"), "check which login the relay expects"))
    }

    fn lost(&self, lost: &Lost) -> ConnectError {
        let Smtp { host, port, .. } = &self.relay.settings;
        ConnectError {
            kind: match lost {
                Lost::Garbled(_) => ConnectErrorKind::Greeting,
                _ => ConnectErrorKind::Unreachable,
            },
            message: format!("no SMTP dialogue with {host}:{port}: {lost}"),
            hint: "check the port: 465 speaks TLS from the start (`smtps://`), 587 does not (`smtp://`)".to_owned(),
        }
    }

    fn unwelcome(&self, reply: &Reply) -> ConnectError {
        let Smtp { host, port, .. } = &self.relay.settings;
        too_much(reply).unwrap_or_else(|| ConnectError {
            kind: ConnectErrorKind::Greeting,
            message: format!("{host}:{port} takes no mail now: {}", reply.text()),
            hint: "the next run tries again; ask the relay's operator if it lasts".to_owned(),
        })
    }

    fn no_tls(&self, why: &dyn std::fmt::Display) -> ConnectError {
        let Smtp { host, port, .. } = &self.relay.settings;
        ConnectError {
            kind: ConnectErrorKind::Tls,
            message: format!("no safe connection to {host}:{port}, so nothing was sent: {why}"),
            hint: "ask the relay's operator; someone on the way may also be in between".to_owned(),
        }
    }
}

/// Returns the error for a relay that gets too much, if that is what it says.
fn too_much(reply: &Reply) -> Option<ConnectError> {
    let hint = "leave it alone for some minutes".to_owned();
    reply.is_too_much().then(|| ConnectError { kind: ConnectErrorKind::Rate, message: reply.text(), hint })
}

/// Takes out of a reply what it repeats of a login: some relays quote the command that they do not like.
fn without_secrets(reply: Reply, password: &str, line: &str) -> Reply {
    let is_name = |word: &str| matches!(word, "AUTH" | "PLAIN" | "LOGIN" | "XOAUTH2");
    let secrets: Vec<_> = line.split_whitespace().filter(|word| !is_name(word)).chain([password]).collect();
    let hide = |text: String| {
        secrets.iter().filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(secret, "…"))
    };
    Reply { lines: reply.lines.into_iter().map(hide).collect(), ..reply }
}
