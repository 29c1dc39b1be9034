//! Bounce addresses of one mail each (VERP): `bounces+SEND.TOKEN@…`, which nobody can make up for another mail.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::address::Address;
use crate::model::id::SendId;

/// Bytes of proof in an address: 80 bits, as a local part has 64 characters at the most.
const PROOF: usize = 10;

/// Returns the envelope sender of one mail.
pub fn address(base: &Address, secret: &str, send: SendId) -> Address {
    let (local, domain) = base.as_str().rsplit_once('@').unwrap_or_default();
    let proof = proof(secret, send).map_or_else(String::new, |mac| {
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(PROOF).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    });
    Address::parse(&format!("{local}+{}.{proof}@{domain}", send.0)).unwrap_or_else(|_| base.clone())
}

/// Returns which mail's envelope sender an address is; `None` where it is none of this project's.
pub fn send_of(base: &Address, secret: &str, address: &str) -> Option<SendId> {
    let (base_local, base_domain) = base.as_str().rsplit_once('@')?;
    let (local, domain) = address.trim().rsplit_once('@')?;
    if !domain.eq_ignore_ascii_case(base_domain) {
        return None;
    }
    let start = local.get(..base_local.len()).filter(|start| start.eq_ignore_ascii_case(base_local))?;
    let (number, given) = local[start.len()..].strip_prefix('+')?.split_once('.')?;
    let send = SendId(number.parse().ok()?);
    let digits = given.as_bytes();
    if digits.len() != 2 * PROOF {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    // In constant time.
    proof(secret, send)?.verify_truncated_left(&bytes?).ok()?;
    Some(send)
}

/// Returns 64 bits that prove that a Message-ID is of this project and this mail, in hexadecimal.
pub(super) fn message_proof(secret: &str, send: SendId) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("message:{}", send.0).as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn proof(secret: &str, send: SendId) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("bounce:{}", send.0).as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_one_mail_tells_which_and_no_other_does() {
        let base = Address::parse("Bounces@mail.acme.example").unwrap();
        for number in [1, 36, i64::MAX] {
            let made = address(&base, "secret", SendId(number));
            assert_eq!(send_of(&base, "secret", made.as_str()), Some(SendId(number)));
            assert_eq!(send_of(&base, "secret", &made.as_str().to_uppercase()), Some(SendId(number)));
            assert_eq!(send_of(&base, "another", made.as_str()), None);
            let other = made.as_str().replace(&format!("+{number}."), "+2.");
            assert_eq!(send_of(&base, "secret", &other), None, "{other}");
            for at in 0..made.as_str().len() {
                let mut forged = made.as_str().as_bytes().to_vec();
                forged[at] ^= 1;
                let forged = String::from_utf8(forged).unwrap();
                assert_ne!(send_of(&base, "secret", &forged), Some(SendId(number)), "{forged}");
            }
        }
        for nonsense in [
            "",
            "@",
            "bounces@mail.acme.example",
            "bounces+1.@mail.acme.example",
            "bounces+1.zz@mail.acme.example",
            "ữ@mail.acme.example",
        ] {
            assert_eq!(send_of(&base, "secret", nonsense), None, "{nonsense}");
        }
    }
}
