//! An e-mail address: how it is written, and the key two spellings of it share.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// A checked e-mail address.
///
/// Kept as the person wrote it (the local part belongs to their server); compared by
/// [`Address::key`], which folds case and writes the domain in its ASCII form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    written: String,
    key: String,
}

/// Why a text is not an address that drip mails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("`{0}` has no `@`")]
    NoAt(String),
    #[error("`{0}` holds a space or control character")]
    Control(String),
    #[error("`{0}` holds a comment in parentheses; write the address alone")]
    Comment(String),
    #[error("`{0}` is a name with an address; write the address alone")]
    Named(String),
    #[error("`{0}` has quotes before the `@`, which few servers take")]
    Quoted(String),
    #[error("`{0}` holds several addresses; write one")]
    Several(String),
    #[error("`{0}` is longer than 254 characters, or its part before the `@` than 64")]
    TooLong(String),
    #[error("`{0}` has the number of a machine after the `@`, not a domain")]
    Literal(String),
    #[error("`{0}` has no dot after the `@`")]
    Dotless(String),
    #[error("`{0}` has no valid domain after the `@`")]
    Domain(String),
    #[error("`{0}` begins or ends its part before the `@` with a dot, or has two together")]
    Dots(String),
    #[error("`{0}` is not an e-mail address")]
    Form(String),
}

impl Address {
    /// Checks an address (RFC 5321 section 4.1.2; quoted local parts and address literals are refused).
    ///
    /// # Errors
    /// Returns why the text cannot be mailed.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches(is_margin);
        // What is ASCII is in NFC.
        let text: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        // The message quotes the text, so it must not carry a control character into a terminal.
        let shown = || text.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
        // Nearly every address is made of these alone; a million of them are checked in an import.
        let is_simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'-' | b'_' | b'+');
        let simple = text.bytes().all(is_simple);
        if !simple {
            refuse_odd(&text, shown)?;
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| AddressError::NoAt(shown()))?;
        if local.len() > 64 || text.len() > 254 {
            return Err(AddressError::TooLong(shown()));
        }
        if domain.ends_with(']') {
            return Err(AddressError::Literal(shown()));
        }
        let simple = simple && !local.is_empty() && is_host(domain);
        let ascii = if simple {
            domain.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain(shown()))?
        };
        if ascii.is_empty() {
            return Err(AddressError::Domain(shown()));
        }
        if !ascii.contains('.') {
            return Err(AddressError::Dotless(shown()));
        }
        if ascii.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(AddressError::Literal(shown()));
        }
        if ascii.rsplit('.').next().is_some_and(|tld| tld.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(AddressError::Domain(shown()));
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(AddressError::Dots(shown()));
        }
        if !simple && lettre::Address::new(local, &ascii).is_err() {
            return Err(AddressError::Form(shown()));
        }
        let key = format!("{}@{ascii}", local.to_lowercase());
        Ok(Self { written: format!("{local}@{}", domain.to_lowercase()), key })
    }

    /// Returns the address as it was written, with the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns what two spellings of one address share: case folded, domain as A-labels (RFC 5890).
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the domain in its ASCII form.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Returns the address as SMTP carries it: the written local part at the ASCII domain.
    pub fn for_smtp(&self) -> String {
        let local = self.written.rsplit_once('@').map_or("", |(local, _)| local);
        format!("{local}@{}", self.domain())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}

/// Says whether a domain is of the form that nearly all have, of which nothing is left to find out: labels of ASCII letters,
/// digits and single hyphens inside (RFC 1123 section 2.1, RFC 5891 section 4.2.3.1).
fn is_host(domain: &str) -> bool {
    domain.len() <= 253
        && domain.split('.').all(|label| {
            let bytes = label.as_bytes();
            (1..=63).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
                && bytes.get(2..4) != Some(b"--")
        })
}

