//! SMTP (RFC 5321), one verb at a time, so that each failure is known to lie before or after the content.
//!
//! # Security
//! Where TLS is required, neither login nor mail goes out without it; there is no fall-back. A password
//! goes only through TLS or to this machine.
//!
//! # Pipelining
//! MAIL, RCPT and DATA go in one write when the relay says PIPELINING (RFC 2920). Should the relay then
//! refuse the recipient and still ask for content, the connection is dropped, because finishing would
//! make a mail to nobody.

mod opening;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use self::opening::Extensions;
use super::pace::Pace;
use super::reply::{Reply, Stage};
use super::wire::{Lost, Wire};
use super::{ConnectError, Envelope, NotCommitted, Outcome, Rejection, Relay, Scope, Transport};
use crate::model::settings::{Security, Smtp};

/// How long to wait, each for one whole exchange (RFC 5321 section 4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For an address, a connection, a TLS handshake.
    pub connect: Duration,
    pub greeting: Duration,
    /// For EHLO, AUTH, MAIL, RCPT and RSET.
    pub verb: Duration,
    pub data: Duration,
    /// For the content and the answer to it. Shorter makes mails unknown that were accepted.
    pub content: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(5 * 60),
            verb: Duration::from_secs(5 * 60),
            data: Duration::from_secs(2 * 60),
            content: Duration::from_secs(10 * 60),
        }
    }
}

/// An SMTP server that takes mail for everyone.
#[derive(Debug, Clone)]
pub struct SmtpRelay {
    settings: Smtp,
    pace: Arc<Pace>,
    timeouts: Timeouts,
    authority: Option<CertificateDer<'static>>,
}

impl SmtpRelay {
    /// Takes the settings; nothing is opened yet.
    pub fn new(settings: Smtp) -> Self {
        let pace = Arc::new(Pace::new(&settings.rates));
        Self { settings, pace, timeouts: Timeouts::default(), authority: None }
    }

    /// Waits other times.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Trusts this certificate authority (DER) instead of the machine's list.
    #[must_use]
    pub fn authority(mut self, der: Vec<u8>) -> Self {
        self.authority = Some(der.into());
        self
    }
}

impl Relay for SmtpRelay {
    fn transport(&self) -> Box<dyn Transport> {
        Box::new(SmtpTransport { relay: self.clone(), session: None })
    }

    fn describe(&self) -> String {
        let Smtp { host, port, security, .. } = &self.settings;
        match security {
            Security::Implicit => format!("smtps://{host}:{port}"),
            Security::StartTls | Security::None => format!("smtp://{host}:{port}"),
        }
    }

    fn connections(&self) -> usize {
        self.settings.connections.max(1)
    }
}

struct SmtpTransport {
    relay: SmtpRelay,
    session: Option<Session>,
}

/// An open, greeted, authenticated connection.
struct Session {
    wire: Wire,
    extensions: Extensions,
}

impl Transport for SmtpTransport {
    fn connect(&mut self) -> Result<(), ConnectError> {
        if self.session.is_none() {
            self.session = Some(self.open()?);
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
        commit: &mut dyn FnMut() -> bool,
    ) -> Result<Outcome, NotCommitted> {
        let Some(content) = stuffed(message) else {
            let reply = "not sent: the message holds a bare CR or LF, a NUL or a line of over 998 bytes".to_owned();
            return Ok(Outcome::Rejected { reply, kind: Rejection::Policy });
        };
        let times = self.relay.timeouts;
        self.relay.pace.wait();
        // Taken out, so that every early return drops the connection; put back when it is in step.
        let mut idle = self.session.take();
        let mut session = loop {
            let reused = idle.is_some();
            let mut session = match idle.take().map_or_else(|| self.open(), Ok) {
                Ok(session) => session,
                Err(error) => return Ok(Outcome::Deferred { reply: error.message, scope: Scope::Relay }),
            };
            if let Some(refused) = session.cannot_carry(envelope, message) {
                self.session = Some(session);
                return Ok(refused);
            }
            match session.announce(envelope, message, &times) {
                Announced::Ready => break session,
                Announced::Refused(outcome) => {
                    if session.reset(&times) {
                        self.session = Some(session);
                    }
                    return Ok(outcome);
                }
                // Relays hang up on idle connections; no content has left, so a fresh one may have a try.
                Announced::Over(Outcome::Deferred { scope: Scope::Connection, .. }) if reused => {}
                Announced::Over(outcome) => return Ok(outcome),
            }
        };
        if !commit() {
            return Err(NotCommitted);
        }
        let outcome = match session.wire.write(&content, times.content) {
            Ok(()) => session.wire.read(times.content),
            // The relay may have said why it hung up in the middle; only a refusal is to be believed now.
            Err(lost) => match session.wire.read(times.verb.min(Duration::from_secs(5))) {
                Ok(reply) if reply.code >= 400 => return Ok(reply.refusal(Stage::Content)),
                _ => Err(lost),
            },
        };
        Ok(match outcome {
            Ok(reply) if reply.is_positive() => {
                self.session = Some(session);
                Outcome::Sent { reply: reply.text() }
            }
            Ok(reply) if reply.code >= 400 => {
                // A refused content ends the transaction by itself; 421 and 503 end the connection.
                if !matches!(reply.code, 421 | 503) {
                    self.session = Some(session);
                }
                reply.refusal(Stage::Content)
            }
            Ok(reply) => Outcome::Unknown { reason: format!("the relay answered the content with {}", reply.text()) },
            Err(lost) => Outcome::Unknown { reason: format!("no answer to the content: {lost}") },
        })
    }

    fn close(&mut self) {
        if let Some(mut session) = self.session.take() {
            // A relay that does not say goodbye is left all the same.
            let _ = command(&mut session.wire, "QUIT\r\n", Duration::from_secs(2));
        }
    }
}

impl Drop for SmtpTransport {
    fn drop(&mut self) {
        self.close();
    }
}

/// How far a mail came before its content.
enum Announced {
    /// The relay said 354.
    Ready,
    /// Refused, and the dialogue is in step.
    Refused(Outcome),
    /// Refused or lost, and the connection is of no more use.
    Over(Outcome),
}

impl Session {
    /// Returns the refusal of a mail that the relay says beforehand it cannot take.
    fn cannot_carry(&self, envelope: &Envelope, message: &[u8]) -> Option<Outcome> {
        if envelope.needs_smtputf8() && !self.extensions.has("SMTPUTF8") {
            let reply = "not sent: the relay cannot carry an address outside ASCII (no SMTPUTF8)".to_owned();
            return Some(Outcome::Rejected { reply, kind: Rejection::Mailbox });
        }
        if !message.is_ascii() && !self.extensions.has("8BITMIME") {
            let reply = "not sent: the relay takes no 8-bit content (no 8BITMIME)".to_owned();
            return Some(Outcome::Rejected { reply, kind: Rejection::Policy });
        }
        let limit = self.extensions.size().filter(|&limit| message.len() > limit)?;
        let reply = format!("not sent: the mail has {} bytes, the relay takes {limit} at most", message.len());
        Some(Outcome::Rejected { reply, kind: Rejection::Policy })
    }

