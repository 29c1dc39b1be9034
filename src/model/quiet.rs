//! Dates on which no mail goes: holidays, by the contact's own calendar.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

/// A set of dates; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuietDates(Arc<[Quiet]>);

/// One date or range of dates, its ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// In one year: Tết moves with the moon.
    Once(NaiveDate, NaiveDate),
    /// In every year, as month and day; may pass New Year.
    Yearly((u32, u32), (u32, u32)),
}

impl Quiet {
    /// Reads `2027-02-05`, `2027-02-05..2027-02-10`, `12-25` or `12-24..01-02`.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a date or range; write `2027-02-05..2027-02-10`, or `12-25` for every year");
        let (from, to) = text.split_once("..").map_or((text, text), |(from, to)| (from.trim(), to.trim()));
        let once = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
        // A leap year, so that 29 February is a date.
        let yearly = |text: &str| once(&format!("2000-{text}")).map(|date| (date.month(), date.day()));
        match (once(from), once(to), yearly(from), yearly(to)) {
            (Some(from), Some(to), ..) if from <= to => Ok(Self::Once(from, to)),
            (Some(_), Some(_), ..) => Err(format!("`{text}` ends before it begins")),
            (.., Some(from), Some(to)) => Ok(Self::Yearly(from, to)),
            _ => Err(wrong()),
        }
    }

    fn contains(self, date: NaiveDate) -> bool {
        match self {
            Self::Once(from, to) => (from..=to).contains(&date),
            Self::Yearly(from, to) => {
                let day = (date.month(), date.day());
                if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
            }
        }
    }
}

impl QuietDates {
    /// Says whether no mail goes on a date.
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.0.iter().any(|quiet| quiet.contains(date))
    }

    /// Says whether every date is free.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether no date of a leap year is left free of what comes back each year.
    pub fn is_always(&self) -> bool {
        let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
        let yearly =
            |date: NaiveDate| self.0.iter().any(|quiet| matches!(quiet, Quiet::Yearly(..)) && quiet.contains(date));
        first.iter_days().take(366).all(yearly)
    }
}

impl FromIterator<Quiet> for QuietDates {
    fn from_iter<I: IntoIterator<Item = Quiet>>(dates: I) -> Self {
        Self(dates.into_iter().collect())
    }
}

impl fmt::Display for QuietDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, quiet) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match quiet {
                Quiet::Once(from, to) if from == to => write!(f, "{comma}{from}")?,
                Quiet::Once(from, to) => write!(f, "{comma}{from}..{to}")?,
                Quiet::Yearly(from, to) if from == to => write!(f, "{comma}{:02}-{:02}", from.0, from.1)?,
                Quiet::Yearly(from, to) => {
                    write!(f, "{comma}{:02}-{:02}..{:02}-{:02}", from.0, from.1, to.0, to.1)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(dates: &[&str], date: &str) -> bool {
        let dates: QuietDates = dates.iter().map(|text| Quiet::parse(text).expect(text)).collect();
        dates.contains(date.parse().expect("a date"))
    }

    #[test]
    fn holidays_are_dates_ranges_and_days_of_every_year() {
        let tet = ["2027-02-05..2027-02-10", "09-02", "12-30..01-02", "02-29"];
        for date in ["2027-02-05", "2027-02-10", "2031-09-02", "2026-12-31", "2027-01-02", "2028-02-29"] {
            assert!(quiet(&tet, date), "{date}");
        }
        for date in ["2027-02-11", "2028-02-05", "2027-01-03", "2027-02-28"] {
            assert!(!quiet(&tet, date), "{date}");
        }
        for text in ["", "2027-2-5", "2027-02-30", "2027-02-10..2027-02-05", "02-30", "Tết", "2027-02-05..02-10"] {
            assert!(Quiet::parse(text).is_err(), "{text}");
        }
    }
}
