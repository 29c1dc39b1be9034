//! The two languages of reports that people read: words stand in pairs where they are used, numbers as each writes them.

use chrono::NaiveDate;

use super::percent::percent;
use crate::model::money::Money;
use crate::model::plain::grouped;

/// In which language a report speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    English,
    Vietnamese,
}

impl Language {
    /// Returns the one for a language of the settings, as `vi` or `en-GB`; for any that is neither, English.
    pub fn of(code: &str) -> Self {
        let plain = code.split(['-', '_']).next().unwrap_or(code);
        if plain.eq_ignore_ascii_case("vi") { Self::Vietnamese } else { Self::English }
    }

    /// Returns its code, as HTML names it.
    pub fn code(self) -> &'static str {
        self.either("en", "vi")
    }

    /// Returns what is said in it.
    pub fn either<'a>(self, english: &'a str, vietnamese: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Vietnamese => vietnamese,
        }
    }

    /// Returns a number with its thousands apart.
    pub fn number(self, number: u64) -> String {
        self.written(&grouped(number))
    }

    /// Returns a share in per cent.
    pub fn percent(self, share: Option<f64>) -> Option<String> {
        percent(share).map(|text| self.written(&text).replace(' ', "\u{a0}"))
    }

    /// Returns a share in per cent with as many digits as a small one needs: `0.14 %`.
    pub fn fine_percent(self, share: f64) -> String {
        let percent = share * 100.0;
        let digits = match percent {
            _ if percent < 1.0 => 2,
            _ if percent < 10.0 => 1,
            _ => 0,
        };
        // A half is rounded up, as everywhere in a report.
        let scale = 10_f64.powi(i32::try_from(digits).unwrap_or_default());
        self.written(&format!("{:.digits$}\u{a0}%", (percent * scale).round() / scale))
    }

    /// Returns points of a hundred: `-0.6`.
    pub fn points(self, share: f64) -> String {
        self.written(&format!("{:.1}", share * 100.0))
    }

    /// Returns an amount with its currency.
    pub fn money(self, amount: Money, currency: Option<&str>) -> String {
        amount.shown(currency, self == Self::Vietnamese).replace(' ', "\u{a0}")
    }

    /// Returns a day as people of the language write it where it stands alone.
    pub fn day(self, day: NaiveDate) -> String {
        match self {
            Self::English => day.format("%Y-%m-%d").to_string(),
            Self::Vietnamese => day.format("%d/%m/%Y").to_string(),
        }
    }

    /// Turns a number as English writes it into one of this language.
    fn written(self, number: &str) -> String {
        match self {
            Self::English => number.to_owned(),
            Self::Vietnamese => number
                .chars()
                .map(|c| match c {
                    ',' => '.',
                    '.' => ',',
                    c => c,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writes_numbers_its_own_way() {
        let (en, vi) = (Language::of("en-GB"), Language::of("vi-VN"));
        assert_eq!((en.number(12_480), vi.number(12_480)), ("12,480".to_owned(), "12.480".to_owned()));
        assert_eq!(vi.percent(Some(0.0654)).as_deref(), Some("6,5\u{a0}%"));
        assert_eq!(
            (en.fine_percent(0.001_44), vi.fine_percent(0.021)),
            ("0.14\u{a0}%".to_owned(), "2,1\u{a0}%".to_owned())
        );
        assert_eq!(vi.points(-0.0061), "-0,6");
        assert_eq!(Language::of("fr"), Language::English);
    }
}
