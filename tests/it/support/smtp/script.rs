//! What a scripted server does, and when.

use std::path::PathBuf;
use std::time::Duration;

/// A moment at which the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// The server's part of a TLS handshake.
    Handshake,
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
pub(super) enum Action {
    /// Bytes to send, piece by piece with a pause between.
    Say(Vec<Vec<u8>>, Duration),
    /// The same past TLS, onto the bare wire.
    SayBelow(Vec<Vec<u8>>, Duration),
    SayAndClose(String),
    Close,
    /// Waits, then goes on as if nothing had been.
    Stall(Duration),
    /// Hangs up when so many bytes of a content have come.
    CloseAfter(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) verb: Verb,
    pub(super) contains: String,
    pub(super) connection: Option<usize>,
    pub(super) mail: Option<usize>,
    pub(super) times: usize,
    pub(super) action: Action,
}

/// What the server offers, and where it departs from taking every mail.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(super) extensions: Vec<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) implicit_tls: bool,
    pub(super) dump: Option<PathBuf>,
    pub(super) keeps_wire: bool,
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

    /// Begins a TLS record, and sends a byte of it now and then.
    pub(crate) fn begin_record(self, pause: Duration) -> Script {
        // A handshake's, of TLS 1.2, which may have 16 kB.
        let record = [&[0x16, 3, 3, 0x3f, 0xff][..], &[0; 0x3fff]].concat();
        self.then(Action::SayBelow(record.into_iter().map(|byte| vec![byte]).collect(), pause))
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
