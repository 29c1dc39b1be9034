//! An SMTP server in the test's own process, that does what a script says.
//!
//! A test reads like a story:
//!
//! ```ignore
//! let relay = SmtpServer::start(Script::new().on(Verb::Rcpt).to("lan@").reply("550 5.1.1 no such user"));
//! // … send something to relay.port() …
//! assert_eq!(relay.recipients(), ["minh@example.com"]);
//! ```
//!
//! Without rules it takes every mail, on as many connections as come. A rule says *when* (`on`, `to`, `connection`,
//! `mail`, `times`) and then *what* (`reply`, `close`, …), which puts it into the script; the first rule that
//! fits wins. [`Verb::Connect`] is the greeting, [`Verb::Content`] the answer to the final dot.

#![allow(dead_code, reason = "each test target uses its own part")]
#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A moment at which the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
    Rset,
    Quit,
    Other,
}

#[derive(Debug, Clone)]
enum Action {
    /// Bytes to send, piece by piece with a pause between.
    Say(Vec<Vec<u8>>, Duration),
    SayAndClose(String),
    Close,
    /// Waits, then goes on as if nothing had been.
    Stall(Duration),
    /// Hangs up when so many bytes of a content have come.
    CloseAfter(usize),
}

#[derive(Debug, Clone)]
struct Rule {
    verb: Verb,
    contains: String,
    connection: Option<usize>,
    mail: Option<usize>,
    times: usize,
    action: Action,
}

/// What the server offers, and where it departs from taking every mail.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    extensions: Vec<String>,
    rules: Vec<Rule>,
    tls: Option<(PathBuf, PathBuf)>,
    implicit_tls: bool,
    dump: Option<PathBuf>,
    keeps_wire: bool,
}

impl Script {
    pub(crate) fn new() -> Self {
        let extensions = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        Self {
            extensions: extensions.map(str::to_owned).to_vec(),
            rules: Vec::new(),
            tls: None,
            implicit_tls: false,
            dump: None,
            keeps_wire: false,
        }
    }

    /// Offers an extension more: `AUTH PLAIN LOGIN`, `STARTTLS`.
    pub(crate) fn offering(mut self, extension: &str) -> Self {
        self.extensions.push(extension.to_owned());
        self
    }

    /// Takes an extension back, by its first word.
    pub(crate) fn without(mut self, keyword: &str) -> Self {
        self.extensions.retain(|extension| extension.split(' ').next() != Some(keyword));
        self
    }

    /// Speaks TLS with this certificate and key (PEM): after STARTTLS, or from the first byte.
    pub(crate) fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>, implicit: bool) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self.implicit_tls = implicit;
        if implicit { self } else { self.offering("STARTTLS") }
    }

    /// Writes each mail that is taken to `FOLDER/0001.eml` and so on.
    pub(crate) fn dumping_to(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dump = Some(folder.into());
        self
    }

    /// Keeps every byte that comes in, for [`SmtpServer::wire`].
    pub(crate) fn keeping_wire(mut self) -> Self {
        self.keeps_wire = true;
        self
    }

    /// Begins a rule.
    pub(crate) fn on(self, verb: Verb) -> When {
        let action = Action::Close;
        When {
            script: self,
            rule: Rule { verb, contains: String::new(), connection: None, mail: None, times: usize::MAX, action },
        }
    }
}

/// The condition of a rule that is being written.
pub(crate) struct When {
    script: Script,
    rule: Rule,
}

impl When {
    /// Only when the line holds this text.
    pub(crate) fn to(mut self, text: &str) -> Self {
        text.clone_into(&mut self.rule.contains);
        self
    }

    /// Only on this connection, from 1.
    pub(crate) fn connection(mut self, number: usize) -> Self {
        self.rule.connection = Some(number);
        self
    }

    /// Only during this mail, from 1, counted over all connections by their MAIL.
    pub(crate) fn mail(mut self, number: usize) -> Self {
        self.rule.mail = Some(number);
        self
    }

