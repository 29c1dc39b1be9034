//! Amounts of money: exact to the ten-thousandth, so that a sum of millions of them is exact too.

use std::fmt;
use std::ops::{Add, AddAssign, Neg};

use serde_json::Value;

/// Ten-thousandths of one. No currency divides itself further (ISO 4217).
const ONE: i64 = 10_000;
const DIGITS: usize = 4;
/// Beyond a million of millions it is a slip, and sums stay far from where numbers end.
const MOST: i64 = 1_000_000_000_000 * ONE;

/// An amount of money in a currency that is known elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i64);

impl Money {
    /// Reads the amount that a property of an event holds: a number, or a text that is one in the plain form `1250.50`, as shops
    /// write them into JSON. More digits than four behind the point are rounded.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => Self::parse(text.trim()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (text, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || !are_digits(whole)
            || !are_digits(fraction)
            || (fraction.is_empty() && text.contains('.'))
        {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let digits = format!("{whole}{fraction}");
        if digits.bytes().all(|byte| byte == b'0') {
            return Some(Self(0));
        }
        // How many of the digits stand before the last that is kept.
        let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::try_from(DIGITS).ok()?;
        if kept > 20 && fraction.len() < 20 {
            return None;
        }
        let mut amount: i64 = 0;
        for at in 0..kept.max(0) {
            let digit =
                usize::try_from(at).ok().and_then(|at| digits.as_bytes().get(at)).map_or(0, |digit| digit - b'0');
            amount = amount.checked_mul(10)?.checked_add(digit.into())?;
        }
        // The first that is not, where it is there at all: `0.00001` has it further behind.
        let next = usize::try_from(kept).ok().and_then(|at| digits.as_bytes().get(at));
        amount += i64::from(next.is_some_and(|digit| *digit >= b'5'));
        (amount <= MOST).then_some(Self(if negative { -amount } else { amount }))
    }

    /// Returns the amount for what is estimated anyhow.
    #[expect(clippy::cast_precision_loss, reason = "what is summed up here is exact up to a cent of a billion")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// Returns the amount that is nearest to an estimate, in what the currency has.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a number beyond all bounds is the greatest there is"
    )]
    pub fn near(estimate: f64, currency: Option<&str>) -> Self {
        let unit = unit_of(currency);
        Self(((estimate * ONE as f64 / unit as f64).round() as i64).saturating_mul(unit))
    }

    /// Returns the amount as people of a language read it, with its currency: `1,250,000 VND`, in Vietnamese `1.250.000 ₫`.
    pub fn shown(self, currency: Option<&str>, vietnamese: bool) -> String {
        let (group, point) = if vietnamese { ('.', ',') } else { (',', '.') };
        let (whole, fraction) = self.parts(currency);
        let mut text = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(point);
            text += &fraction;
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        match currency {
            Some("VND") if vietnamese => format!("{sign}{text} ₫"),
            Some(code) => format!("{sign}{text} {code}"),
            None => format!("{sign}{text}"),
        }
    }

    /// Returns what one of so many parts is, rounded to what the currency has; `None` of no parts.
    pub fn shared(self, parts: u64, currency: Option<&str>) -> Option<Self> {
        let unit = i128::from(unit_of(currency));
        let (amount, parts) = (i128::from(self.0), i128::from(parts));
        let halves = parts * unit;
        (parts > 0)
            .then(|| Self(i64::try_from((2 * amount + halves).div_euclid(2 * halves) * unit).unwrap_or(i64::MAX)))
    }

    /// Returns the digits before and behind the point: as many as the currency has, and more only where they say something.
    fn parts(self, currency: Option<&str>) -> (String, String) {
        let (whole, rest) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let least = if currency.is_none() && rest == 0 { 0 } else { digits_of(currency) };
        let digits = format!("{rest:0DIGITS$}");
        let length = digits.trim_end_matches('0').len().max(least);
        (whole.to_string(), digits[..length].to_owned())
    }
}

