//! `drip.yaml`: who sends, from where, when.

use std::collections::BTreeMap;
use std::fmt;

use chrono_tz::Tz;

use super::address::Address;
use super::condition::Condition;
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
    /// `None` switches it off.
    pub frequency_cap: Option<FrequencyCap>,
    /// Absent: mail goes to the outbox.
    pub smtp: Option<Smtp>,
    /// Named conditions, for `in_segment(name)`.
    pub segments: BTreeMap<String, Condition>,
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: Address,
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

/// The relay that takes the mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// Connections used at once.
    pub connections: usize,
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

/// A user name and password; never printed.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}
