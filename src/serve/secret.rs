//! Keys that a request bears in its head.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// Says whether a request bears the key (RFC 6750).
pub(super) fn bears(headers: &HeaderMap, key: &str) -> bool {
    given(headers, "bearer").is_some_and(|given| is_same(given.as_bytes(), key))
}

fn given<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (named, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then_some(given.trim())
}

/// Compares hashes, so that the time tells nothing of where two texts differ.
fn is_same(given: &[u8], key: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(key)
}
