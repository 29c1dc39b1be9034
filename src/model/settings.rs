//! `drip.yaml`: who sends, from where, when.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::address::Address;
use super::delay::Span;
use super::terms::Terms;
use super::window::Window;

/// The settings of a project, checked, with every default filled in.
#[derive(Debug, Clone)]
pub struct Settings {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
    /// Stands in every mail, as the law of many countries asks (CAN-SPAM, 15 U.S.C. 7704(a)(5)).
    pub postal_address: String,
    /// For contacts without one; `en` when the file has none.
    pub language: String,
    /// For contacts without one; UTC when the file has none.
    pub timezone: Tz,
    /// For campaigns and steps without their own.
    pub window: Window,
    /// All of them hold; none switches it off.
    pub frequency_caps: Vec<FrequencyCap>,
    /// Who else may send, by name.
    pub senders: BTreeMap<String, Sender>,
    /// The most mails a day while a new domain or address earns its name.
    pub warm_up: Option<WarmUp>,
    pub dkim: Option<Dkim>,
    /// Where bounces go: each mail has its own variant of it as its envelope sender.
    pub bounce_address: Option<Address>,
    /// So many mails in a row that came back for now, and the address counts as dead; 0: never.
    pub soft_bounces: u32,
    /// Added to the links of every mail.
    pub utm: Vec<(String, String)>,
    pub give_up: GiveUp,
    /// Absent: nothing leads to `drip serve`, and readers unsubscribe by mail.
    pub web: Option<Web>,
    /// Absent: mail goes to the outbox.
    pub smtp: Option<Smtp>,
    /// What readers choose from on the page of preferences, by id, in the order of the file; without any they choose among campaigns.
    pub topics: Vec<(String, Topic)>,
    /// Whose relay it is, where that tells by web what becomes of mails.
    pub provider: Option<Provider>,
    /// Where mail comes in, for `drip inbound --imap`.
    pub imap: ImapLogin,
    pub terms: Terms,
}

/// How readers reach `drip serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where links in mails lead, without a slash at its end.
    pub public_url: String,
    /// Where the server listens, behind a proxy that speaks TLS.
    pub listen: SocketAddr,
    /// Whether the links of mails lead by way of it.
    pub clicks: bool,
    /// Whether a picture in each mail tells that it was opened.
    pub opens: bool,
    /// Web sites, as `https://shop.example`, that may tell which of their pages a reader looks at who came by a link.
    pub pages: Vec<String>,
}

/// A mail provider whose reports `drip serve` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Amazon SES, which tells by way of SNS.
    Ses {
        /// The topics of SNS that are believed.
        topics: Vec<String>,
        configuration_set: Option<String>,
    },
    Postmark,
    Mailgun,
    SendGrid,
    Brevo,
}

/// What readers call the mails of one or more campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// For readers of a language that has no name of its own here.
    pub name: String,
    /// By language.
    pub names: BTreeMap<String, String>,
}

impl Topic {
    /// Returns what readers of a language call it.
    pub fn name(&self, language: &str) -> &str {
        let plain = language.split('-').next().unwrap_or(language);
        self.names.get(language).or_else(|| self.names.get(plain)).unwrap_or(&self.name)
    }
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: Address,
}

/// Another sender than `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub from: Mailbox,
    /// `None`: answers go to `from`.
    pub reply_to: Option<Mailbox>,
}

/// A daily ceiling that grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    /// Mails on the first day.
    pub first_day: u32,
    /// How much more each day, in hundredths.
    pub growth: u32,
    /// The day that was the first; `None`: the day of the first mail.
    pub since: Option<NaiveDate>,
    /// From here on there is no ceiling.
    pub until: u32,
}

impl WarmUp {
    /// Returns the ceiling of a day, counted from 0; `None` when the warm-up is over.
    pub fn ceiling(&self, day: u32) -> Option<u32> {
        let mut ceiling = u64::from(self.first_day);
        for _ in 0..day {
            if ceiling >= u64::from(self.until) {
                break;
            }
            // At least one more: 30 % of 2 is not nothing.
            ceiling += (ceiling * u64::from(self.growth) / 100).max(1);
        }
        u32::try_from(ceiling).ok().filter(|ceiling| *ceiling < self.until)
    }
}

/// How mails are signed (RFC 6376).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dkim {
    /// The domain whose DNS holds the public key.
    pub domain: String,
    pub selector: String,
    /// The file of the private key, in PEM.
    pub key_file: PathBuf,
}

/// The most campaign mails a contact gets in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrequencyCap {
    pub mails: u32,
    /// Local days of the contact that are counted together, today included: 1 or 7.
    pub days: u32,
}

impl Default for FrequencyCap {
    fn default() -> Self {
        Self { mails: 1, days: 1 }
    }
}

/// When a mail that is put off again and again is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// So long after it was first tried.
    After(Span),
    /// After so many attempts.
    Attempts(u32),
}

impl Default for GiveUp {
    /// Returns three days: RFC 5321 section 4.5.4.1 asks for four or five, but a mail of a sequence is stale by then.
    fn default() -> Self {
        Self::After(Span { days: 3, seconds: 0 })
    }
}

impl GiveUp {
    /// Returns why a mail is given up after so many attempts, the first of them so long ago; `None`: not yet.
    pub fn reached(self, attempts: u32, age: TimeDelta) -> Option<String> {
        match self {
            Self::After(span) => (age >= span.elapsed()).then(|| format!("given up after {span}")),
            Self::Attempts(limit) => (attempts >= limit).then(|| format!("given up after {attempts} attempts")),
        }
    }
}

/// The longest local part of a `bounce_address`: behind it go `+`, the number of a mail, a dot and its proof, and no local
/// part has more than 64 characters (RFC 5321, 4.5.3.1.1).
pub const LONGEST_BOUNCE_NAME: usize = 30;

/// The relay that takes the mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// Connections used at once.
    pub connections: usize,
    /// All of them hold.
    pub rates: Vec<Rate>,
}

/// The most mails in a time, over all campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub mails: u32,
    /// 1, 60, 3600 or 86,400.
    pub seconds: u32,
}

/// What the settings say of mailboxes.
#[derive(Debug, Clone, Default)]
pub struct ImapLogin {
    pub mailbox: Option<Imap>,
    /// Prints the password of whichever mailbox is read.
    pub command: Option<String>,
    pub is_token: bool,
}

/// A mailbox that `drip inbound` reads.
#[derive(Debug, Clone)]
pub struct Imap {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Login,
    pub mailbox: String,
}

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS (RFC 3207), and nothing is sent without it.
    StartTls,
    /// In the clear: to this machine, or because the URL says `tls=none`.
    None,
}

/// A user name and how its password is known; never printed.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: Password,
    /// Whether the password is an access token (XOAUTH2).
    pub is_token: bool,
}

/// A password, or where it comes from.
#[derive(Clone)]
pub enum Password {
    Known(String),
    /// The first line that this shell command prints.
    Command(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}
