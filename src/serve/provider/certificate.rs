//! Just enough of a certificate (RFC 5280) to check a signature of SNS: an RSA key, whose it is, and for how long.
//!
//! It was fetched from Amazon by TLS, and that is what it is trusted for: SNS sends no chain that could be followed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};

use crate::model::Instant;

// Tags of DER (X.690), and names of things.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const NAME: u8 = 0x06;
const SHORT_TIME: u8 = 0x17;
const LONG_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const OTHER_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];

/// A certificate that signs.
pub(super) struct Certificate {
    /// As PKCS#1 has it.
    key: Vec<u8>,
    names: Vec<String>,
    from: Instant,
    until: Instant,
}

impl Certificate {
    /// Reads the first certificate of a PEM text; `None` where there is none with an RSA key.
    pub(super) fn read(pem: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(pem).ok()?;
        let rest = text.trim_start().strip_prefix("-----BEGIN CERTIFICATE-----")?;
        let (inside, _) = rest.split_once("-----END CERTIFICATE-----")?;
        let compact: String = inside.split_whitespace().collect();
        let bytes = STANDARD.decode(compact).ok()?;
        let (whole, _) = take(&bytes, SEQUENCE)?;
        let (mut fields, _) = take(whole, SEQUENCE)?;
        if let Some((_, rest)) = take(fields, VERSION) {
            fields = rest;
        }
        let (_, rest) = take(fields, INTEGER)?;
        let (_, rest) = take(rest, SEQUENCE)?;
        let (_issuer, rest) = take(rest, SEQUENCE)?;
        let (validity, rest) = take(rest, SEQUENCE)?;
        let (subject, rest) = take(rest, SEQUENCE)?;
        let (public, rest) = take(rest, SEQUENCE)?;
        let (from, times) = time(validity)?;
        let (until, _) = time(times)?;
        let (algorithm, bits) = take(public, SEQUENCE)?;
        let (bits, _) = take(bits, BITS)?;
        if take(algorithm, NAME)?.0 != RSA {
            return None;
        }
        let key = bits.strip_prefix(&[0])?.to_vec();
        let mut names = common_names(subject);
        names.extend(other_names(rest).unwrap_or_default());
        Some(Self { key, names, from, until })
    }

    pub(super) fn is_valid_at(&self, now: Instant) -> bool {
        (self.from..=self.until).contains(&now)
    }

    /// Says whether one of its names is of some kind.
    pub(super) fn is_of(&self, kind: fn(&str) -> bool) -> bool {
        self.names.iter().any(|name| kind(name))
    }

    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature)
    }

    /// The same with SHA-1, which a topic signs with unless it is told otherwise.
    pub(super) fn has_signed_by_sha1(&self, text: &[u8], signature: &[u8]) -> bool {
        self.verify(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, text, signature)
    }

    fn verify(&self, how: &'static RsaParameters, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(how, &self.key).verify(text, signature).is_ok()
    }
}

/// Takes an element of a tag off the front; returns what is in it, and what comes behind.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = next(bytes)?;
    (found == tag).then_some((content, rest))
}

fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn time(bytes: &[u8]) -> Option<(Instant, &[u8])> {
    let (tag, content, rest) = next(bytes)?;
    let text = std::str::from_utf8(content).ok()?;
    let text = match tag {
        // Two digits of the year: 50 and more are of the last century.
        SHORT_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        LONG_TIME => text.to_owned(),
        _ => return None,
    };
    let at = NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?;
    Some((DateTime::from_naive_utc_and_offset(at, chrono::Utc), rest))
}

fn common_names(subject: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = subject;
    while let Some((set, more)) = take(rest, SET) {
        rest = more;
        let Some((pair, _)) = take(set, SEQUENCE) else { continue };
        let Some((kind, value)) = take(pair, NAME) else { continue };
        if kind == COMMON_NAME
            && let Some((_, text, _)) = next(value)
        {
            names.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    names
}

/// Returns the names of hosts among the extensions.
fn other_names(bytes: &[u8]) -> Option<Vec<String>> {
    let mut rest = bytes;
    let extensions = loop {
        let (tag, content, more) = next(rest)?;
        if tag == EXTENSIONS {
            break content;
        }
        rest = more;
    };
    let (mut rest, _) = take(extensions, SEQUENCE)?;
    let mut names = Vec::new();
    while let Some((extension, more)) = take(rest, SEQUENCE) {
        rest = more;
        let (kind, value) = take(extension, NAME)?;
        if kind != OTHER_NAMES {
            continue;
        }
        // Whether it is critical may stand before it.
        let octets = take(value, OCTETS).or_else(|| take(next(value)?.2, OCTETS))?.0;
        let (mut list, _) = take(octets, SEQUENCE)?;
        while let Some((tag, name, more)) = next(list) {
            if tag == DNS_NAME {
                names.push(String::from_utf8_lossy(name).into_owned());
            }
            list = more;
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../../../tests/it/fixtures/sns/sns.pem");

    #[test]
    fn names_times_and_key_are_read_and_nothing_broken_is() {
        let certificate = Certificate::read(PEM.as_bytes()).unwrap();
        assert_eq!(certificate.names, ["sns.amazonaws.com", "sns.amazonaws.com", "sns.eu-west-1.amazonaws.com"]);
        assert_eq!(certificate.from.to_rfc3339(), "2026-01-01T00:00:00+00:00");
        assert_eq!(certificate.until.to_rfc3339(), "2126-01-01T00:00:00+00:00");
        assert!(
            certificate.is_valid_at(certificate.until)
                && !certificate.is_valid_at(certificate.from - chrono::TimeDelta::seconds(1))
        );
        assert!(!certificate.has_signed(b"text", &[0; 256]));
        let (start, rest) = PEM.split_once("-----\n").unwrap();
        let inside: String = rest.split("-----END").next().unwrap().split_whitespace().collect();
        let bytes = STANDARD.decode(inside).unwrap();
        for end in 0..bytes.len() {
            let cut = format!("{start}-----\n{}\n-----END CERTIFICATE-----", STANDARD.encode(&bytes[..end]));
            assert!(Certificate::read(cut.as_bytes()).is_none(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut turned = bytes.clone();
            turned[at] ^= 0x81;
            // Whatever it is taken for, nothing panics.
            let turned = format!("{start}-----\n{}\n-----END CERTIFICATE-----", STANDARD.encode(&turned));
            let _ = Certificate::read(turned.as_bytes());
        }
    }
}