    /// Only so many times.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.rule.times = times;
        self
    }

    fn then(mut self, action: Action) -> Script {
        self.rule.action = action;
        self.script.rules.push(self.rule);
        self.script
    }

    /// Answers this; several lines as in `"250-one\r\n250 two"`.
    pub(crate) fn reply(self, text: &str) -> Script {
        self.raw(format!("{text}\r\n").as_bytes())
    }

    /// Answers these very bytes.
    pub(crate) fn raw(self, bytes: &[u8]) -> Script {
        self.then(Action::Say(vec![bytes.to_vec()], Duration::ZERO))
    }

    /// Answers this a byte at a time.
    pub(crate) fn drip(self, text: &str, pause: Duration) -> Script {
        let pieces = format!("{text}\r\n").bytes().map(|byte| vec![byte]).collect();
        self.then(Action::Say(pieces, pause))
    }

    /// Answers these pieces, each in a packet of its own.
    pub(crate) fn pieces(self, pieces: &[&str], pause: Duration) -> Script {
        self.then(Action::Say(pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect(), pause))
    }

    /// Answers and hangs up.
    pub(crate) fn reply_and_close(self, text: &str) -> Script {
        self.then(Action::SayAndClose(text.to_owned()))
    }

    /// Hangs up without a word.
    pub(crate) fn close(self) -> Script {
        self.then(Action::Close)
    }

    /// Hangs up in the middle of a content, when so many bytes of it have come.
    pub(crate) fn close_after(self, bytes: usize) -> Script {
        self.then(Action::CloseAfter(bytes))
    }

    /// Says nothing for a time, then goes on as usual.
    pub(crate) fn stall(self, time: Duration) -> Script {
        self.then(Action::Stall(time))
    }
}

/// A mail the server took, or may have taken: refused ones are not kept.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) connection: usize,
    /// What stood after `MAIL FROM:`, parameters included.
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// The content, dots undone.
    pub(crate) bytes: Vec<u8>,
}

/// A running server; it stops when dropped.
pub(crate) struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    tls: Option<Arc<ServerConfig>>,
    mails: Mutex<Vec<Mail>>,
    commands: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// Conversations that are over.
    ended: AtomicUsize,
    mail_number: AtomicUsize,
    content_bytes: AtomicUsize,
    /// What came in on each connection, where the script keeps it.
    wire: Mutex<std::collections::BTreeMap<usize, Vec<u8>>>,
    stop: AtomicBool,
}

impl SmtpServer {
    /// Listens on a free port of this machine.
    pub(crate) fn start(script: Script) -> Self {
        Self::start_at(IpAddr::V4(Ipv4Addr::LOCALHOST), script)
    }

    /// The same at another address of this machine.
    pub(crate) fn start_at(address: IpAddr, script: Script) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let tls = script.tls.as_ref().map(|(certificate, key)| {
            let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
        });
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            tls,
            mails: Mutex::default(),
            commands: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            mail_number: AtomicUsize::new(0),
            content_bytes: AtomicUsize::new(0),
            wire: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let record = shared.script.lock().unwrap().keeps_wire.then_some((&*shared, number));
                    let peer = Peer { stream: Stream::Plain(stream), buffer: Vec::new(), record };
                    // A client that hangs up ends its own conversation, not the test.
                    let _ = Dialogue { shared: &shared, peer, number, mail: 0 }.run();
                    shared.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the mails taken so far, in the order of their final dots.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Returns the recipients of the mails taken so far.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.mails().into_iter().flat_map(|mail| mail.to).collect()
    }

    /// Returns every line a client said outside of contents.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }

    /// Counts the commands that begin with a word.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.commands().iter().filter(|line| line.to_ascii_uppercase().starts_with(word)).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until every conversation is over: what a client said before it was killed may still be on its way.
    pub(crate) fn wait_for_silence(&self) {
        while self.shared.ended.load(Ordering::SeqCst) < self.connections() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns every byte that came in, one text a connection.
    pub(crate) fn wire(&self) -> Vec<Vec<u8>> {
        self.shared.wire.lock().unwrap().values().cloned().collect()
    }

    /// Returns how many bytes came after a 354, of whatever mail.
    pub(crate) fn content_bytes(&self) -> usize {
        self.shared.content_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

struct Peer<'a> {
    stream: Stream,
    buffer: Vec<u8>,
    record: Option<(&'a Shared, usize)>,
}

impl Peer<'_> {
    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(&mut chunk)?,
            Stream::Tls(tls) => tls.read(&mut chunk)?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&chunk[..count]);
        if let Some((shared, number)) = self.record {
            shared.wire.lock().unwrap().entry(number).or_default().extend_from_slice(&chunk[..count]);
        }
        Ok(count)
    }

    /// Reads up to and with a mark, searching each byte once.
    fn until(&mut self, mark: &[u8], mut seen: impl FnMut(usize)) -> io::Result<Vec<u8>> {
        let mut from = 0;
        loop {
            if let Some(at) = self.buffer[from..].windows(mark.len()).position(|window| window == mark) {
                return Ok(self.buffer.drain(..from + at + mark.len()).collect());
            }
            from = self.buffer.len().saturating_sub(mark.len() - 1);
            seen(self.fill()?);
        }
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }
}

