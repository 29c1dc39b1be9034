//! Functions whose results depend on the reader's language: dates, numbers, money, plurals.

use chrono::{Days, TimeDelta};
use serde_json::Value;

use super::locale::{Moment, Words, Writing};
use super::value::write;
use crate::model::delay::Span;
use crate::model::plain::quoted;

/// The arguments of a call.
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) values: Vec<&'a Value>,
    pub(super) named: Vec<(&'a str, &'a Value)>,
    pub(super) writing: Writing,
}

impl Call<'_> {
    fn text(&self, index: usize) -> Option<String> {
        self.values.get(index).and_then(|value| write(value))
    }

    fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Complains about a named argument that the function has not got.
    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.named.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => Err(format!("`{}` has no argument `{name}`", self.name)),
            None => Ok(()),
        }
    }

    fn number(&self, index: usize) -> Result<Option<f64>, String> {
        let Some(value) = self.values.get(index).filter(|value| !value.is_null()) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            // `250.000` is a quarter of a thousand here and a quarter of a million there.
            Value::String(text) if is_grouped(text.trim()) => None,
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(format!("`{}` cannot read {} as a number", self.name, shown(value))),
        }
    }
}

/// Says whether a point may stand between thousands: before three digits and nothing else.
fn is_grouped(text: &str) -> bool {
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or((text, ""));
    fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0"
}

/// `date VALUE [style=…] [format=…]`
pub(super) fn date(call: &Call<'_>) -> Result<Value, String> {
    call.only(&["style", "format"])?;
    let Some(moment) = moment(call)? else { return Ok(Value::Null) };
    if let Some(pattern) = call.named("format").and_then(Value::as_str) {
        return moment.formatted(pattern, call.writing.words).map(Value::String);
    }
    let style = call.named("style").and_then(Value::as_str).unwrap_or("long");
    moment.styled(style, call.writing.words).map(Value::String)
}

/// `date_add VALUE "7d"`
pub(super) fn date_add(call: &Call<'_>) -> Result<Value, String> {
    let Some(moment) = moment(call)? else { return Ok(Value::Null) };
    let written = call.text(1).unwrap_or_default();
    let (back, rest) = written.strip_prefix('-').map_or((false, written.as_str()), |rest| (true, rest));
    let span = Span::parse(rest)?;
    let beyond = || format!("`date_add` leads beyond the calendar: {written}");
    let days = Days::new(span.days.into());
    let seconds = TimeDelta::seconds(span.seconds.into());
    Ok(Value::String(match moment {
        Moment::Day(day) if span.seconds == 0 => {
            let day = if back { day.checked_sub_days(days) } else { day.checked_add_days(days) };
            day.ok_or_else(beyond)?.to_string()
        }
        Moment::Day(_) => return Err(format!("`date_add` cannot add {written} to a day; write days or weeks")),
        Moment::Time(time) => {
            let time = if back {
                time.checked_sub_days(days).and_then(|time| time.checked_sub_signed(seconds))
            } else {
                time.checked_add_days(days).and_then(|time| time.checked_add_signed(seconds))
            };
            time.ok_or_else(beyond)?.format("%Y-%m-%d %H:%M:%S").to_string()
        }
    }))
}

fn moment(call: &Call<'_>) -> Result<Option<Moment>, String> {
    let Some(value) = call.values.first().filter(|value| !value.is_null()) else { return Ok(None) };
    let moment = value.as_str().and_then(|text| Moment::read(text, call.writing.zone));
    moment.map(Some).ok_or_else(|| format!("`{}` cannot read {} as a date", call.name, shown(value)))
}

/// `number VALUE [decimals=0]`
pub(super) fn number(call: &Call<'_>) -> Result<Value, String> {
    call.only(&["decimals"])?;
    let Some(number) = call.number(0)? else { return Ok(Value::Null) };
    let decimals = decimals(call)?.unwrap_or(if number.fract() == 0.0 { 0 } else { 2 });
    Ok(Value::String(grouped(number, decimals, call.writing.words)))
}

/// `percent VALUE [decimals=0]`: 0.25 is 25 %
pub(super) fn percent(call: &Call<'_>) -> Result<Value, String> {
    call.only(&["decimals"])?;
    let Some(number) = call.number(0)? else { return Ok(Value::Null) };
    Ok(Value::String(format!("{}%", grouped(number * 100.0, decimals(call)?.unwrap_or(0), call.writing.words))))
}

/// The signs of currencies, and how many decimals they have.
const CURRENCIES: [(&str, &str, usize); 11] = [
    ("VND", "₫", 0),
    ("USD", "$", 2),
    ("EUR", "€", 2),
    ("GBP", "£", 2),
    ("JPY", "¥", 0),
    ("KRW", "₩", 0),
    ("CNY", "CN¥", 2),
    ("THB", "฿", 2),
    ("SGD", "S$", 2),
    ("AUD", "A$", 2),
    ("INR", "₹", 2),
];

