//! The bytes between drip and the relay: TCP, TLS, and whole replies, each within a deadline.
//!
//! lettre's `SmtpConnection` hides its stream: it reads on what stood in its buffer before the TLS handshake,
//! bounds each read but not the whole reply, and takes a reply that is not UTF-8 for a lost connection. Each
//! of these could turn into a mail lost or sent twice, so this layer is drip's own. Knows no verbs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::distrust::Distrust;
use super::reply::{Reply, one_line, parse_line};
use super::socket::{Socket, glance};

/// The longest line of a reply that is read, in bytes; RFC 5321 allows 512.
const LONGEST_LINE: usize = 16 * 1024;
/// The longest reply that is read, in bytes.
const LONGEST_REPLY: usize = 64 * 1024;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(in crate::mail) enum Lost {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the relay did not answer in time")]
    TimedOut,
    #[error("the relay's answer makes no sense: {0}")]
    Garbled(String),
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("nobody listens there")]
    Refused,
    #[error("the name of the host cannot be looked up: {0}")]
    Nameless(io::Error),
    /// There was no connection that could break.
    #[error("{0}")]
    Unreached(io::Error),
    #[error("{}", .0.message)]
    Distrusted(Distrust),
    #[error("the run was stopped")]
    Stopped,
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A socket's own timeout shows as either, depending on the system.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Broken(error),
        }
    }
}