struct Dialogue<'a> {
    shared: &'a Shared,
    peer: Peer<'a>,
    number: usize,
    /// The mail that this connection is at; another one's may have begun since.
    mail: usize,
}

impl Dialogue<'_> {
    fn run(mut self) -> io::Result<()> {
        let implicit = self.shared.script.lock().unwrap().implicit_tls;
        if implicit {
            self.secure();
        }
        self.answer(Verb::Connect, "", "220 relay.test ESMTP")?;
        let mut from = String::new();
        let mut to: Vec<String> = Vec::new();
        loop {
            let line = self.line()?;
            self.shared.commands.lock().unwrap().push(line.clone());
            let upper = line.to_ascii_uppercase();
            match upper.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => {
                    let hello = self.hello();
                    self.answer(Verb::Ehlo, &line, &hello)?;
                }
                "STARTTLS" => {
                    let said = self.answer(Verb::StartTls, &line, "220 2.0.0 go ahead")?;
                    if said.starts_with("220") {
                        self.secure();
                    }
                }
                "AUTH" => self.login(&line, &upper)?,
                "MAIL" => {
                    self.mail = self.shared.mail_number.fetch_add(1, Ordering::SeqCst) + 1;
                    to.clear();
                    from.clear();
                    if self.answer(Verb::Mail, &line, "250 2.1.0 ok")?.starts_with('2') {
                        line["MAIL FROM:".len()..].clone_into(&mut from);
                    }
                }
                "RCPT" => {
                    let usual = if from.is_empty() { "503 5.5.1 MAIL first" } else { "250 2.1.5 ok" };
                    if self.answer(Verb::Rcpt, &line, usual)?.starts_with('2') {
                        to.push(line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned());
                    }
                }
                "DATA" => {
                    let usual = if to.is_empty() { "554 5.5.1 no valid recipients" } else { "354 go ahead" };
                    if self.answer(Verb::Data, &line, usual)?.starts_with("354") {
                        self.content(&from, &to)?;
                    }
                    to.clear();
                    from.clear();
                }
                "RSET" => {
                    to.clear();
                    from.clear();
                    self.answer(Verb::Rset, &line, "250 2.0.0 ok")?;
                }
                "QUIT" => {
                    self.answer(Verb::Quit, &line, "221 2.0.0 bye")?;
                    return Ok(());
                }
                _ => {
                    self.answer(Verb::Other, &line, "500 5.5.2 what")?;
                }
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let line = self.peer.until(b"\r\n", |_| {})?;
        Ok(String::from_utf8_lossy(&line[..line.len() - 2]).into_owned())
    }

    fn hello(&self) -> String {
        let script = self.shared.script.lock().unwrap();
        let mut lines = vec!["relay.test".to_owned()];
        let encrypted = matches!(self.peer.stream, Stream::Tls(_));
        lines.extend(script.extensions.iter().filter(|name| !(encrypted && *name == "STARTTLS")).cloned());
        let last = lines.len() - 1;
        let separator = |at| if at == last { ' ' } else { '-' };
        let lines: Vec<_> = lines.iter().enumerate().map(|(at, line)| format!("250{}{line}", separator(at))).collect();
        lines.join("\r\n")
    }

    fn login(&mut self, line: &str, upper: &str) -> io::Result<()> {
        if upper == "AUTH LOGIN" {
            for question in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                self.peer.say(format!("{question}\r\n").as_bytes())?;
                let answer = self.line()?;
                self.shared.commands.lock().unwrap().push(answer);
            }
        }
        self.answer(Verb::Auth, line, "235 2.7.0 welcome").map(|_| ())
    }

    fn content(&mut self, from: &str, to: &[String]) -> io::Result<()> {
        let counter = &self.shared.content_bytes;
        counter.fetch_add(self.peer.buffer.len(), Ordering::SeqCst);
        let count = |bytes| {
            counter.fetch_add(bytes, Ordering::SeqCst);
        };
        let action = self.take(Verb::Content, "");
        if let Some(Action::CloseAfter(bytes)) = action {
            while self.peer.buffer.len() < bytes {
                count(self.peer.fill()?);
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        // The line end before the dot belongs to the content; an empty content is the dot alone.
        let mut raw = self.peer.until(b"\r\n.\r\n", count)?;
        raw.truncate(raw.len() - 3);
        let mut bytes = Vec::with_capacity(raw.len());
        for line in raw.split_inclusive(|&byte| byte == b'\n') {
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        let mail = Mail { connection: self.number, from: from.to_owned(), to: to.to_vec(), bytes };
        let refused = match &action {
            Some(Action::Say(pieces, _)) => pieces.concat().first().is_some_and(|byte| matches!(byte, b'4' | b'5')),
            Some(Action::SayAndClose(text)) => text.starts_with(['4', '5']),
            _ => false,
        };
        if !refused {
            let mut mails = self.shared.mails.lock().unwrap();
            if let Some(folder) = &self.shared.script.lock().unwrap().dump {
                std::fs::write(folder.join(format!("{:04}.eml", mails.len() + 1)), &mail.bytes)?;
            }
            mails.push(mail);
        }
        self.act(action, "250 2.0.0 queued").map(|_| ())
    }

    /// Returns what the script says for this moment, which counts as one of its times.
    fn take(&self, verb: Verb, line: &str) -> Option<Action> {
        let mut script = self.shared.script.lock().unwrap();
        let rule = script.rules.iter_mut().find(|rule| {
            rule.verb == verb
                && rule.times > 0
                && line.contains(&rule.contains)
                && rule.connection.is_none_or(|number| number == self.number)
                && rule.mail.is_none_or(|number| number == self.mail)
        })?;
        rule.times -= 1;
        Some(rule.action.clone())
    }

    /// Speaks, and returns what was said; an error ends the conversation.
    fn answer(&mut self, verb: Verb, line: &str, usual: &str) -> io::Result<String> {
        let action = self.take(verb, line);
        self.act(action, usual)
    }

    fn act(&mut self, action: Option<Action>, usual: &str) -> io::Result<String> {
        match action {
            Some(Action::Say(pieces, pause)) => {
                for piece in &pieces {
                    self.peer.say(piece)?;
                    self.wait(pause)?;
                }
                return Ok(String::from_utf8_lossy(&pieces.concat()).into_owned());
            }
            Some(Action::SayAndClose(text)) => {
                self.peer.say(format!("{text}\r\n").as_bytes())?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Some(Action::Close | Action::CloseAfter(_)) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Action::Stall(time)) => self.wait(time)?,
            None => {}
        }
        self.peer.say(format!("{usual}\r\n").as_bytes())?;
        Ok(usual.to_owned())
    }

    fn wait(&self, time: Duration) -> io::Result<()> {
        let step = Duration::from_millis(5);
        let mut left = time;
        while !left.is_zero() {
            if self.shared.stop.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            thread::sleep(left.min(step));
            left = left.saturating_sub(step);
        }
        Ok(())
    }

    fn secure(&mut self) {
        let config = self.shared.tls.clone().expect("a script that offers STARTTLS names a certificate");
        let tls = ServerConnection::new(config).expect("a server's side");
        if let Stream::Plain(tcp) = &self.peer.stream {
            let tcp = tcp.try_clone().expect("the same socket");
            self.peer.stream = Stream::Tls(Box::new(StreamOwned::new(tls, tcp)));
        }
    }
}
