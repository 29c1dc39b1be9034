//! Tokens of links in mails: what a link is for, for whom, and a proof that drip wrote it.
//!
//! A token carries everything that the server needs and no address: `base64url(version purpose key id more proof)`, where the
//! proof is the first 128 bits of HMAC-SHA256 over all before it (RFC 2104). The address that a click leads to is inside, so
//! no link can be made to lead elsewhere. Keys have numbers: the newest signs, and all that are known are believed, so that
//! links in mails of long ago go on working after a change of key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::id::SendId;

/// The form of tokens that is written; a later one would be another number.
const VERSION: u8 = 1;
/// Bytes of proof.
const PROOF: usize = 16;
/// No link that drip writes is longer.
const LONGEST: usize = 8 << 10;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To be asked nothing any more, from the mail of this send.
    Unsubscribe(SendId),
    /// To this address, from the mail of this send.
    Click(SendId, String),
    /// The picture that tells that the mail of this send was opened.
    Open(SendId),
    /// To say yes to the list, from the mail of this send, which asked.
    Confirm(SendId),
    /// To choose what comes, from the mail of this send.
    Preferences(SendId),
    /// To be known on a web page as whoever came by a link of this send's mail.
    Visit(SendId),
    /// To tell a mail provider which mail it is, so that its reports name it.
    Report(SendId),
}

/// The keys of a project, the newest last: each with its number.
#[derive(Clone)]
pub struct Keys(Vec<(u8, Vec<u8>)>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(number, _)| number)).finish()
    }
}

impl Keys {
    /// Takes keys with their numbers, the newest last.
    pub fn new(keys: Vec<(u8, Vec<u8>)>) -> Self {
        Self(keys)
    }

    /// Writes a token with the newest key.
    pub fn sign(&self, purpose: &Purpose) -> String {
        let Some((number, key)) = self.0.last() else { return String::new() };
        let (kind, id, more) = match purpose {
            Purpose::Unsubscribe(send) => (1, send.0, ""),
            Purpose::Click(send, url) => (2, send.0, url.as_str()),
            Purpose::Open(send) => (3, send.0, ""),
            Purpose::Confirm(send) => (4, send.0, ""),
            Purpose::Preferences(send) => (5, send.0, ""),
            Purpose::Visit(send) => (8, send.0, ""),
            Purpose::Report(send) => (9, send.0, ""),
        };
        let mut bytes = vec![VERSION, kind, *number];
        put_number(&mut bytes, id.cast_unsigned());
        bytes.extend_from_slice(more.as_bytes());
        let proof = proof(key, &bytes).map(|mac| mac.finalize().into_bytes());
        bytes.extend(proof.iter().flat_map(|proof| proof.iter().take(PROOF)));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Says whether a text may be a token at all, of whatever key.
    pub fn is_form(token: &str) -> bool {
        (26..=LONGEST).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && token.starts_with("AQ")
    }

    /// Says whether a text names a key that is known, so that only its proof can be wrong.
    pub fn knows_key_of(&self, token: &str) -> bool {
        let head = token.get(..4).and_then(|head| URL_SAFE_NO_PAD.decode(head).ok());
        head.is_some_and(|head| self.0.iter().any(|(number, _)| head.get(2) == Some(number)))
    }

    /// Reads a token; `None` where drip did not write it as it stands, whatever is wrong with it.
    pub fn read(&self, token: &str) -> Option<Purpose> {
        if token.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signed, given) = bytes.split_at_checked(bytes.len().checked_sub(PROOF)?)?;
        let [VERSION, kind, number, rest @ ..] = signed else { return None };
        let (_, key) = self.0.iter().find(|(known, _)| known == number)?;
        // In constant time.
        proof(key, signed)?.verify_truncated_left(given).ok()?;
        let (id, more) = take_number(rest)?;
        let id = id.cast_signed();
        match (kind, more) {
            (1, []) => Some(Purpose::Unsubscribe(SendId(id))),
            (2, url) => Some(Purpose::Click(SendId(id), String::from_utf8(url.to_vec()).ok()?)),
            (3, []) => Some(Purpose::Open(SendId(id))),
            (4, []) => Some(Purpose::Confirm(SendId(id))),
            (5, []) => Some(Purpose::Preferences(SendId(id))),
            (8, []) => Some(Purpose::Visit(SendId(id))),
            (9, []) => Some(Purpose::Report(SendId(id))),
            _ => None,
        }
    }
}

fn proof(key: &[u8], bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"drip link\0");
    mac.update(bytes);
    Some(mac)
}

/// Writes a number in groups of seven bits, the lowest first.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let seven = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        bytes.push(if number > 0 { seven | 0x80 } else { seven });
        if number == 0 {
            return;
        }
    }
}

fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(numbers: &[u8]) -> Keys {
        Keys::new(numbers.iter().map(|number| (*number, vec![*number; 32])).collect())
    }

    fn purposes() -> Vec<Purpose> {
        let url = "https://shop.example/trà?a=1&b=%20#top".to_owned();
        [0, 1, 127, 128, i64::MAX]
            .into_iter()
            .flat_map(|id| {
                [
                    Purpose::Unsubscribe(SendId(id)),
                    Purpose::Click(SendId(id), url.clone()),
                    Purpose::Open(SendId(id)),
                    Purpose::Confirm(SendId(id)),
                    Purpose::Preferences(SendId(id)),
                    Purpose::Visit(SendId(id)),
                    Purpose::Report(SendId(id)),
                ]
            })
            .collect()
    }

    #[test]
    fn a_token_comes_back_also_after_a_change_of_key() {
        let (old, new) = (keys(&[0]), keys(&[0, 1]));
        for purpose in purposes() {
            let token = old.sign(&purpose);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            assert_eq!(old.read(&token).as_ref(), Some(&purpose));
            assert_eq!(new.read(&token).as_ref(), Some(&purpose));
            let newer = new.sign(&purpose);
            assert_ne!(newer, token);
            assert_eq!(new.read(&newer).as_ref(), Some(&purpose));
            assert_eq!(old.read(&newer), None);
        }
    }

    #[test]
    fn no_change_to_a_token_is_believed() {
        let keys = keys(&[0, 1]);
        let mut tried = 0;
        for purpose in purposes() {
            let token = keys.sign(&purpose);
            let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut turned = bytes.clone();
                    turned[at] ^= 1 << bit;
                    assert_eq!(keys.read(&URL_SAFE_NO_PAD.encode(&turned)), None, "bit {bit} of byte {at}");
                    tried += 1;
                }
                assert_eq!(keys.read(&URL_SAFE_NO_PAD.encode(&bytes[..at])), None);
                assert_eq!(keys.read(&URL_SAFE_NO_PAD.encode(&bytes[at + 1..])), None);
            }
            for more in ["A", "=", "==", " ", "%", "AAAA"] {
                assert_eq!(keys.read(&format!("{token}{more}")), None, "{more}");
                assert_eq!(keys.read(&format!("{more}{token}")), None, "{more}");
            }
        }
        assert!(tried > 3000);
        for nonsense in ["", "A", "unsubscribe", "../../etc/passwd", "\0", "ữ", &"A".repeat(100_000)] {
            assert_eq!(keys.read(nonsense), None, "{nonsense}");
        }
    }
}
