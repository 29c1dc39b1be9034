//! A name server in the test's own process, over UDP and TCP, that knows what it is told.
//!
//! A record stands as `TXT v=spf1 -all`, `A 192.0.2.1`, `AAAA ::1`, `MX mx.example`, `PTR host.example` or `CNAME other.example`. In place of
//! one, `FAIL` has the server say that it failed, and `SILENT` say nothing; `FAIL AAAA` is a failure for
//! that kind alone. Other names do not exist. What is longer than 400 bytes goes
//! over TCP alone.

#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The longest answer over UDP.
const LONGEST: usize = 400;
const KINDS: [(&str, u16); 6] = [("A", 1), ("CNAME", 5), ("PTR", 12), ("MX", 15), ("TXT", 16), ("AAAA", 28)];

/// A running server; it stops when dropped.
pub(crate) struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    by_tcp: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

type Zone = BTreeMap<String, Vec<String>>;

impl DnsServer {
    /// Listens on a free port.
    pub(crate) fn start(records: &[(&str, &str)]) -> Self {
        // The same port for both.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let server = Self {
            address: udp.local_addr().unwrap(),
            zone: Arc::default(),
            by_tcp: Arc::default(),
            stop: Arc::default(),
        };
        for (name, record) in records {
            server.add(name, record);
        }
        udp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (zone, stop) = (Arc::clone(&server.zone), Arc::clone(&server.stop));
        thread::spawn(move || {
            let mut query = [0; 1500];
            while !stop.load(Ordering::SeqCst) {
                let Ok((length, from)) = udp.recv_from(&mut query) else { continue };
                if let Some(answer) = answer(&zone.lock().unwrap(), &query[..length], LONGEST) {
                    udp.send_to(&answer, from).unwrap();
                }
            }
        });
        let (zone, by_tcp, stop) = (Arc::clone(&server.zone), Arc::clone(&server.by_tcp), Arc::clone(&server.stop));
        thread::spawn(move || {
            for stream in tcp.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (zone, by_tcp) = (Arc::clone(&zone), Arc::clone(&by_tcp));
                thread::spawn(move || converse(stream, &zone, &by_tcp));
            }
        });
        server
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Adds a record to a name.
    pub(crate) fn add(&self, name: &str, record: &str) {
        self.zone.lock().unwrap().entry(name.to_owned()).or_default().push(record.to_owned());
    }

    /// Puts these records in the place of whatever a name has; none: the name is gone.
    pub(crate) fn set(&self, name: &str, records: &[&str]) {
        let mut zone = self.zone.lock().unwrap();
        zone.remove(name);
        for record in records {
            zone.entry(name.to_owned()).or_default().push((*record).to_owned());
        }
    }

    /// Returns how many questions came over TCP.
    pub(crate) fn questions_by_tcp(&self) -> usize {
        self.by_tcp.load(Ordering::SeqCst)
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers questions over TCP until the other side has no more.
fn converse(mut stream: TcpStream, zone: &Mutex<Zone>, by_tcp: &AtomicUsize) -> Option<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).ok()?;
        by_tcp.fetch_add(1, Ordering::SeqCst);
        let answer = answer(&zone.lock().unwrap(), &query, usize::from(u16::MAX))?;
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &answer].concat()).ok()?;
    }
}

/// Returns the answer to a question; `None` for silence.
fn answer(zone: &Zone, query: &[u8], longest: usize) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] > 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let (question, mut name) = (&query[12..at + 5], labels.join("."));
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let (mut code, mut answers) = (0_u8, Vec::new());
    loop {
        let Some(records) = zone.get(&name) else {
            code = if answers.is_empty() { 3 } else { 0 };
            break;
        };
        let first = records.first().map(String::as_str).unwrap_or_default();
        match first {
            "SILENT" => return None,
            "FAIL" => code = 2,
            _ => {}
        }
        if let Some(target) = first.strip_prefix("CNAME ").filter(|_| kind != 5) {
            answers.push(record(&name, 5, &encoded(target)));
            target.clone_into(&mut name);
            continue;
        }
        if KINDS.iter().any(|(known, number)| *number == kind && records.contains(&format!("FAIL {known}"))) {
            code = 2;
        }
        for (word, value) in records.iter().filter_map(|record| record.split_once(' ')) {
            if KINDS.iter().any(|(known, number)| *known == word && *number == kind) {
                answers.push(record(&name, kind, &data(kind, value)));
            }
        }
        break;
    }
    let build = |flags: u8, answers: &[Vec<u8>]| {
        let count = u16::try_from(answers.len()).unwrap().to_be_bytes();
        let head = [query[0], query[1], 0x85 | flags, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0];
        [&head[..], question, &answers.concat()].concat()
    };
    let whole = build(0, &answers);
    Some(if whole.len() > longest { build(2, &[]) } else { whole })
}

fn record(name: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let middle = [&kind.to_be_bytes()[..], &[0, 1, 0, 0, 1, 0x2c], &length.to_be_bytes()].concat();
    [encoded(name), middle, data.to_vec()].concat()
}

fn data(kind: u16, value: &str) -> Vec<u8> {
    match kind {
        1 => value.parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        28 => value.parse::<Ipv6Addr>().unwrap().octets().to_vec(),
        15 => [vec![0, 10], encoded(value)].concat(),
        16 => value
            .as_bytes()
            .chunks(255)
            .flat_map(|piece| [&[u8::try_from(piece.len()).unwrap()], piece].concat())
            .collect(),
        _ => encoded(value),
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}
