//! A stretch of time that a report looks at: `--since` and `--until`.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::delay::Span;
use super::{Instant, wall};

/// From `since` up to, not including, `until`; what is left out is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    pub since: Option<Instant>,
    pub until: Option<Instant>,
}

impl Period {
    /// Reads the two ends: a day (`until` takes in the whole of it), an instant, or how long ago, as `30d`.
    ///
    /// # Errors
    /// Returns what is wrong, as a clause for a message.
    pub fn parse(since: Option<&str>, until: Option<&str>, now: Instant, zone: Tz) -> Result<Self, String> {
        let since = since.map(|text| end(text, 0, now, zone)).transpose()?;
        let until = until.map(|text| end(text, 1, now, zone)).transpose()?;
        match (since, until) {
            (Some(since), Some(until)) if until <= since => {
                Err("the report ends before it begins: `--until` lies before `--since`".to_owned())
            }
            _ => Ok(Self { since, until }),
        }
    }

    /// Says whether an instant lies in it.
    pub fn contains(self, at: Instant) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Says whether it is all of time.
    pub fn is_always(self) -> bool {
        self == Self::default()
    }
}

fn end(text: &str, days: u64, now: Instant, zone: Tz) -> Result<Instant, String> {
    let text = text.trim();
    let form = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
    if let Some(date) = form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten() {
        return Ok(wall::start_of_day(date + Days::new(days), zone));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(wall::whole(time.with_timezone(&Utc)));
    }
    match Span::parse(text) {
        Ok(span) => Ok(now - span.elapsed()),
        Err(_) => Err(format!("`{text}` is no day and no duration; write `2026-03-01` or `30d`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_whole_where_the_project_is() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let now = at("2026-03-31T00:00:00Z");
        let zone = Tz::Asia__Ho_Chi_Minh;
        let period = Period::parse(Some("2026-03-01"), Some("2026-03-02"), now, zone).unwrap();
        assert_eq!(period.since, Some(at("2026-02-28T17:00:00Z")));
        assert_eq!(period.until, Some(at("2026-03-02T17:00:00Z")));
        let period = Period::parse(Some("30d"), Some("2026-03-30T00:00:00+07:00"), now, zone).unwrap();
        assert_eq!(period.since, Some(at("2026-03-01T00:00:00Z")));
        assert_eq!(period.until, Some(at("2026-03-29T17:00:00Z")));
        for text in ["yesterday", "2026-02-30", "30", ""] {
            assert!(Period::parse(Some(text), None, now, zone).is_err(), "{text}");
        }
        assert!(Period::parse(Some("1d"), Some("2d"), now, zone).is_err());
    }
}
