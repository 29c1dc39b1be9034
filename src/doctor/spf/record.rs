//! An SPF record as it is written (RFC 7208 section 4.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What follows where a mechanism fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) qualifier: Qualifier,
    pub(super) mechanism: Mechanism,
}

/// What a sender's address is compared with. A domain may hold macros; none means the domain of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(String),
    A(Option<String>, Lengths),
    Mx(Option<String>, Lengths),
    Ptr(Option<String>),
    Network(IpAddr, u8),
    Exists(String),
}

/// How many bits of an address count, of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) directives: Vec<Directive>,
    pub(super) redirect: Option<String>,
}

/// Says whether a text is an SPF record at all.
pub(super) fn is_record(text: &str) -> bool {
    let Some((version, rest)) = text.split_at_checked(6) else { return false };
    version.eq_ignore_ascii_case("v=spf1") && (rest.is_empty() || rest.starts_with(' '))
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// Returns the term that is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut record = Self::default();
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            let wrong = || format!("`{term}` is no term of SPF");
            let name_end = term.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+?~".contains(c)));
            if let Some(end) = name_end.filter(|end| term[*end..].starts_with('=')) {
                let (name, value) = (&term[..end], &term[end + 1..]);
                if name.eq_ignore_ascii_case("redirect") {
                    if record.redirect.is_some() {
                        return Err(wrong());
                    }
                    record.redirect = Some(domain(value).ok_or_else(wrong)?);
                }
                // `exp`, and what later versions may bring, say nothing of who sends.
                continue;
            }
            record.directives.push(directive(term).ok_or_else(wrong)?);
        }
        Ok(record)
    }
}

fn directive(term: &str) -> Option<Directive> {
    let (qualifier, term) = match term.chars().next()? {
        '+' => (Qualifier::Pass, &term[1..]),
        '-' => (Qualifier::Fail, &term[1..]),
        '~' => (Qualifier::SoftFail, &term[1..]),
        '?' => (Qualifier::Neutral, &term[1..]),
        _ => (Qualifier::Pass, term),
    };
    let end = term.find([':', '/']).unwrap_or(term.len());
    let (name, rest) = term.split_at(end);
    let value = rest.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(domain(value?)?),
        "exists" => Mechanism::Exists(domain(value?)?),
        "ptr" if rest.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(domain(value?)?)),
        "a" => {
            let (domain, lengths) = with_lengths(rest)?;
            Mechanism::A(domain, lengths)
        }
        "mx" => {
            let (domain, lengths) = with_lengths(rest)?;
            Mechanism::Mx(domain, lengths)
        }
        "ip4" => network::<Ipv4Addr>(value?, 32)?,
        "ip6" => network::<Ipv6Addr>(value?, 128)?,
        _ => return None,
    };
    Some(Directive { qualifier, mechanism })
}

fn domain(text: &str) -> Option<String> {
    (!text.is_empty() && text.is_ascii()).then(|| text.to_owned())
}

fn network<A: std::str::FromStr + Into<IpAddr>>(text: &str, longest: u8) -> Option<Mechanism> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, bits(length, longest)?),
        None => (text, longest),
    };
    Some(Mechanism::Network(address.parse::<A>().ok()?.into(), length))
}

/// Reads `:domain/24//64`, each part of which may be missing.
fn with_lengths(rest: &str) -> Option<(Option<String>, Lengths)> {
    // A macro may hold a slash of its own.
    let after_macros = rest.rfind('}').map_or(0, |at| at + 1);
    let slash = rest[after_macros..].find('/').map_or(rest.len(), |at| at + after_macros);
    let (name, lengths) = rest.split_at(slash);
    let name = match name.strip_prefix(':') {
        Some(name) => Some(domain(name)?),
        None if name.is_empty() => None,
        None => return None,
    };
    let (v4, v6) = lengths.split_once("//").unwrap_or((lengths, ""));
    let v4 = match v4.strip_prefix('/') {
        Some(length) => bits(length, 32)?,
        None if v4.is_empty() => 32,
        None => return None,
    };
    let v6 = if lengths.contains("//") { bits(v6, 128)? } else { 128 };
    Some((name, Lengths { v4, v6 }))
}

fn bits(text: &str, longest: u8) -> Option<u8> {
    text.parse().ok().filter(|bits| *bits <= longest)
}

/// Says whether two addresses are of one kind and share so many bits.
pub(super) fn share(one: IpAddr, other: IpAddr, length: u8) -> bool {
    let (one, other, all) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let dropped = all - u32::from(length).min(all);
    (one ^ other).checked_shr(dropped).unwrap_or(0) == 0
}