/// Returns the smallest amount that a currency has.
fn unit_of(currency: Option<&str>) -> i64 {
    10_i64.pow(u32::try_from(DIGITS - digits_of(currency)).unwrap_or_default())
}

/// Returns how many digits a currency has behind the point (ISO 4217).
fn digits_of(currency: Option<&str>) -> usize {
    match currency {
        Some("VND" | "JPY" | "KRW" | "CLP" | "ISK" | "PYG" | "UGX" | "XAF" | "XOF" | "XPF") => 0,
        Some("BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND") => 3,
        _ => 2,
    }
}

/// As programs read it: `1250000`, `-12.5`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let digits = format!("{rest:0DIGITS$}");
        let fraction = digits.trim_end_matches('0');
        let (sign, point) = (if self.0 < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_amount_is_none() {
        for (value, read) in [
            (json!(250_000), Some("250000")),
            (json!(12.5), Some("12.5")),
            (json!(-0.01), Some("-0.01")),
            (json!(0.1 + 0.2), Some("0.3")),
            (json!(1e-5), Some("0")),
            (json!(5e-5), Some("0.0001")),
            (json!(1e12), Some("1000000000000")),
            (json!(1.000_000_1e12), None),
            (json!(1e300), None),
            (json!(0e300), Some("0")),
            (json!(u64::MAX), None),
            (json!("1250.50"), Some("1250.5")),
            (json!(" 7 "), Some("7")),
            (json!("0000000000000000000000000000000000000000000012"), Some("12")),
            (json!("1,250"), None),
            (json!("1250."), None),
            (json!(".5"), None),
            (json!("12 EUR"), None),
            (json!("--1"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            assert_eq!(Money::read(&value).map(|money| money.to_string()).as_deref(), read, "{value}");
        }
    }

    #[test]
    fn it_is_shown_as_people_write_it() {
        let show = |text: &str, currency, vietnamese| Money::parse(text).unwrap().shown(currency, vietnamese);
        assert_eq!(show("1250000", Some("VND"), true), "1.250.000 ₫");
        assert_eq!(show("1250000", Some("VND"), false), "1,250,000 VND");
        assert_eq!(show("-1234.5", Some("EUR"), false), "-1,234.50 EUR");
        assert_eq!(show("1234.5", Some("EUR"), true), "1.234,50 EUR");
        assert_eq!(show("0.125", Some("USD"), false), "0.125 USD");
        assert_eq!(show("3", Some("KWD"), false), "3.000 KWD");
        assert_eq!(show("3", None, false), "3");
        assert_eq!(show("3.1", None, false), "3.10");
    }

    #[test]
    fn what_each_mail_brought_is_rounded_to_the_currency() {
        let each = |amount, parts, currency| Money(amount).shared(parts, currency).map(|money| money.to_string());
        assert_eq!(each(812_500_000_000, 12_450, Some("VND")).as_deref(), Some("6526"));
        assert_eq!(each(1_000_000, 3, Some("EUR")).as_deref(), Some("33.33"));
        assert_eq!(each(-1_000_000, 3, Some("EUR")).as_deref(), Some("-33.33"));
        assert_eq!(each(1_000_000, 3, Some("KWD")).as_deref(), Some("33.333"));
        assert_eq!(each(i64::MAX, 1, None).map(|text| text.len() > 10), Some(true));
        assert_eq!(each(5, 0, None), None);
        let near = |estimate, currency| Money::near(estimate, currency).to_string();
        assert_eq!((near(12.345_1, Some("EUR")), near(-0.6, Some("VND"))), ("12.35".to_owned(), "-1".to_owned()));
        assert_eq!((near(f64::NAN, None), near(1e300, None).len() > 10), ("0".to_owned(), true));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(amount in -MOST..=MOST) {
            prop_assert_eq!(Money::parse(&Money(amount).to_string()), Some(Money(amount)));
        }
    }
}
