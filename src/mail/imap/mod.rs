//! A mailbox on another machine, read by IMAP (RFC 9051, and RFC 3501 where a server is older).
//!
//! Four commands are all that drip needs of it: which messages nobody has seen, the bytes of one, that it is seen now, and
//! good-bye. Nothing is ever deleted or moved. The protocol stands here on drip's own wire, which bounds every wait; the crates
//! for it bring an async runtime of their own, or have been alphas for years.
//!
//! A message is named by its UID within one session alone, so that a change of UIDVALIDITY between two calls means nothing:
//! what was dealt with is known by the flag `\Seen`, and by its hash where that was lost.

mod answer;
mod login;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::transport::wire::{Lost, Wire};
use super::transport::{client_config, server_name};
use crate::model::settings::{Imap, Security};

use answer::{Answer, Piece, text_of};

/// A message is read up to here.
const LONGEST: usize = 10 * 1024 * 1024;
/// Servers that know no bounds send all of a message; more than this no server takes in.
const MOST_PASSED_OVER: usize = 256 * 1024 * 1024;
/// So many messages are looked through with one question, whose answer then is a line of bounded length.
const BATCH: u32 = 1000;
/// Answers to one command beyond these make no sense.
const MOST_ANSWERS: usize = 100_000;
const WAIT: Duration = Duration::from_secs(60);
const WAIT_FOR_CONTENT: Duration = Duration::from_secs(300);

/// Why a mailbox cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ImapError {
    pub message: String,
    pub hint: &'static str,
}

impl ImapError {
    fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self { message: message.into(), hint }
    }
}

/// What became of the wish to have one message.
#[derive(Debug)]
pub enum Fetched {
    Message(Vec<u8>),
    /// Another program took it.
    Gone,
    /// The server has it and does not give it; the next may be had all the same.
    Kept(ImapError),
}

/// An open mailbox.
pub struct Mailbox {
    wire: Wire,
    place: String,
    /// Of the last command.
    number: u32,
    messages: u32,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Connects, logs in and opens the mailbox; `password` is the one of the settings, or the access token.
    pub fn open(settings: &Imap, password: &str) -> Result<Self, ImapError> {
        let Imap { host, port, security, .. } = settings;
        let place = format!("{host}:{port}");
        let wire = Wire::connect(host, *port, WAIT, &Arc::default()).map_err(|lost| {
            ImapError::new(
                format!("cannot connect to {place}: {}", words(&lost)),
                "check host and port of the IMAP URL",
            )
        })?;
        let mut mailbox = Self { wire, place, number: 0, messages: 0 };
        if *security == Security::Implicit {
            mailbox = mailbox.secure(host)?;
        }
        let greeting = mailbox.answer()?;
        if !greeting.is("OK") && !greeting.is("PREAUTH") {
            return Err(mailbox.refused("takes nobody now", &greeting.text(), "try again later"));
        }
        if *security == Security::StartTls {
            // What was said in the clear, a greeting as `PREAUTH` among it, counts for nothing (RFC 9051 section 6.2.1).
            mailbox.command("STARTTLS", "offers no TLS, so nothing was said to it", "write imaps://")?;
            mailbox = mailbox.secure(host)?;
        }
        if !greeting.is("PREAUTH") || *security == Security::StartTls {
            login::log_in(&mut mailbox, &settings.login, password)?;
        }
        mailbox.select(&settings.mailbox)?;
        Ok(mailbox)
    }