/// An open connection.
pub(in crate::mail) struct Wire {
    stream: Stream,
    /// Set when the run is to stop.
    stop: Arc<AtomicBool>,
    /// Bytes read and not yet taken.
    pending: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Wire {
    /// Connects to the first address of the host that answers.
    pub(in crate::mail) fn connect(
        host: &str,
        port: u16,
        timeout: Duration,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, Lost> {
        let deadline = Deadline::after(timeout);
        let mut last = Lost::Nameless(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        for address in resolve(host, port, timeout)? {
            match TcpStream::connect_timeout(&address, deadline.left()?) {
                Ok(tcp) => {
                    // Every write is a whole command or message; waiting to join them only stalls.
                    tcp.set_nodelay(true)?;
                    glance(&tcp)?;
                    return Ok(Self { stream: Stream::Plain(tcp), stop: Arc::clone(stop), pending: Vec::new() });
                }
                Err(error) => {
                    last = match error.kind() {
                        io::ErrorKind::ConnectionRefused => Lost::Refused,
                        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Lost::TimedOut,
                        _ => Lost::Unreached(error),
                    }
                }
            }
        }
        Err(last)
    }

    /// Completes a TLS handshake within a time; refuses bytes that came before it, which anyone could have put there.
    pub(in crate::mail) fn secure(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<Self, Lost> {
        let Stream::Plain(tcp) = self.stream else {
            return Err(Lost::Garbled("TLS inside TLS".to_owned()));
        };
        if !self.pending.is_empty() {
            return Err(Lost::Garbled("it went on talking in the clear after STARTTLS".to_owned()));
        }
        let mut tls = ClientConnection::new(config, name).map_err(|error| Lost::Broken(io::Error::other(error)))?;
        let (mut socket, deadline) = (Socket::new(tcp), Deadline::after(timeout));
        while tls.is_handshaking() {
            if self.stop.load(Ordering::Acquire) {
                return Err(Lost::Stopped);
            }
            deadline.left()?;
            socket.begin();
            if let Err(error) = tls.complete_io(&mut socket) {
                match Distrust::read(&error) {
                    Some(distrust) => return Err(Lost::Distrusted(distrust)),
                    None => deadline.bear(error)?,
                }
            }
        }
        Ok(Self { stream: Stream::Tls(Box::new(StreamOwned::new(tls, socket))), stop: self.stop, pending: Vec::new() })
    }

    pub(in crate::mail) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Returns the version of TLS that was agreed on; `None` in the clear.
    pub(super) fn tls_version(&self) -> Option<String> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => Some(match tls.conn.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
                other => format!("{other:?}"),
            }),
        }
    }

    /// Says whether the other end is on this machine.
    pub(in crate::mail) fn is_local(&self) -> bool {
        self.tcp().peer_addr().is_ok_and(|address| address.ip().is_loopback())
    }

    /// Checks that the relay has nothing to say at a point where it was asked nothing.
    ///
    /// A reply that stands there belongs to nothing drip said; going on would put every later one to the
    /// wrong mail.
    pub(super) fn quiet(&mut self) -> Result<(), Lost> {
        if self.pending.is_empty() {
            self.tcp().set_nonblocking(true)?;
            let read = self.fill();
            self.tcp().set_nonblocking(false)?;
            match read {
                Ok(()) => {}
                Err(Lost::TimedOut) => return Ok(()),
                Err(lost) => return Err(lost),
            }
        }
        let said = String::from_utf8_lossy(&self.pending[..self.pending.len().min(1000)]);
        Err(Lost::Garbled(format!("unasked `{}`", one_line(&said))))
    }

    /// Reads what is there, at least one byte.
    fn fill(&mut self) -> Result<(), Lost> {
        let mut chunk = [0; 4096];
        loop {
            let read = match &mut self.stream {
                Stream::Plain(tcp) => tcp.read(&mut chunk),
                Stream::Tls(tls) => {
                    tls.sock.begin();
                    tls.read(&mut chunk)
                }
            };
            match read {
                Ok(0) => return Err(Lost::Closed),
                Ok(count) => {
                    self.pending.extend_from_slice(&chunk[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes everything in as few segments as it takes.
    pub(in crate::mail) fn write(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), Lost> {
        let deadline = Deadline::after(timeout);
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = match &mut self.stream {
                Stream::Plain(tcp) => tcp.write(rest),
                Stream::Tls(tls) => {
                    tls.sock.begin();
                    tls.write(rest)
                }
            };
            match written {
                Ok(0) => return Err(Lost::Closed),
                Ok(count) => rest = &rest[count..],
                Err(error) => deadline.bear(error)?,
            }
        }
        while let Stream::Tls(tls) = &mut self.stream {
            tls.sock.begin();
            match tls.flush() {
                Ok(()) => break,
                Err(error) => deadline.bear(error)?,
            }
        }
        Ok(())
    }

    /// Reads one whole reply; the time is for all of it, however slowly it drips in.
    pub(super) fn read(&mut self, timeout: Duration) -> Result<Reply, Lost> {
        self.reply(&Deadline::after(timeout), true)
    }

    /// Reads the answer to a content, for which a run that stops waits all the same.
    pub(super) fn read_verdict(&mut self, timeout: Duration) -> Result<Reply, Lost> {
        self.reply(&Deadline::after(timeout), false)
    }

    /// Reads a line of another protocol than SMTP, without its end.
    pub(in crate::mail) fn text(&mut self, timeout: Duration) -> Result<Vec<u8>, Lost> {
        self.line(&Deadline::after(timeout), true)
    }

    /// Reads so many bytes.
    pub(in crate::mail) fn bytes(&mut self, count: usize, timeout: Duration) -> Result<Vec<u8>, Lost> {
        let deadline = Deadline::after(timeout);
        while self.pending.len() < count {
            match self.fill() {
                Ok(()) | Err(Lost::TimedOut) => {}
                Err(lost) => return Err(lost),
            }
            deadline.left()?;
        }
        let rest = self.pending.split_off(count);
        Ok(std::mem::replace(&mut self.pending, rest))
    }

    /// Says whether something has come in that was not taken yet.
    pub(super) fn has_more(&self) -> bool {
        !self.pending.is_empty()
    }

    fn reply(&mut self, deadline: &Deadline, may_stop: bool) -> Result<Reply, Lost> {
        let mut reply: Option<Reply> = None;
        let mut total = 0;
        loop {
            let line = self.line(deadline, may_stop)?;
            total += line.len();
            if total > LONGEST_REPLY {
                return Err(Lost::Garbled("it does not end".to_owned()));
            }
            let Some((code, more, text)) = parse_line(&line) else {
                return Err(Lost::Garbled(format!("`{}`", one_line(&String::from_utf8_lossy(&line)))));
            };
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(Lost::Garbled(format!("{} and {code} at once", reply.code)));
            }
            reply.lines.push(text);
            if !more {
                return Ok(reply.clone());
            }
        }
    }

    fn line(&mut self, deadline: &Deadline, may_stop: bool) -> Result<Vec<u8>, Lost> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.pending[searched..].iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.pending.drain(..=searched + end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            searched = self.pending.len();
            if searched > LONGEST_LINE {
                return Err(Lost::Garbled("a line does not end".to_owned()));
            }
            match self.fill() {
                Ok(()) | Err(Lost::TimedOut) => {}
                Err(lost) => return Err(lost),
            }
            // Both hold however often a byte comes in.
            if may_stop && self.stop.load(Ordering::Acquire) {
                return Err(Lost::Stopped);
            }
            deadline.left()?;
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock.tcp,
        }
    }
}

/// Looks a host up within a time: the system's own resolver may hang for minutes.
fn resolve(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, Lost> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let host = host.to_owned();
    thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more when it took too long.
        let _ = sender.send(found);
    });
    receiver.recv_timeout(timeout).map_err(|_| Lost::TimedOut)?.map_err(Lost::Nameless)
}

/// The end of a wait, on the monotonic clock.
struct Deadline(Instant);

impl Deadline {
    fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Returns what is left, which is never zero: a socket takes zero for "for ever".
    fn left(&self) -> Result<Duration, Lost> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Lost::TimedOut) } else { Ok(left.max(Duration::from_millis(1))) }
    }

    /// Goes on after an error that only means "not yet", while there is time.
    fn bear(&self, error: io::Error) -> Result<(), Lost> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.left().map(drop),
            _ => Err(error.into()),
        }
    }
}
