//! Amounts of money as people write them, where what is meant is certain.

use serde_json::Number;

/// The most digits that every reader of JSON keeps exactly.
const EXACT_DIGITS: usize = 15;

const MARKS: [&str; 15] =
    ["₫", "đ", "vnđ", "vnd", "us$", "usd", "$", "€", "eur", "£", "gbp", "¥", "jpy", "đồng", "dong"];

/// Returns the number of an amount, or `None` where it could be anything else.
///
/// `in_money_column` says that the column's name speaks of money, so that `250.000` can only be grouped.
pub(super) fn number(text: &str, in_money_column: bool) -> Option<Number> {
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let body = text.strip_prefix('-').unwrap_or(text).trim();
    // Quick, because every text of a file comes by here.
    if !body.bytes().any(|byte| byte.is_ascii_digit()) || body.len() > 40 {
        return None;
    }
    if in_money_column && let Some(amount) = in_words(body) {
        return Some(Number::from(if sign < 0.0 { -amount } else { amount }));
    }
    let (digits, marked) = without_mark(body)?;
    let (whole, fraction) = split(digits, marked || in_money_column)?;
    if whole.len() + fraction.len() > EXACT_DIGITS || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if fraction.is_empty() {
        let number: i64 = whole.parse().ok()?;
        return Some(Number::from(if sign < 0.0 { -number } else { number }));
    }
    Number::from_f64(sign * format!("{whole}.{fraction}").parse::<f64>().ok()?)
}

/// Says whether a text is a number only if its signs stand between thousands: `250.000`, `1.250.000`.
pub(super) fn is_grouped(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
        && text.contains(['.', ','])
        && number(text, false).is_none()
        && number(text, true).is_some_and(|amount| amount.is_i64())
}

/// Reads `250k`, `1,5 triệu`, `1tr2` and `2 tỷ`, which people say of money alone.
fn in_words(text: &str) -> Option<i64> {
    let lower = text.to_lowercase();
    let lower = MARKS.iter().find_map(|mark| lower.strip_suffix(mark)).unwrap_or(&lower).trim_end();
    let start = lower.find(char::is_alphabetic)?;
    let end = lower.rfind(char::is_alphabetic).map(|at| at + lower[at..].chars().next().map_or(1, char::len_utf8))?;
    let scale: i64 = match &lower[start..end] {
        "k" | "nghìn" | "ngàn" => 1_000,
        "tr" | "triệu" => 1_000_000,
        "tỷ" | "tỉ" => 1_000_000_000,
        _ => return None,
    };
    let (head, tail) = (lower[..start].trim(), lower[end..].trim());
    let (whole, fraction) = match split(head, true)? {
        (whole, fraction) if tail.is_empty() => (whole, fraction),
        // `1tr2` is 1.2 of a million.
        (whole, fraction) if fraction.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit()) => {
            (whole, tail.to_owned())
        }
        _ => return None,
    };
    let parts = 10_i64.checked_pow(u32::try_from(fraction.len()).ok().filter(|length| *length <= 3)?)?;
    let digits: i64 = format!("{whole}{fraction}").parse().ok()?;
    digits.checked_mul(scale).map(|amount| amount / parts)
}

/// Takes the mark of a currency away, before or behind the digits.
fn without_mark(text: &str) -> Option<(&str, bool)> {
    let is_digit = |c: char| c.is_ascii_digit();
    let start = text.find(is_digit)?;
    let end = text.rfind(is_digit)? + 1;
    let (before, after) = (text[..start].trim(), text[end..].trim());
    let is_mark = |mark: &str| MARKS.contains(&mark.to_lowercase().as_str());
    match (before, after) {
        ("", "") => Some((text, false)),
        (mark, "") | ("", mark) if is_mark(mark) => Some((&text[start..end], true)),
        _ => None,
    }
}

