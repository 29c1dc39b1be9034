//! An IMAP server in the test's own process: one mailbox, one user, and what goes wrong.

#![allow(dead_code, reason = "each test target uses its own part")]
#![allow(clippy::unwrap_used, reason = "whatever fails in here is the failure of the test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does beside what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// The mailbox can be read and not changed.
    ReadOnly,
    /// Nothing is marked.
    RefusesMarks,
    /// The connection ends in the midst of this message.
    Breaks(u32),
    /// It speaks of more bytes than any message has.
    Endless,
    /// It quotes the login that it refuses.
    RefusesLogin,
    /// It says NO when asked for this message.
    Keeps(u32),
    /// It says OK when asked for this message, and sends nothing of it.
    SendsNothing(u32),
    /// It knows no bounds, and sends all of a message.
    Unbounded,
    /// It offers no AUTHENTICATE PLAIN, as old ones.
    Old,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) seen: bool,
}

pub(crate) struct ImapServer {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    messages: Vec<Message>,
    validity: u32,
    trouble: Trouble,
    commands: Vec<String>,
}

impl ImapServer {
    /// Starts a server whose mailbox holds these messages, unseen.
    pub(crate) fn start(messages: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = messages.iter().zip(1..).map(|(text, number)| Message {
            uid: number * 10,
            bytes: text.replace('\n', "\r\n").into_bytes(),
            seen: false,
        });
        let shared = Shared { messages: messages.collect(), validity: 1, trouble: Trouble::None, commands: Vec::new() };
        let shared = Arc::new(Mutex::new(shared));
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&of_thread);
                // A client that hangs up is no trouble.
                thread::spawn(move || talk(&stream, &shared));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("imap://bounces:s3cret@127.0.0.1:{}/INBOX", self.port)
    }

    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.shared.lock().unwrap().trouble = trouble;
    }

    /// As if a person had read all but every so manieth message.
    pub(crate) fn read_all_but(&self, each: usize) {
        let mut shared = self.shared.lock().unwrap();
        shared.messages.iter_mut().enumerate().for_each(|(place, message)| message.seen = place % each != 0);
    }

    /// As after a restore of the mailbox: other numbers, and nothing is seen.
    pub(crate) fn renumber(&self) {
        let mut shared = self.shared.lock().unwrap();
        shared.validity += 1;
        for message in &mut shared.messages {
            message.uid += 1000;
            message.seen = false;
        }
    }

    /// Returns which messages are marked.
    pub(crate) fn seen(&self) -> Vec<u32> {
        self.shared.lock().unwrap().messages.iter().filter(|one| one.seen).map(|one| one.uid).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.lock().unwrap().messages.len()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.lock().unwrap().commands.clone()
    }
}

fn talk(stream: &TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let mut to = stream.try_clone().ok()?;
    write!(to, "* OK ready\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let (tag, command) = line.split_once(' ')?;
        let mut shared = shared.lock().unwrap();
        shared.commands.push(command.to_owned());
        let trouble = shared.trouble;
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["CAPABILITY"] if trouble == Trouble::Old => write!(to, "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n").ok()?,
            ["CAPABILITY"] => write!(to, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n").ok()?,
            ["AUTHENTICATE", "PLAIN"] => {
                write!(to, "+ \r\n").ok()?;
                let given = lines.next()?.ok()?;
                if given == "AGJvdW5jZXMAczNjcmV0" && trouble != Trouble::RefusesLogin {
                    write!(to, "{tag} OK in\r\n").ok()?;
                } else {
                    write!(to, "{tag} NO [AUTHENTICATIONFAILED] `{given}` of s3cret is wrong\r\n").ok()?;
                }
            }
            ["LOGIN", "\"bounces\"", "\"s3cret\""] => write!(to, "{tag} OK in\r\n").ok()?,
            ["SELECT", "\"INBOX\""] => {
                let mode = if trouble == Trouble::ReadOnly { "READ-ONLY" } else { "READ-WRITE" };
                let (number, validity) = (shared.messages.len(), shared.validity);
                write!(to, "* {number} EXISTS\r\n* OK [UIDVALIDITY {validity}] valid\r\n{tag} OK [{mode}] open\r\n")
                    .ok()?;
            }
            ["UID", "SEARCH", range, ..] => {
                let (first, last) = range.split_once(':')?;
                let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
                let unseen = shared.messages[first - 1..last].iter().filter(|one| !one.seen);
                let uids = unseen.fold(String::new(), |uids, one| uids + &format!(" {}", one.uid));
                write!(to, "* SEARCH{uids}\r\n{tag} OK done\r\n").ok()?;
            }
            ["UID", "FETCH", uid, ..] => {
                let uid: u32 = uid.parse().ok()?;
                if trouble == Trouble::Keeps(uid) {
                    write!(to, "{tag} NO it is damaged\r\n").ok()?;
                    continue;
                }
                if trouble == Trouble::SendsNothing(uid) {
                    write!(to, "* 1 FETCH (UID {uid} BODY[]<0> NIL)\r\n{tag} OK done\r\n").ok()?;
                    continue;
                }
                if let Some(place) = shared.messages.iter().position(|one| one.uid == uid) {
                    let bytes = &shared.messages[place].bytes;
                    let most = if trouble == Trouble::Unbounded { usize::MAX } else { 10 << 20 };
                    let bytes = &bytes[..bytes.len().min(most)];
                    let length = if trouble == Trouble::Endless { usize::MAX / 2 } else { bytes.len() };
                    write!(to, "* 9999 FETCH (UID 9999 FLAGS ())\r\n").ok()?;
                    write!(to, "* {} FETCH (UID {uid} BODY[]<0> {{{length}}}\r\n", place + 1).ok()?;
                    if trouble == Trouble::Breaks(uid) {
                        to.write_all(&bytes[..bytes.len() / 2]).ok()?;
                        let _ = stream.shutdown(std::net::Shutdown::Both);
                        return None;
                    }
                    to.write_all(bytes).ok()?;
                    write!(to, ")\r\n").ok()?;
                }
                write!(to, "{tag} OK done\r\n").ok()?;
            }
            ["UID", "STORE", ..] if trouble == Trouble::RefusesMarks => write!(to, "{tag} NO not yours\r\n").ok()?,
            ["UID", "STORE", uid, "+FLAGS.SILENT", "(\\Seen)"] => {
                let uid: u32 = uid.parse().ok()?;
                shared.messages.iter_mut().filter(|one| one.uid == uid).for_each(|one| one.seen = true);
                write!(to, "{tag} OK done\r\n").ok()?;
            }
            ["LOGOUT"] => write!(to, "* BYE\r\n{tag} OK\r\n").ok()?,
            _ => write!(to, "{tag} BAD what is `{command}`?\r\n").ok()?,
        }
    }
    Some(())
}
