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

mod looking;
mod opening;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memchr::{memchr_iter, memchr2_iter};
use rustls::pki_types::CertificateDer;

pub use self::looking::Offer;
use self::opening::Extensions;
use super::reply::{Reply, Stage};
use super::wire::{Lost, Wire};
use super::{
    ConnectError, ConnectErrorKind, NotCommitted, Outcome, Parcel, Permit, Rejection, Relay, Scope, Transport,
};
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
    timeouts: Timeouts,
    stop: Arc<AtomicBool>,
    authority: Option<CertificateDer<'static>>,
}

impl SmtpRelay {
    /// Takes the settings; nothing is opened yet.
    pub fn new(settings: Smtp) -> Self {
        Self { settings, timeouts: Timeouts::default(), stop: Arc::default(), authority: None }
    }

    /// Waits for nothing but the answers to contents once this is set.
    #[must_use]
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
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
    /// The mail whose MAIL, RCPT and DATA went out right behind the content before it.
    announced: Option<Arc<Parcel>>,
}

impl Transport for SmtpTransport {
    fn connect(&mut self) -> Result<(), ConnectError> {
        if self.session.is_none() {
            self.session = Some(self.open()?);
        }
        Ok(())
    }

    fn deliver(&mut self, mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted> {
        let Some(mut content) = stuffed(&mail.bytes) else {
            let reply = "not sent: the message holds a bare CR or LF, a NUL or a line of over 998 bytes".to_owned();
            return Ok(Outcome::Rejected { reply, kind: Rejection::Policy });
        };
        let times = self.relay.timeouts;
        // Taken out, so that every early return drops the connection; put back when it is in step.
        let mut idle = self.session.take().filter(|session| session.is_free_for(mail));
        let mut session = loop {
            let reused = idle.is_some();
            let mut session = match idle.take().map_or_else(|| self.open(), Ok) {
                Ok(session) => session,
                Err(_) if self.is_stopped() => return Err(NotCommitted),
                Err(error) => {
                    let scope = if error.kind == ConnectErrorKind::Rate { Scope::Rate } else { Scope::Relay };
                    return Ok(Outcome::Deferred { reply: error.message, scope });
                }
            };
            if let Some(refused) = session.cannot_carry(mail) {
                self.session = Some(session);
                return Ok(refused);
            }
            match session.announce(mail, &times) {
                Announced::Ready => break session,
                Announced::Refused(outcome) => {
                    if session.reset(&times) {
                        self.session = Some(session);
                    }
                    return Ok(outcome);
                }
                Announced::Over(_) if self.is_stopped() => return Err(NotCommitted),
                // Relays hang up on idle connections; no content has left, so a fresh one may have a try.
                Announced::Over(Outcome::Deferred { scope: Scope::Connection, .. }) if reused => {}
                Announced::Over(outcome) => return Ok(outcome),
            }
        };
        let Permit::Yes { next } = commit() else { return Err(NotCommitted) };
        // A content may be the first of a group of commands (RFC 2920 section 3.1).
        if let Some(next) = next.filter(|next| session.may_announce(next)) {
            content.extend_from_slice(session.verbs(&next).concat().as_bytes());
            session.announced = Some(next);
        }
        let outcome = match session.wire.write(&content, times.content) {
            Ok(()) => session.wire.read_verdict(times.content),
            // The relay may have said why it hung up in the middle; only a refusal is to be believed now.
            Err(lost) => match session.wire.read_verdict(times.verb.min(Duration::from_secs(5))) {
                Ok(reply) if reply.code >= 400 => return Ok(reply.refusal(Stage::Content)),
                _ => Err(lost),
            },
        };
        Ok(match outcome {
            Ok(reply) if reply.is_taken() => {
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

    fn is_ahead(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.announced.is_some() && session.wire.has_more())
    }

    fn close(&mut self) {
        // To one that waits for the content of an announced mail, a goodbye would be that content.
        if let Some(mut session) = self.session.take().filter(|session| session.announced.is_none()) {
            // A relay that does not say goodbye is left all the same.
            let _ = command(&mut session.wire, "QUIT\r\n", Duration::from_secs(2));
        }
    }
}

impl SmtpTransport {
    fn is_stopped(&self) -> bool {
        self.relay.stop.load(Ordering::Acquire)
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
    fn cannot_carry(&self, mail: &Parcel) -> Option<Outcome> {
        if !mail.envelope.from().is_ascii() && !self.extensions.has("SMTPUTF8") {
            // The sender is the same for every mail: no contact is to blame.
            let reply = "not sent: the relay cannot carry a sender outside ASCII (no SMTPUTF8)".to_owned();
            return Some(Outcome::Deferred { reply, scope: Scope::Relay });
        }
        if mail.envelope.needs_smtputf8() && !self.extensions.has("SMTPUTF8") {
            let reply = "not sent: the relay cannot carry an address outside ASCII (no SMTPUTF8)".to_owned();
            return Some(Outcome::Rejected { reply, kind: Rejection::Mailbox });
        }
        if !mail.bytes.is_ascii() && !self.extensions.has("8BITMIME") {
            let reply = "not sent: the relay takes no 8-bit content (no 8BITMIME)".to_owned();
            return Some(Outcome::Rejected { reply, kind: Rejection::Policy });
        }
        let limit = self.extensions.size().filter(|&limit| mail.bytes.len() > limit)?;
        let reply = format!("not sent: the mail has {} bytes, the relay takes {limit} at most", mail.bytes.len());
        Some(Outcome::Rejected { reply, kind: Rejection::Policy })
    }

    /// Says whether no other mail has been announced here.
    fn is_free_for(&self, mail: &Arc<Parcel>) -> bool {
        self.announced.as_ref().is_none_or(|announced| Arc::ptr_eq(announced, mail))
    }

    /// Says whether a mail may be announced before the answer to the content ahead of it.
    fn may_announce(&self, mail: &Parcel) -> bool {
        self.extensions.has("PIPELINING") && self.cannot_carry(mail).is_none()
    }

    /// Returns MAIL, RCPT and DATA for a mail.
    fn verbs(&self, mail: &Parcel) -> [String; 3] {
        let mut from = format!("MAIL FROM:<{}>", mail.envelope.from());
        if self.extensions.has("SIZE") {
            from += " SIZE=";
            from += &mail.bytes.len().to_string();
        }
        if mail.envelope.needs_smtputf8() {
            from.push_str(" SMTPUTF8");
        }
        if !mail.bytes.is_ascii() {
            from.push_str(" BODY=8BITMIME");
        }
        [from + "\r\n", format!("RCPT TO:<{}>\r\n", mail.envelope.to()), "DATA\r\n".to_owned()]
    }

    /// Says MAIL, RCPT and DATA, unless that was done already, and hears what the relay says to them.
    fn announce(&mut self, mail: &Arc<Parcel>, times: &Timeouts) -> Announced {
        let over =
            |lost: &Lost| Announced::Over(Outcome::Deferred { reply: lost.to_string(), scope: Scope::Connection });
        let pipelining = self.extensions.has("PIPELINING");
        let verbs = if self.announced.take().is_some() {
            Default::default()
        } else {
            if let Err(lost) = self.wire.quiet() {
                return over(&lost);
            }
            let verbs = self.verbs(mail);
            if pipelining && let Err(lost) = self.wire.write(verbs.concat().as_bytes(), times.verb) {
                return over(&lost);
            }
            verbs
        };
        let stages = [(Stage::Mail, times.verb), (Stage::Rcpt, times.verb), (Stage::Data, times.data)];
        let mut refusal = None;
        for ((stage, time), line) in stages.iter().zip(&verbs) {
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
        match refusal {
            Some(refusal) => Announced::Refused(refusal),
            // Out of step, while it is still harmless.
            None if self.wire.has_more() => over(&Lost::Garbled("it says more than it was asked".to_owned())),
            None => Announced::Ready,
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
    let body = message.strip_suffix(b"\r\n").unwrap_or(message);
    let mut out = Vec::with_capacity(body.len() + body.len() / 64 + 8);
    let (mut begin, mut ends) = (0, 0);
    for end in memchr_iter(b'\n', body).chain([body.len() + 1]) {
        let line = if end > body.len() { &body[begin..] } else { body[begin..end].strip_suffix(b"\r")? };
        if line.len() > 998 {
            return None;
        }
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        (begin, ends) = (end + 1, ends + 1);
    }
    // Each line end wrote one of the two; another one, or a NUL, was in the text.
    let clean = memchr2_iter(b'\r', 0, &out).count() == ends;
    out.extend_from_slice(b".\r\n");
    clean.then_some(out)
}