/// `money VALUE "VND"`
pub(super) fn money(call: &Call<'_>) -> Result<Value, String> {
    let Some(number) = call.number(0)? else { return Ok(Value::Null) };
    let code = call.text(1).unwrap_or_default().to_uppercase();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("`{code}` is no currency; write its code, as `{{{{money price \"VND\"}}}}`"));
    }
    let (sign, decimals) = CURRENCIES
        .iter()
        .find(|(known, ..)| *known == code)
        .map_or((None, 2), |(_, sign, decimals)| (Some(*sign), *decimals));
    let amount = grouped(number.abs(), decimals, call.writing.words);
    let minus = if number < 0.0 { "-" } else { "" };
    Ok(Value::String(match (sign, call.writing.words) {
        // A space that does not break.
        (Some(sign), Words::Vietnamese) => format!("{minus}{amount}\u{a0}{sign}"),
        (Some(sign), _) => format!("{minus}{sign}{amount}"),
        (None, _) => format!("{minus}{amount}\u{a0}{code}"),
    }))
}

/// `plural COUNT "one cup" "{} cups"`; Vietnamese has one form, the last one
pub(super) fn plural(call: &Call<'_>) -> Result<Value, String> {
    let Some(number) = call.number(0)? else { return Ok(Value::Null) };
    let forms: Vec<String> = (1..call.values.len()).filter_map(|index| call.text(index)).collect();
    let Some(last) = forms.last() else {
        return Err("`plural` needs its forms, as `{{plural n \"one cup\" \"{} cups\"}}`".to_owned());
    };
    let one = call.writing.words != Words::Vietnamese && (number - 1.0).abs() < f64::EPSILON;
    let form = if one { &forms[0] } else { last };
    let decimals = usize::from(number.fract() != 0.0);
    Ok(Value::String(form.replace("{}", &grouped(number, decimals, call.writing.words))))
}

/// `url BASE key=value …`
pub(super) fn url(call: &Call<'_>) -> Result<Value, String> {
    let Some(base) = call.text(0) else { return Ok(Value::Null) };
    let is_web = ["https://", "http://"].iter().any(|scheme| base.starts_with(scheme));
    if !is_web || base.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{} is no address of the web; begin it with `https://`", quoted(&base)));
    }
    let (address, fragment) = base.split_once('#').map_or((base.as_str(), None), |(a, b)| (a, Some(b)));
    let mut out = address.to_owned();
    for (name, value) in &call.named {
        let value = write(value).ok_or_else(|| format!("`{name}` of the link is missing"))?;
        out.push(if out.contains('?') { '&' } else { '?' });
        out += &format!("{}={}", encoded(name), encoded(&value));
    }
    Ok(Value::String(fragment.map_or(out.clone(), |fragment| format!("{out}#{fragment}"))))
}

/// `add`, `sub`, `mul`, `div`
pub(super) fn arithmetic(call: &Call<'_>) -> Result<Value, String> {
    let (Some(a), Some(b)) = (call.number(0)?, call.number(1)?) else { return Ok(Value::Null) };
    let result = match call.name {
        "add" => a + b,
        "sub" => a - b,
        "mul" => a * b,
        _ if b == 0.0 => return Err("`div` divides by zero".to_owned()),
        _ => a / b,
    };
    as_value(result, call.name)
}

/// `round VALUE [decimals=0]`
pub(super) fn round(call: &Call<'_>) -> Result<Value, String> {
    call.only(&["decimals"])?;
    let Some(number) = call.number(0)? else { return Ok(Value::Null) };
    let scale = 10_f64.powi(i32::try_from(decimals(call)?.unwrap_or(0)).unwrap_or(0));
    as_value((number * scale).round() / scale, call.name)
}

fn as_value(number: f64, name: &str) -> Result<Value, String> {
    let whole = number.fract() == 0.0 && number.abs() < 1e15;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that a double holds exactly")]
    let value = if whole { Some((number as i64).into()) } else { serde_json::Number::from_f64(number) };
    value.map(Value::Number).ok_or_else(|| format!("`{name}` leads beyond all numbers"))
}

fn decimals(call: &Call<'_>) -> Result<Option<usize>, String> {
    let Some(value) = call.named("decimals") else { return Ok(None) };
    match value.as_u64() {
        Some(number @ 0..=6) => Ok(usize::try_from(number).ok()),
        _ => Err("`decimals` is a number from 0 to 6".to_owned()),
    }
}

/// Writes a number with its thousands apart: 1.234.567,89 in Vietnamese, 1,234,567.89 otherwise.
fn grouped(number: f64, decimals: usize, words: Words) -> String {
    let (apart, point) = if words == Words::Vietnamese { ('.', ',') } else { (',', '.') };
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
    let nothing = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut out = String::from(if number < 0.0 && !nothing { "-" } else { "" });
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(apart);
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push(point);
        out += fraction;
    }
    out
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let piece = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(piece).collect::<Vec<_>>().concat()
}

fn shown(value: &Value) -> String {
    quoted(&write(value).unwrap_or_default())
}
