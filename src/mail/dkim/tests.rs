//! Signatures over known bytes. That strangers can verify them is shown by the slower suite.

use super::*;

#[test]
fn the_relaxed_forms_are_those_of_the_rfc() {
    // RFC 6376 section 3.4.5.
    let mail = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
    let end = mail.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head: Vec<u8> = fields(&mail[..end + 2]).iter().flat_map(Field::relaxed).collect();
    assert_eq!(String::from_utf8(head).unwrap(), "a:X\r\nb:Y Z\r\n");
    assert_eq!(body(&mail[end + 4..]), b" C\r\nD E\r\n");
    assert_eq!(body(b"\r\n\r\n"), b"");
}

#[test]
fn a_key_is_a_private_key_in_pem() {
    let settings = Dkim { domain: "acme.example".to_owned(), selector: "s".to_owned(), key_file: "k".into() };
    for (pem, error) in [
        ("", KeyError::Pem),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", KeyError::Pem),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", KeyError::Kind),
    ] {
        assert_eq!(Signer::new(&settings, pem.as_bytes()).unwrap_err(), error);
    }
    // RFC 8463 appendix A.2, as PKCS #8.
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let signer = Signer::new(&settings, pem.as_bytes()).unwrap();
    let mail = b"From: a@acme.example\r\nSubject: Hi\r\nList-Unsubscribe: <mailto:a@b>\r\n\r\nHello\r\n";
    let signed = String::from_utf8(signer.sign(mail, chrono::DateTime::UNIX_EPOCH)).unwrap();
    assert!(signed.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=acme.example;\r\n s=s; t=0;\r\n h=from:\r\n  subject:\r\n  list-unsubscribe:\r\n  from;\r\n bh="), "{signed}");
    assert!(signed.ends_with(std::str::from_utf8(mail).unwrap()));
    assert_eq!(signer.sign(mail, chrono::DateTime::UNIX_EPOCH), signed.as_bytes(), "the same each time");
}

#[test]
fn the_public_half_is_what_other_programs_make_of_the_key() {
    let settings = Dkim { domain: "acme.example".to_owned(), selector: "s".to_owned(), key_file: "k".into() };
    // Written by openssl.
    let pem = include_bytes!("../../../tests/it/support/dkim.pem");
    let public = include_str!("../../../tests/it/support/dkim.public");
    let key = Signer::new(&settings, pem).unwrap().public_key();
    assert_eq!(key.record(), format!("v=DKIM1; k=rsa; p={public}"));
    // RFC 8463 appendix A.2.
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = Signer::new(&settings, pem.as_bytes()).unwrap().public_key();
    assert_eq!(key.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}
