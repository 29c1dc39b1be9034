//! DKIM signatures (RFC 6376): relaxed/relaxed, RSA-SHA256 or Ed25519-SHA256 (RFC 8463).
//!
//! Signs the bytes that leave. `From` is signed once more than it stands there, so that nobody can add
//! a second one to a signed mail (RFC 6376 section 8.15); no length of the body is given.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use crate::model::Instant;
use crate::model::settings::Dkim;

/// What is signed where it is there; RFC 8058 asks for the headers to unsubscribe by.
const HEADERS: [&str; 15] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "feedback-id",
    "auto-submitted",
    "sender",
];

/// A private key and what stands beside it in the signature.
pub struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// The half of a key that DNS shows to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// The modulus and the exponent, as an `RSAPublicKey` of PKCS #1 in DER.
    Rsa(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Returns what stands behind `k=`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa",
            Self::Ed25519(_) => "ed25519",
        }
    }

    /// Returns the bytes behind `p=`: of RSA a `SubjectPublicKeyInfo` (RFC 6376 section 3.6.1), of Ed25519 the key alone.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                // The algorithm rsaEncryption, and behind it the key as a string of bits of which none is left over.
                const ALGORITHM: [u8; 15] =
                    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
                let bits = der(0x03, &[&[0], key.as_slice()].concat());
                der(0x30, &[&ALGORITHM[..], &bits].concat())
            }
            Self::Ed25519(key) => key.clone(),
        }
    }

    /// Returns the record that shows it.
    pub fn record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.kind(), STANDARD.encode(self.bytes()))
    }
}

/// Writes one value of DER: its kind, its length, itself.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = value.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    match (length, u8::try_from(value.len())) {
        (_, Ok(short @ 0..=0x7f)) => out.push(short),
        (length, _) => {
            out.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            out.extend(length);
        }
    }
    out.extend(value);
    out
}

/// Why a key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the file holds no private key in PEM")]
    Pem,
    #[error("the key is neither RSA of at least 2048 bits nor Ed25519")]
    Kind,
}

impl Signer {
    /// Takes the key of a PEM file.
    pub fn new(settings: &Dkim, pem: &[u8]) -> Result<Self, KeyError> {
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)? {
            PrivateKeyDer::Pkcs1(der) => Key::Rsa(Box::new(rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()))?)),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(pair) => Key::Ed25519(pair),
                    Err(_) => Key::Rsa(Box::new(rsa(RsaKeyPair::from_pkcs8(der))?)),
                }
            }
            _ => return Err(KeyError::Kind),
        };
        Ok(Self { domain: settings.domain.clone(), selector: settings.selector.clone(), key })
    }

    /// Returns the half of the key that belongs in DNS.
    pub fn public_key(&self) -> PublicKey {
        match &self.key {
            Key::Rsa(pair) => PublicKey::Rsa(pair.public().as_ref().to_vec()),
            Key::Ed25519(pair) => PublicKey::Ed25519(pair.public_key().as_ref().to_vec()),
        }
    }

    /// Returns the mail with its signature in front.
    ///
    /// `mail` has CRLF line ends; without a blank line it comes back as it is.
    pub fn sign(&self, mail: &[u8], at: Instant) -> Vec<u8> {
        let Some(end) = mail.windows(4).position(|window| window == b"\r\n\r\n") else { return mail.to_vec() };
        let fields = fields(&mail[..end + 2]);
        let body = STANDARD.encode(Sha256::digest(body(&mail[end + 4..])));
        let mut names: Vec<&str> = Vec::new();
        let mut signed = Vec::new();
        for name in HEADERS {
            // From the bottom up, as a verifier reads them.
            for field in fields.iter().rev().filter(|field| field.is(name)) {
                names.push(name);
                signed.extend(field.relaxed());
            }
        }
        names.push("from");
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let unsigned = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={};\r\n s={}; t={};\r\n h={};\r\n bh={body};\r\n b=",
            self.domain,
            self.selector,
            at.timestamp(),
            names.join(":\r\n  "),
        );
        // The field itself is signed without the line end behind it.
        let own = Field { name: "DKIM-Signature".as_bytes(), value: &unsigned.as_bytes()["DKIM-Signature:".len()..] };
        let relaxed = own.relaxed();
        signed.extend(&relaxed[..relaxed.len() - 2]);
        let signature = STANDARD.encode(self.key.sign(&signed));
        let mut out = unsigned.into_bytes();
        for (index, piece) in signature.as_bytes().chunks(72).enumerate() {
            out.extend(if index == 0 { &b""[..] } else { &b"\r\n "[..] });
            out.extend(piece);
        }
        out.extend(b"\r\n");
        out.extend(mail);
        out
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("domain", &self.domain).field("selector", &self.selector).finish_non_exhaustive()
    }
}

fn rsa(pair: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<RsaKeyPair, KeyError> {
    pair.map_err(|_| KeyError::Kind)
}

impl Key {
    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // PKCS #1 v1.5 uses the random numbers for blinding alone and fails on a wrong length alone.
                let _ = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature);
                signature
            }
            // RFC 8463 signs the hash, where RSA hashes for itself.
            Self::Ed25519(pair) => pair.sign(&Sha256::digest(signed)).as_ref().to_vec(),
        }
    }
}

/// One header field.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl Field<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Returns the field in relaxed form (RFC 6376 section 3.4.2), with its line end.
    fn relaxed(&self) -> Vec<u8> {
        let mut out = self.name.to_ascii_lowercase();
        out.push(b':');
        let words = self.value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend(word);
        }
        out.extend(b"\r\n");
        out
    }
}

fn fields(head: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut start = 0;
    while start < head.len() {
        let mut end = start;
        loop {
            end = head[end..].windows(2).position(|pair| pair == b"\r\n").map_or(head.len(), |at| end + at + 2);
            if !head.get(end).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                break;
            }
        }
        let field = &head[start..end];
        if let Some(colon) = field.iter().position(|byte| *byte == b':') {
            fields.push(Field { name: field[..colon].trim_ascii_end(), value: &field[colon + 1..] });
        }
        start = end;
    }
    fields
}

/// Returns the body in relaxed form (RFC 6376 section 3.4.4).
fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut blank = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut relaxed = Vec::with_capacity(line.len());
        let mut space = false;
        for &byte in line {
            if matches!(byte, b' ' | b'\t') {
                space = true;
            } else {
                if space {
                    relaxed.push(b' ');
                    space = false;
                }
                relaxed.push(byte);
            }
        }
        if relaxed.is_empty() {
            blank += 1;
        } else {
            out.extend(std::iter::repeat_n(b"\r\n", blank).flatten());
            blank = 0;
            out.extend(relaxed);
            out.extend(b"\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests;