/// Says whether a character may stand around an address; a line break may not, it hides a second line.
fn is_margin(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Refuses what no address is made of, and what the standard knows and drip does not mail.
fn refuse_odd(text: &str, shown: impl Fn() -> String) -> Result<(), AddressError> {
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(AddressError::Control(shown()));
    }
    if let Some(odd) = odd_form(text) {
        return Err(odd(shown()));
    }
    if text.contains(char::is_whitespace) {
        return Err(AddressError::Control(shown()));
    }
    if text.contains([',', ';']) && text.split([',', ';']).all(|one| one.contains('@')) {
        return Err(AddressError::Several(shown()));
    }
    Ok(())
}

/// Returns how an address is written that the standard knows and drip does not mail.
fn odd_form(text: &str) -> Option<fn(String) -> AddressError> {
    if text.ends_with('>') && text.contains('<') {
        return Some(AddressError::Named);
    }
    if text.rfind('@').is_some_and(|at| text[..at].contains('"')) {
        return Some(AddressError::Quoted);
    }
    text.contains(['(', ')']).then_some(AddressError::Comment as fn(String) -> AddressError)
}

/// Says whether a character takes no room on paper, so that two addresses could look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_share_a_key() {
        for (text, key) in [
            ("Lan@Example.COM", "lan@example.com"),
            ("  lan@example.com ", "lan@example.com"),
            ("lan@bücher.example", "lan@xn--bcher-kva.example"),
            ("lan@B\u{75}\u{308}cher.example", "lan@xn--bcher-kva.example"),
        ] {
            assert_eq!(Address::parse(text).expect(text).key(), key, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_mailed_is_refused() {
        for text in [
            "",
            "lan",
            "lan@",
            "@example.com",
            "lan@example",
            "lan@x.vn\u{200b}",
            "a b@x.vn",
            "lan@x.vn\r\nBcc: b@x.vn",
            "\"a b\"@x.vn",
            "lan@[1.2.3.4]",
            "lan@1.2.3.4",
            ".lan@x..vn",
            "a@b>,<c@d.vn",
            "lan@x.vn,minh@x.vn",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_odd_address_is_refused_for_the_very_reason() {
        for (text, error) in [
            ("\"lan nguyen\"@x.vn", AddressError::Quoted as fn(String) -> AddressError),
            ("(work)lan@x.vn", AddressError::Comment),
            ("lan@x.vn (Lan)", AddressError::Comment),
            ("Lan <lan@x.vn>", AddressError::Named),
            ("lan@[192.0.2.1]", AddressError::Literal),
            ("lan@[IPv6:2001:db8::1]", AddressError::Literal),
            ("lan@192.0.2.1", AddressError::Literal),
            ("lan@localhost", AddressError::Dotless),
            ("lan@x.123", AddressError::Domain),
            ("lan@x..vn", AddressError::Domain),
            ("lan..nguyen@x.vn", AddressError::Dots),
            ("lan.@x.vn", AddressError::Dots),
            ("lan@x.vn;minh@x.vn", AddressError::Several),
            ("lan @x.vn", AddressError::Control),
            ("lan@x.vn\n", AddressError::Control),
        ] {
            assert_eq!(Address::parse(text), Err(error(text.trim_end().to_owned())), "{text}");
        }
        assert_eq!(
            Address::parse("lan.nguyen+a@x.vn").expect("an address").key(),
            "lan.nguyen+a@x.vn",
            "dots and tags are kept"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_at_a_glance_would_be_taken_at_length(
            local in "[a-zA-Z0-9._+-]{1,12}",
            domain in "[a-z0-9A-Z-]{1,8}(\\.[a-z0-9A-Z-]{1,8}){1,3}",
        ) {
            let Ok(address) = Address::parse(&format!("{local}@{domain}")) else { return Ok(()) };
            let ascii = idna::domain_to_ascii_strict(&domain).unwrap();
            proptest::prop_assert_eq!(address.domain(), &ascii);
            proptest::prop_assert!(lettre::Address::new(&local, &ascii).is_ok());
        }
    }
}