    /// Says MAIL, RCPT and DATA.
    fn announce(&mut self, envelope: &Envelope, message: &[u8], times: &Timeouts) -> Announced {
        let mut mail = format!("MAIL FROM:<{}>", envelope.from());
        if self.extensions.has("SIZE") {
            mail += " SIZE=";
            mail += &message.len().to_string();
        }
        if envelope.needs_smtputf8() {
            mail.push_str(" SMTPUTF8");
        }
        if !message.is_ascii() {
            mail.push_str(" BODY=8BITMIME");
        }
        let verbs = [
            (Stage::Mail, mail + "\r\n", times.verb),
            (Stage::Rcpt, format!("RCPT TO:<{}>\r\n", envelope.to()), times.verb),
            (Stage::Data, "DATA\r\n".to_owned(), times.data),
        ];
        let over =
            |lost: &Lost| Announced::Over(Outcome::Deferred { reply: lost.to_string(), scope: Scope::Connection });
        if let Err(lost) = self.wire.quiet() {
            return over(&lost);
        }
        let pipelining = self.extensions.has("PIPELINING");
        if pipelining {
            let all: String = verbs.iter().map(|(_, line, _)| line.as_str()).collect();
            if let Err(lost) = self.wire.write(all.as_bytes(), times.verb) {
                return over(&lost);
            }
        }
        let mut refusal = None;
        for (stage, line, time) in &verbs {
            let reply = if pipelining { self.wire.read(*time) } else { command(&mut self.wire, line, *time) };
            let reply = match (reply, refusal.take()) {
                (Ok(reply), None) => reply,
                // The first refusal is the telling one; the replies after it only follow from it.
                (Ok(reply), Some(earlier)) if *stage != Stage::Data || reply.code != 354 => {
                    refusal = Some(earlier);
                    if reply.code == 421 {
                        break;
                    }
                    continue;
                }
                (_, Some(earlier)) => return Announced::Over(earlier),
                (Err(lost), None) => return over(&lost),
            };
            let wanted = if *stage == Stage::Data { reply.code == 354 } else { reply.is_positive() };
            if wanted {
                continue;
            }
            let outcome = reply.refusal(*stage);
            // 4xx and 5xx leave the dialogue in step; anything else does not.
            if reply.code < 400 || matches!(reply.code, 421 | 503) {
                return Announced::Over(outcome);
            }
            if !pipelining {
                return Announced::Refused(outcome);
            }
            refusal = Some(outcome);
        }
        match (refusal, self.wire.quiet()) {
            (Some(refusal), _) => Announced::Refused(refusal),
            (None, Ok(())) => Announced::Ready,
            // Out of step, or gone, while it is still harmless.
            (None, Err(lost)) => over(&lost),
        }
    }

    /// Ends a refused transaction, so that the next mail can use the connection; says whether it can.
    fn reset(&mut self, times: &Timeouts) -> bool {
        command(&mut self.wire, "RSET\r\n", times.verb).is_ok_and(|reply| reply.is_positive())
    }
}

fn command(wire: &mut Wire, line: &str, timeout: Duration) -> Result<Reply, Lost> {
    wire.write(line.as_bytes(), timeout)?;
    wire.read(timeout)
}

/// Returns the content as DATA takes it, dots doubled and the final dot added.
///
/// `None` for a message that servers could take for two (bare CR or LF before a dot), or must refuse.
fn stuffed(message: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    let body = message.strip_suffix(b"\r\n").unwrap_or(message);
    for line in body.split(|&byte| byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    // The last piece has no `\n` of its own: it gets its line end here.
    out.pop();
    out.extend_from_slice(b"\r\n");
    let clean = out.split_inclusive(|&byte| byte == b'\n').all(|line| {
        line.strip_suffix(b"\r\n").is_some_and(|text| {
            text.len() <= 998 + usize::from(text.first() == Some(&b'.')) && !text.contains(&b'\r') && !text.contains(&0)
        })
    });
    out.extend_from_slice(b".\r\n");
    clean.then_some(out)
}
