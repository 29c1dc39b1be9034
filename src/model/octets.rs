//! Bytes written in letters.

/// Returns bytes in hexadecimal, in lower case.
pub fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digits = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Returns a text as a part of a URI: what is not unreserved there stands as its bytes (RFC 3986, section 2.3).
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push('%');
            out.push_str(&hexadecimal([byte]).to_ascii_uppercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hexadecimal([0, 9, 0x1a, 0xff]), "00091aff");
        assert_eq!(percent("trà 1/2~"), "tr%C3%A0%201%2F2~");
    }
}
