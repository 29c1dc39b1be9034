//! A telephone number in the form that every country understands (E.164).

/// Returns `+84901234567` for a number whose country is known, or `None` to leave it as it is.
///
/// `viet_nam`: a number without a country is Vietnamese.
pub(super) fn e164(text: &str, viet_nam: bool) -> Option<String> {
    // Shopify writes `'+84…`, so that a spreadsheet does not calculate.
    let text = text.trim_start_matches('\'').trim();
    let text = text.strip_prefix("tel:").unwrap_or(text).replace("(0)", "");
    let mut digits = String::with_capacity(16);
    let mut plus = false;
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !plus => plus = true,
            ' ' | '.' | '-' | '(' | ')' | '/' | '\u{a0}' | '\u{2011}' | '\u{2013}' => {}
            _ => return None,
        }
    }
    if plus {
        return abroad(&digits);
    }
    if let Some(rest) = digits.strip_prefix("0084") {
        return vietnamese(rest);
    }
    if !viet_nam {
        return None;
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return abroad(rest);
    }
    match digits.strip_prefix('0') {
        Some(rest) => vietnamese(rest),
        // A spreadsheet takes the first zero away, or the plus.
        None => digits
            .strip_prefix("84")
            .and_then(vietnamese)
            .or_else(|| (digits.len() == 9).then(|| vietnamese(&digits))?),
    }
}

fn abroad(digits: &str) -> Option<String> {
    match digits.strip_prefix("84") {
        Some(rest) => vietnamese(rest.strip_prefix('0').unwrap_or(rest)),
        None => (matches!(digits.len(), 8..=15) && !digits.starts_with('0')).then(|| format!("+{digits}")),
    }
}

/// Takes the part behind the country code: nine digits of a mobile, ten of a landline, which begins with 2.
fn vietnamese(rest: &str) -> Option<String> {
    let rest = if rest.len() > 9 { rest.strip_prefix('0').unwrap_or(rest) } else { rest };
    let mobile = rest.len() == 9 && rest.starts_with(['3', '5', '7', '8', '9']);
    let landline = rest.len() == 10 && rest.starts_with('2');
    (mobile || landline).then(|| format!("+84{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_with_its_country_where_that_is_known() {
        for (text, expected) in [
            ("0901 234 567", "+84901234567"),
            ("090.123.4567", "+84901234567"),
            ("(+84) 90-123-4567", "+84901234567"),
            ("+84 90-123-4567", "+84901234567"),
            ("+84 (0)90 123 4567", "+84901234567"),
            ("0084901234567", "+84901234567"),
            ("84901234567", "+84901234567"),
            ("'+84901234567", "+84901234567"),
            ("901234567", "+84901234567"),
            ("024 3825 1234", "+842438251234"),
            ("(0236) 3 822 123", "+842363822123"),
            ("+1 (415) 555-0100", "+14155550100"),
            ("0044 20 7946 0958", "+442079460958"),
        ] {
            assert_eq!(e164(text, true).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "01689 123 456",
            "1900 1234",
            "0901 234 56",
            "12345",
            "hotline",
            "0901234567 / 0912345678",
            "+84 12",
            "+",
            "",
            "090-123-4567 ext 2",
        ] {
            assert_eq!(e164(text, true), None, "{text}");
        }
        assert_eq!(e164("0901234567", false), None);
        assert_eq!(e164("555-0100", false), None);
        assert_eq!(e164("+84 901 234 567", false).as_deref(), Some("+84901234567"));
        assert_eq!(e164("0084 901 234 567", false).as_deref(), Some("+84901234567"));
    }
}
