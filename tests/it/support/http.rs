//! A web server in the test's own process: takes POSTs and answers what it is told.

#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: serde_json::Value,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A running server; it stops when dropped.
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    /// What to answer, the first first; 204 when none is left. `close` hangs up without an answer, `hold` gives none.
    answers: Mutex<Vec<String>>,
    stop: std::sync::atomic::AtomicBool,
}

impl HttpServer {
    /// Listens on a free port; answers these, then 204.
    pub(crate) fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        *shared.answers.lock().unwrap() = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(std::sync::atomic::Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&shared, stream.unwrap()));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// Serves one connection: each request one answer.
fn serve(shared: &Shared, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap();
        shared.calls.lock().unwrap().push(Call { path, headers, body });
        let mut answers = shared.answers.lock().unwrap();
        let answer = if answers.is_empty() { "204 No Content".to_owned() } else { answers.remove(0) };
        drop(answers);
        if answer == "hold" {
            // Until the other side has had enough.
            let _ = reader.read(&mut [0]);
            return None;
        }
        if answer == "close" {
            return None;
        }
        let (status, more) = answer.split_once('\n').unwrap_or((&answer, ""));
        let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
        write!(reader.get_mut(), "HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n").ok()?;
    }
}
