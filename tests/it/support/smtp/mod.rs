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

mod dialogue;
mod script;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use dialogue::{Dialogue, Peer, Stream};
#[allow(unused_imports, reason = "each test target uses its own part")]
pub(crate) use script::When;
pub(crate) use script::{Script, Verb};

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

pub(super) struct Shared {
    pub(super) script: Mutex<Script>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) mails: Mutex<Vec<Mail>>,
    pub(super) commands: Mutex<Vec<String>>,
    pub(super) connections: AtomicUsize,
    /// Conversations that are over.
    pub(super) ended: AtomicUsize,
    pub(super) mail_number: AtomicUsize,
    pub(super) content_bytes: AtomicUsize,
    /// What came in on each connection, where the script keeps it.
    pub(super) wire: Mutex<std::collections::BTreeMap<usize, Vec<u8>>>,
    pub(super) stop: AtomicBool,
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
