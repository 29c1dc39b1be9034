//! A proxy in front of `drip serve`, as Caddy or nginx stand there: speaks TLS, and does to requests what it is told.

#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// On to the server at this port.
    Through(u16),
    /// Answered with this: a status, and perhaps a header.
    Answered(&'static str),
    /// Of POST this is the answer, and everything else goes through.
    PostAnswered(&'static str, u16),
}

/// A running proxy; it stops when dropped.
pub(crate) struct Front {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

/// Returns a file beside this one.
pub(crate) fn support(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(file)
}

impl Front {
    /// Listens on a free port, with the certificate of the tests' own authority.
    pub(crate) fn start(way: &Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front = Self { address: listener.local_addr().unwrap(), stop: Arc::default() };
        let chain = CertificateDer::pem_file_iter(support("relay.pem")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(support("relay.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let (stop, way) = (Arc::clone(&front.stop), way.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (config, way) = (Arc::clone(&config), way.clone());
                // A visitor that does not trust the certificate hangs up, which is no fault of the test's.
                thread::spawn(move || serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &way));
            }
        });
        front
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// Serves one request, and hangs up.
fn serve(mut visitor: StreamOwned<ServerConnection, TcpStream>, way: &Way) -> io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let count = visitor.read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        if request.len() >= end + 4 + length.unwrap_or(0) {
            break end;
        }
    };
    let answer = match way {
        Way::Answered(answer) => said(answer),
        Way::PostAnswered(answer, _) if request.starts_with(b"POST ") => said(answer),
        Way::Through(port) | Way::PostAnswered(_, port) => {
            let mut server = TcpStream::connect(("127.0.0.1", *port))?;
            server.write_all(&[&request[..head], b"\r\nConnection: close", &request[head..]].concat())?;
            let mut answer = Vec::new();
            server.read_to_end(&mut answer)?;
            answer
        }
    };
    visitor.write_all(&answer)?;
    visitor.conn.send_close_notify();
    visitor.flush()
}

fn said(answer: &str) -> Vec<u8> {
    let (status, header) = answer.split_once('\n').unwrap_or((answer, "X-Front: yes"));
    format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nfront\n").into_bytes()
}