    /// Returns the messages that nobody has seen, the oldest first.
    pub fn unseen(&mut self) -> Result<Vec<u32>, ImapError> {
        let mut found = BTreeSet::new();
        let mut last = self.messages;
        // From the end: where another program takes messages out meanwhile, those behind them move to lower numbers.
        while last > 0 {
            let first = last.saturating_sub(BATCH - 1).max(1);
            let answers = self.command(&format!("UID SEARCH {first}:{last} UNSEEN UNDELETED"), "cannot search", "")?;
            for answer in answers.iter().filter(|answer| answer.is("SEARCH")) {
                found.extend(answer.text().split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
            }
            last = first - 1;
        }
        Ok(found.into_iter().collect())
    }

    /// Returns a message, or its start where it is very long.
    pub fn fetch(&mut self, uid: u32) -> Result<Fetched, ImapError> {
        let tag = self.say(&format!("UID FETCH {uid} (UID BODY.PEEK[]<0.{LONGEST}>)"))?;
        let answers = self.answers(&tag)?;
        let kept =
            |said: &str| self.refused(&format!("does not hand message {uid} over"), said, "the others were read");
        match answers.last() {
            Some(verdict) if verdict.is("OK") => {}
            verdict => return Ok(Fetched::Kept(kept(&verdict.map(Answer::text).unwrap_or_default()))),
        }
        let is_spoken_of = answers.iter().any(|answer| answer.speaks_of(uid));
        let body = answers.into_iter().find_map(|answer| answer.body_of(uid));
        Ok(match body {
            Some(bytes) => Fetched::Message(bytes),
            None if is_spoken_of => Fetched::Kept(kept("it says that all is well, and sends nothing")),
            None => Fetched::Gone,
        })
    }

    /// Notes that a message was dealt with.
    pub fn mark(&mut self, uid: u32) -> Result<(), ImapError> {
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
        self.command(&command, "does not let a message be marked as read", "drip needs the right to set \\Seen")?;
        Ok(())
    }

    /// Takes leave.
    pub fn close(mut self) {
        // Whatever it says to that.
        let _ = self.command("LOGOUT", "", "");
    }

    fn select(&mut self, name: &str) -> Result<(), ImapError> {
        let quoted = quoted(name).ok_or_else(|| {
            ImapError::new(format!("`{name}` is no name of a mailbox"), "write it in ASCII, as the server does (UTF-7)")
        })?;
        let answers = self.command(
            &format!("SELECT {quoted}"),
            &format!("has no mailbox `{name}` for this user"),
            "write the mailbox behind the host: imaps://user@host/INBOX",
        )?;
        if answers.last().is_some_and(|last| last.text().to_ascii_uppercase().contains("[READ-ONLY]")) {
            let hint = "without the right to mark messages as read drip would read them for ever";
            return Err(ImapError::new(format!("`{name}` on {} is for reading alone", self.place), hint));
        }
        self.messages = answers.iter().filter_map(Answer::exists).next_back().unwrap_or_default();
        Ok(())
    }

    fn secure(mut self, host: &str) -> Result<Self, ImapError> {
        let no_tls = |why: &dyn fmt::Display, hint| {
            ImapError::new(format!("no safe connection to {}, so nothing was said to it: {why}", self.place), hint)
        };
        let config = client_config(None).map_err(|error| no_tls(&error, "install the package `ca-certificates`"))?;
        let name = server_name(host).map_err(|error| no_tls(&error, "check the host of the IMAP URL"))?;
        let secured = self.wire.secure(Arc::new(config), name, WAIT);
        self.wire = secured.map_err(|lost| match &lost {
            Lost::Distrusted(distrust) => no_tls(&words(&lost), distrust.hint),
            _ => no_tls(&words(&lost), "993 speaks TLS from the start (imaps://), 143 does not (imap://)"),
        })?;
        Ok(self)
    }

    /// Says a command and returns all that was answered, the verdict last.
    fn command(&mut self, command: &str, failed: &str, hint: &'static str) -> Result<Vec<Answer>, ImapError> {
        let tag = self.say(command)?;
        let answers = self.answers(&tag)?;
        match answers.last() {
            Some(verdict) if verdict.is("OK") => Ok(answers),
            verdict => Err(self.refused(failed, &verdict.map(Answer::text).unwrap_or_default(), hint)),
        }
    }

    fn say(&mut self, command: &str) -> Result<String, ImapError> {
        self.number += 1;
        let tag = format!("d{}", self.number);
        self.wire.write(format!("{tag} {command}\r\n").as_bytes(), WAIT).map_err(|lost| self.lost(&lost))?;
        Ok(tag)
    }

    /// Reads up to the verdict on a command, or to where the server waits for more of it.
    fn answers(&mut self, tag: &str) -> Result<Vec<Answer>, ImapError> {
        let mut answers = Vec::new();
        loop {
            let answer = self.answer()?;
            if answer.is_bye() && !answers.is_empty() || answers.len() > MOST_ANSWERS {
                return Err(self.refused("hangs up", &answer.text(), "try again later"));
            }
            let ends = answer.tag == tag || answer.tag == "+";
            answers.push(answer);
            if ends {
                return Ok(answers);
            }
        }
    }

    fn answer(&mut self) -> Result<Answer, ImapError> {
        let (mut pieces, mut total) = (Vec::new(), 0);
        loop {
            let line = self.wire.text(WAIT).map_err(|lost| self.lost(&lost))?;
            let literal = answer::literal(&line);
            let read = literal.map(|length| length.min(LONGEST));
            let passed = literal.unwrap_or_default() - read.unwrap_or_default();
            total += line.len() + read.unwrap_or_default();
            if total > LONGEST + (64 << 10) || passed > MOST_PASSED_OVER {
                return Err(self.refused("says more than it was asked for", "", ""));
            }
            pieces.push(Piece::Text(text_of(&line)));
            let Some(length) = read else { return Ok(Answer::new(pieces)) };
            let bytes = self.wire.bytes(length, WAIT_FOR_CONTENT).map_err(|lost| self.lost(&lost))?;
            let mut left = passed;
            while left > 0 {
                let piece = left.min(LONGEST);
                self.wire.bytes(piece, WAIT_FOR_CONTENT).map_err(|lost| self.lost(&lost))?;
                left -= piece;
            }
            pieces.push(Piece::Literal(bytes));
        }
    }

    fn lost(&self, lost: &Lost) -> ImapError {
        let hint = "993 speaks TLS from the start (imaps://), 143 does not (imap://)";
        ImapError::new(format!("no IMAP dialogue with {}: {}", self.place, words(lost)), hint)
    }

    fn refused(&self, what: &str, said: &str, hint: &'static str) -> ImapError {
        let said: String = said.chars().filter(|c| !c.is_control()).take(300).collect();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        ImapError::new(format!("{} {what}{said}", self.place), hint)
    }
}

/// Returns what was lost in words for whoever reads mail: the same connection takes mail to a relay elsewhere.
fn words(lost: &Lost) -> String {
    lost.to_string().replace("the relay", "the server")
}

/// Returns a text as a quoted string; `None` where it cannot be one.
fn quoted(text: &str) -> Option<String> {
    let may_be = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    may_be.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
