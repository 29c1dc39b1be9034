//! Following an SPF record through what it includes, as receivers do (RFC 7208 sections 4 and 5).

use std::net::IpAddr;

use super::macros::{Sender, expand};
use super::record::{Lengths, Mechanism, Qualifier, Record, is_record, share};
use crate::dns::{Dns, NoAnswer};

/// How many terms of a record may ask DNS (section 4.6.4).
pub(super) const MOST_LOOKUPS: u32 = 10;
/// How many of the answers may be empty.
pub(super) const MOST_VOIDS: u32 = 2;
/// Where the counting ends: a record that goes on for so long is broken enough.
const ENOUGH: u32 = 40;
/// How many servers of a domain, or names of an address, are looked at.
const MOST_NAMES: usize = 10;

/// What a receiver comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Of(Qualifier),
    /// Nothing fits, and nothing says what then.
    Undecided,
    /// There is no record.
    Missing,
    /// DNS did not answer.
    Unanswered(NoAnswer),
    /// The record cannot be used, and counts for nothing.
    Broken(String),
}

/// One way through a record, for one address; or for none, which nothing fits, so that every term is seen.
pub(super) struct Walk<'a> {
    dns: &'a dyn Dns,
    sender: &'a Sender,
    address: Option<IpAddr>,
    pub(super) lookups: u32,
    pub(super) voids: u32,
    /// Names that were asked for and hold nothing.
    pub(super) empty: Vec<String>,
    /// The record that lets everyone send.
    pub(super) open: Option<String>,
    pub(super) uses_ptr: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(dns: &'a dyn Dns, sender: &'a Sender, address: Option<IpAddr>) -> Self {
        Self { dns, sender, address, lookups: 0, voids: 0, empty: Vec::new(), open: None, uses_ptr: false }
    }

    /// Follows the record of a domain.
    pub(super) fn check(&mut self, domain: &str) -> Outcome {
        let texts = match self.dns.texts(domain) {
            Ok(texts) => texts,
            Err(no_answer) => return Outcome::Unanswered(no_answer),
        };
        let records: Vec<&String> = texts.iter().filter(|text| is_record(text)).collect();
        let record = match records[..] {
            [] => return Outcome::Missing,
            [record] => Record::read(record),
            _ => Err(format!("`{domain}` has {} SPF records, and may have one", records.len())),
        };
        match record {
            Ok(record) => self.follow(&record, domain).unwrap_or_else(|outcome| outcome),
            Err(what) if what.contains(domain) => Outcome::Broken(what),
            Err(what) => Outcome::Broken(format!("{what} (record of `{domain}`)")),
        }
    }

    fn follow(&mut self, record: &Record, domain: &str) -> Result<Outcome, Outcome> {
        for directive in &record.directives {
            // So wide a network is everyone.
            let is_everyone = matches!(directive.mechanism, Mechanism::All | Mechanism::Network(_, 0));
            let known = self.open.clone();
            let fits = self.fits(&directive.mechanism, domain)?;
            // Whom a term keeps out, it lets in by nothing that it holds or includes.
            if directive.qualifier != Qualifier::Pass {
                self.open = known;
            } else if is_everyone {
                self.open = Some(domain.to_owned());
            }
            if fits {
                return Ok(Outcome::Of(directive.qualifier));
            }
        }
        let Some(redirect) = &record.redirect else { return Ok(Outcome::Undecided) };
        self.count()?;
        let target = self.name(Some(redirect), domain)?;
        match self.check(&target) {
            Outcome::Missing => Err(Outcome::Broken(format!("`redirect={target}` leads to no SPF record"))),
            outcome => Ok(outcome),
        }
    }

    fn fits(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, Outcome> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Network(network, length) => {
                Ok(self.address.is_some_and(|address| share(address, *network, *length)))
            }
            Mechanism::Include(name) => {
                self.count()?;
                let name = self.name(Some(name), domain)?;
                match self.check(&name) {
                    Outcome::Of(Qualifier::Pass) => Ok(true),
                    Outcome::Of(_) | Outcome::Undecided => Ok(false),
                    Outcome::Missing => Err(Outcome::Broken(format!("`include:{name}` leads to no SPF record"))),
                    outcome => Err(outcome),
                }
            }
            Mechanism::A(name, lengths) => {
                self.count()?;
                let name = self.name(name.as_ref(), domain)?;
                let addresses = self.ask(&name, |dns, name| dns.addresses(name))?;
                Ok(self.is_among(&addresses, *lengths))
            }
            Mechanism::Mx(name, lengths) => {
                self.count()?;
                let name = self.name(name.as_ref(), domain)?;
                let servers = self.ask(&name, |dns, name| dns.exchanges(name))?;
                if servers.len() > MOST_NAMES {
                    return Err(Outcome::Broken(format!("`mx:{name}` has more than {MOST_NAMES} servers")));
                }
                let mut fits = false;
                for server in servers.iter().filter(|_| self.address.is_some()) {
                    let addresses = self.dns.addresses(server).map_err(Outcome::Unanswered)?;
                    fits |= self.is_among(&addresses, *lengths);
                }
                Ok(fits)
            }
            Mechanism::Ptr(name) => {
                self.uses_ptr = true;
                self.count()?;
                let name = self.name(name.as_ref(), domain)?;
                // A fault on the way means that it does not fit (section 5.5).
                Ok(self.address.is_some_and(|address| self.is_named(address, &name)))
            }
            Mechanism::Exists(name) => {
                self.count()?;
                let Some(_) = self.address else { return Ok(false) };
                let name = self.name(Some(name), domain)?;
                let addresses = self.ask(&name, |dns, name| dns.addresses(name))?;
                Ok(addresses.iter().any(IpAddr::is_ipv4))
            }
        }
    }

    fn count(&mut self) -> Result<(), Outcome> {
        self.lookups += 1;
        let most = if self.address.is_some() { MOST_LOOKUPS } else { ENOUGH };
        if self.lookups > most { Err(Outcome::Broken(too_many(self.lookups))) } else { Ok(()) }
    }

    fn name(&self, name: Option<&String>, domain: &str) -> Result<String, Outcome> {
        let Some(name) = name else { return Ok(domain.to_owned()) };
        // Which address it is does not matter where none is looked for.
        let address = self.address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        let expanded = expand(name, self.sender, domain, address);
        let expanded = expanded.ok_or_else(|| Outcome::Broken(format!("`{name}` holds no valid macro")))?;
        Ok(expanded.trim_end_matches('.').to_owned())
    }

    fn ask<T>(
        &mut self,
        name: &str,
        question: impl Fn(&dyn Dns, &str) -> Result<Vec<T>, NoAnswer>,
    ) -> Result<Vec<T>, Outcome> {
        let found = question(self.dns, name).map_err(Outcome::Unanswered)?;
        if found.is_empty() {
            self.voids += 1;
            self.empty.push(name.to_owned());
            if self.address.is_some() && self.voids > MOST_VOIDS {
                return Err(Outcome::Broken(void(&self.empty)));
            }
        }
        Ok(found)
    }

    fn is_among(&self, addresses: &[IpAddr], lengths: Lengths) -> bool {
        let Some(address) = self.address else { return false };
        let length = if address.is_ipv4() { lengths.v4 } else { lengths.v6 };
        addresses.iter().any(|known| share(address, *known, length))
    }

    fn is_named(&self, address: IpAddr, domain: &str) -> bool {
        let names = self.dns.names(address).unwrap_or_default();
        names.iter().take(MOST_NAMES).any(|name| {
            let below = name == domain || name.ends_with(&format!(".{domain}"));
            below && self.dns.addresses(name).is_ok_and(|addresses| addresses.contains(&address))
        })
    }
}

pub(super) fn too_many(lookups: u32) -> String {
    format!("it takes {lookups} questions to DNS and may take {MOST_LOOKUPS}, so receivers leave it aside")
}

pub(super) fn void(empty: &[String]) -> String {
    format!("it asks for {}, where nothing is, and receivers bear two of that", empty.join(", "))
}
