//! Bounce addresses of one mail each (VERP): `bounces+SEND.TOKEN@…`, which nobody can make up for another mail.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::address::Address;
use crate::model::id::SendId;
use crate::model::octets::hexadecimal;

/// Bytes of proof in an address: 80 bits, as a local part has 64 characters at the most (RFC 5321, 4.5.3.1.1).
const PROOF: usize = 10;
/// Returns the envelope sender of one mail.
pub fn address(base: &Address, secret: &str, send: SendId) -> Address {
    let (local, domain) = base.as_str().rsplit_once('@').unwrap_or_default();
    let proof = proof(secret, send).map_or_else(String::new, |mac| hexadecimal(&mac.finalize().into_bytes()[..PROOF]));
    Address::parse(&format!("{local}+{}.{proof}@{domain}", send.0)).unwrap_or_else(|_| base.clone())
}

/// Returns which mail's envelope sender an address is; `None` where it is none of this project's.
///
/// The proof is what counts, not the name in front of it: `bounce_address` may be another one by now.
pub fn send_of(secret: &str, address: &str) -> Option<SendId> {
    let (local, _) = address.trim().rsplit_once('@')?;
    let (number, given) = local.rsplit_once('+')?.1.split_once('.')?;
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

/// Returns which mail a Message-ID is of, by the proof in it; `None` where it is none of this project's, or has no proof.
pub fn send_of_message(secret: &str, message_id: &str) -> Option<SendId> {
    let (local, _) = message_id.trim().rsplit_once('@')?;
    let (token, given) = local.rsplit_once(".x")?;
    let send = SendId(token.rsplit('.').next()?.parse().ok()?);
    (message_proof(secret, send) == given && !given.is_empty()).then_some(send)
}

/// Returns 64 bits that prove that a Message-ID is of this project and this mail, in hexadecimal.
pub(super) fn message_proof(secret: &str, send: SendId) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("message:{}", send.0).as_bytes());
    hexadecimal(&mac.finalize().into_bytes()[..8])
}

fn proof(secret: &str, send: SendId) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("bounce:{}", send.0).as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::LONGEST_BOUNCE_NAME;

    #[test]
    fn an_address_of_one_mail_tells_which_and_no_other_does() {
        let base = Address::parse("Bounces@mail.acme.example").unwrap();
        for number in [1, 36, i64::MAX] {
            let made = address(&base, "secret", SendId(number));
            assert_eq!(send_of("secret", made.as_str()), Some(SendId(number)));
            assert_eq!(send_of("secret", &made.as_str().to_uppercase()), Some(SendId(number)));
            assert_eq!(send_of("another", made.as_str()), None);
            let other = made.as_str().replace(&format!("+{number}."), "+2.");
            assert_eq!(send_of("secret", &other), None, "{other}");
            let (start, end) = (made.as_str().find('+').unwrap(), made.as_str().find('@').unwrap());
            for at in start..=end {
                let mut forged = made.as_str().as_bytes().to_vec();
                forged[at] ^= 1;
                let forged = String::from_utf8(forged).unwrap();
                assert_ne!(send_of("secret", &forged), Some(SendId(number)), "{forged}");
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
            assert_eq!(send_of("secret", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_message_id_tells_its_mail_by_its_proof_alone() {
        let made = crate::mail::message::message_id("tok-en", "secret", SendId(7), "acme.example");
        assert_eq!(send_of_message("secret", &made), Some(SendId(7)), "{made}");
        assert_eq!(send_of_message("another", &made), None);
        for forged in [made.replace(".7.x", ".8.x"), made.replace(".x", ".y"), "tok-en.7@acme.example".to_owned()] {
            assert_eq!(send_of_message("secret", &forged), None, "{forged}");
        }
        for nonsense in ["", "@", "x.x@", ".x@acme.example", "7.x@acme.example"] {
            assert_eq!(send_of_message("secret", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_address_whose_name_or_domain_was_changed_since_is_known() {
        let made = address(&Address::parse("old+list@acme.example").unwrap(), "secret", SendId(7));
        assert_eq!(send_of("secret", made.as_str()), Some(SendId(7)));
    }

    #[test]
    fn the_longest_name_leaves_room_for_the_number_and_the_proof() {
        let base = Address::parse(&format!("{}@acme.example", "b".repeat(LONGEST_BOUNCE_NAME))).unwrap();
        // A million mails an hour need a century for so many.
        let last = 999_999_999_999;
        let made = address(&base, "secret", SendId(last));
        assert_eq!(made.as_str().find('@'), Some(64));
        assert_eq!(send_of("secret", made.as_str()), Some(SendId(last)));
    }
}
