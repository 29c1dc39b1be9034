//! Macros in the domains of SPF terms (RFC 7208 section 7).

use std::net::IpAddr;

/// Whom a record is asked about.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Before the `@` of the envelope sender.
    pub local: String,
    /// Behind it, in ASCII.
    pub domain: String,
}

/// Returns a domain with its macros filled in; `None` where one is not written right.
pub(super) fn expand(text: &str, sender: &Sender, domain: &str, address: IpAddr) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out += &rest[..at];
        let kind = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + kind.len_utf8()..];
        match kind {
            '%' => out.push('%'),
            '_' => out.push(' '),
            '-' => out += "%20",
            '{' => {
                let (inner, after) = rest.split_once('}')?;
                out += &value(inner, sender, domain, address)?;
                rest = after;
            }
            _ => return None,
        }
    }
    out += rest;
    // A name that grew too long loses labels at its front.
    while out.len() > 253 {
        out = out.split_once('.')?.1.to_owned();
    }
    Some(out)
}

/// Reads the inside of `%{ir.-}`: a letter, how many parts are kept, whether they are turned round, where they are cut.
fn value(inner: &str, sender: &Sender, domain: &str, address: IpAddr) -> Option<String> {
    let letter = inner.chars().next()?.to_ascii_lowercase();
    let whole = match letter {
        's' => format!("{}@{}", sender.local, sender.domain),
        'l' => sender.local.clone(),
        'o' => sender.domain.clone(),
        // What the sending machine says of itself (`h`) is the relay's affair.
        'd' | 'h' => domain.to_owned(),
        'i' => dotted(address),
        'v' => if address.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
        'p' => "unknown".to_owned(),
        _ => return None,
    };
    let rest = &inner[1..];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let kept = if digits == 0 { usize::MAX } else { rest[..digits].parse().ok().filter(|kept| *kept > 0)? };
    let rest = &rest[digits..];
    let (turned, cuts) = match rest.strip_prefix(['r', 'R']) {
        Some(cuts) => (true, cuts),
        None => (false, rest),
    };
    if !cuts.chars().all(|c| ".-+,/_=".contains(c)) {
        return None;
    }
    let cuts = if cuts.is_empty() { "." } else { cuts };
    let mut parts: Vec<&str> = whole.split(|c| cuts.contains(c)).collect();
    if turned {
        parts.reverse();
    }
    Some(parts[parts.len().saturating_sub(kept)..].join("."))
}

/// Writes an address in parts: an IPv6 one has a part for each of its hexadecimal digits.
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let digits: Vec<String> = format!("{:032x}", address.to_bits()).chars().map(String::from).collect();
            digits.join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_that_begins_no_macro_is_told_of_whatever_it_is() {
        let sender = Sender { local: "lan".to_owned(), domain: "acme.example".to_owned() };
        let filled = |text| expand(text, &sender, "acme.example", IpAddr::from([192, 0, 2, 7]));
        for wrong in ["%", "%é.example", "x.%漢", "%{é}.example", "%{d", "%{d0}", "%{dé}"] {
            assert_eq!(filled(wrong), None, "{wrong}");
        }
        assert_eq!(filled("%%.%{d1}.%{l}%-é").as_deref(), Some("%.example.lan%20é"));
    }
}
