//! One connection to the server: what is said, and what the script has it do instead.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};

use super::script::Action;
use super::{Mail, Shared, Verb};

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

pub(super) struct Peer<'a> {
    pub(super) stream: Stream,
    pub(super) buffer: Vec<u8>,
    pub(super) record: Option<(&'a Shared, usize)>,
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

    fn tcp(&mut self) -> &mut TcpStream {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &mut tls.sock,
        }
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }
}

pub(super) struct Dialogue<'a> {
    pub(super) shared: &'a Shared,
    pub(super) peer: Peer<'a>,
    pub(super) number: usize,
    /// The mail that this connection is at; another one's may have begun since.
    pub(super) mail: usize,
}

impl Dialogue<'_> {
    pub(super) fn run(mut self) -> io::Result<()> {
        let implicit = self.shared.script.lock().unwrap().implicit_tls;
        if implicit {
            self.secure()?;
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
                        self.secure()?;
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
            Some(Action::SayBelow(pieces, pause)) => {
                for piece in &pieces {
                    self.peer.tcp().write_all(piece)?;
                    self.wait(pause)?;
                }
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

    fn secure(&mut self) -> io::Result<()> {
        if let Some(action) = self.take(Verb::Handshake, "") {
            // Whoever speaks before the other side has begun says it in the clear, behind the answer to STARTTLS.
            self.peer.tcp().peek(&mut [0])?;
            self.act(Some(action), "")?;
        }
        let config = self.shared.tls.clone().expect("a script that offers STARTTLS names a certificate");
        let tls = ServerConnection::new(config).expect("a server's side");
        if let Stream::Plain(tcp) = &self.peer.stream {
            let tcp = tcp.try_clone().expect("the same socket");
            self.peer.stream = Stream::Tls(Box::new(StreamOwned::new(tls, tcp)));
        }
        Ok(())
    }
}