/// Splits into the whole and the fraction, without separators.
///
/// `money`: the text is surely an amount, so that one separator before three digits groups and before one or two
/// of them divides. Otherwise only what can mean nothing else is read: several commas, or both separators.
fn split(text: &str, money: bool) -> Option<(String, String)> {
    let plain: String = text.chars().map(|c| if matches!(c, '\u{a0}' | '\u{202f}') { ' ' } else { c }).collect();
    if !plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ')) {
        return None;
    }
    let last = plain.rfind(['.', ',', ' ']);
    let Some(last) = last else { return money.then_some((plain, String::new())) };
    let separator = plain[last..].chars().next()?;
    let (head, tail) = (&plain[..last], &plain[last + 1..]);
    let other = head.chars().find(|c| !c.is_ascii_digit() && *c != separator);
    let times = plain.matches(separator).count();
    match other {
        // `1.250.000,50`: the last sign divides, the one before it groups.
        Some(group) if times == 1 && separator != ' ' && matches!(tail.len(), 1..=2) => {
            Some((ungrouped(head, group)?, tail.to_owned()))
        }
        None if times == 1 && money && separator != ' ' && matches!(tail.len(), 1..=2) => {
            head.bytes().all(|byte| byte.is_ascii_digit()).then(|| (head.to_owned(), tail.to_owned()))
        }
        None if money || (separator == ',' && times > 1) => Some((ungrouped(&plain, separator)?, String::new())),
        _ => None,
    }
}

/// Takes the separators out of groups of three.
fn ungrouped(text: &str, separator: char) -> Option<String> {
    let mut groups = text.split(separator);
    let first = groups.next()?;
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let right = matches!(first.len(), 1..=3) && digits(first) && groups.all(|group| group.len() == 3 && digits(group));
    right.then(|| text.chars().filter(|&c| c != separator).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str, column: bool) -> Value {
        number(text, column).map_or(Value::Null, Value::Number)
    }

    #[test]
    fn an_amount_is_a_number_only_where_that_is_certain() {
        for (text, expected) in [
            ("1.250.000 ₫", json!(1_250_000)),
            ("1.250.000đ", json!(1_250_000)),
            ("1,250,000 VND", json!(1_250_000)),
            ("250.000 VNĐ", json!(250_000)),
            ("250000đ", json!(250_000)),
            ("1 250 000 đồng", json!(1_250_000)),
            ("$12.50", json!(12.5)),
            ("$1,250", json!(1250)),
            ("US$ 1,250.75", json!(1250.75)),
            ("12,50 €", json!(12.5)),
            ("€1.250,00", json!(1250.0)),
            ("-12,50 €", json!(-12.5)),
            ("1,250,000", json!(1_250_000)),
            ("1,250,000.5", json!(1_250_000.5)),
            ("1.250.000,50", json!(1_250_000.5)),
        ] {
            assert_eq!(read(text, false), expected, "{text}");
        }
        for text in [
            "1.250.000",
            "250.000",
            "1,250",
            "12,5",
            "192.168.100.200",
            "250k",
            "250 k",
            "12.50.5 €",
            "1.25.000 đ",
            "0901 234 567",
            "123 456",
            "$",
            "€ 1.2.3",
            "007 đ",
            "1,2,3",
            "1 250 000",
            "đ",
            "3 đường",
            "12345678901234567 đ",
            "1,250,00",
        ] {
            assert_eq!(read(text, false), Value::Null, "{text}");
        }
        for text in ["250 km", "k", "1tr2x", "1,5tr2", "2 tỷ 5 triệu"] {
            assert_eq!(read(text, true), Value::Null, "{text}");
        }
        for (text, expected) in [
            ("250.000", json!(250_000)),
            ("1.250.000", json!(1_250_000)),
            ("1,250", json!(1250)),
            ("12,50", json!(12.5)),
            ("250k", json!(250_000)),
            ("1.250K", json!(1_250_000)),
            ("1,5 triệu", json!(1_500_000)),
            ("1.5 triệu đ", json!(1_500_000)),
            ("1tr2", json!(1_200_000)),
            ("1tr250", json!(1_250_000)),
            ("2 tỷ", json!(2_000_000_000_i64)),
            ("-300 nghìn", json!(-300_000)),
        ] {
            assert_eq!(read(text, true), expected, "{text}");
        }
    }
}
