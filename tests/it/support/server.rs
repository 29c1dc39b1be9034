//! `drip serve` over a socket, and the way to it that stands in a mail.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Sandbox, eml};

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    port: u16,
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &[])
    }

    pub(crate) fn start_with(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Self {
        Self::start_by(&mut sandbox.command(&["serve", "--listen", "127.0.0.1:0"]), variables)
    }

    /// Starts a server for which the time stands still.
    pub(crate) fn start_at(sandbox: &Sandbox, now: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_by(&mut sandbox.command(&["--now", now, "serve", "--listen", "127.0.0.1:0"]), variables)
    }

    fn start_by(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut child =
            command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).map(str::parse);
        let port = port.unwrap_or_else(|| panic!("no address in {line:?}")).unwrap();
        Self { child, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes as they are, and returns everything that comes back.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The same of a server that may be gone.
    pub(crate) fn try_raw(&self, bytes: &[u8]) -> String {
        let mut answer = Vec::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer));
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", method, path, body)
    }

    pub(crate) fn ask_as(&self, agent: &str, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let text = self.raw(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: {agent}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
        Answer::read(&text)
    }

    /// Sends a request with lines of its own in its head.
    pub(crate) fn send(&self, method: &str, path: &str, head: &[(&str, &str)], body: &str) -> Answer {
        let head = head.iter().fold(String::new(), |text, (name, value)| text + &format!("{name}: {value}\r\n"));
        let length = body.len();
        Answer::read(&self.raw(
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}")
                .as_bytes(),
        ))
    }

    /// Asks it to stop as a service manager does, and returns its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").arg(id).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Answer {
    pub(crate) code: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { code, head: head.to_lowercase(), body: body.to_owned() }
    }
}

pub(crate) fn path_of(mail: &[u8]) -> String {
    let header = header(mail, "list-unsubscribe");
    let url = header.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned();
    url.strip_prefix("http://localhost").unwrap_or_else(|| panic!("{header}")).to_owned()
}

pub(crate) fn header(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    eml::header(text.split("\n\n").next().unwrap(), name)
}
