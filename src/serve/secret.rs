//! Keys that a request bears in its head.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Says whether a request bears the key (RFC 6750).
pub(super) fn bears(headers: &HeaderMap, key: &str) -> bool {
    given(headers, "bearer").is_some_and(|given| is_same(given.as_bytes(), key))
}

/// Says whether a request bears the key, or has it for its password, whatever the user's name is (RFC 7617).
pub(super) fn bears_or_has_password(headers: &HeaderMap, key: &str) -> bool {
    let password = given(headers, "basic").and_then(|given| STANDARD.decode(given).ok());
    let password = password.as_deref().and_then(|pair| pair.splitn(2, |byte| *byte == b':').nth(1));
    password.is_some_and(|password| is_same(password, key)) || bears(headers, key)
}

fn given<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (named, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then_some(given.trim())
}

/// Compares hashes, so that the time tells nothing of where two texts differ.
fn is_same(given: &[u8], key: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(key)
}
