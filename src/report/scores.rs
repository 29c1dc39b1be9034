//! How many contacts have which score.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The scores as they stand.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// How many contacts have so many whole points.
    pub people: BTreeMap<i64, u64>,
    /// The points at which campaigns begin, segments and stages turn.
    pub thresholds: Vec<i64>,
}

/// More rows than this are no picture any more.
const BANDS: i64 = 12;

impl Scores {
    /// Returns how many contacts there are.
    pub fn all(&self) -> u64 {
        self.people.values().sum()
    }

    /// Returns how many have at least so many points.
    pub fn at_least(&self, points: i64) -> u64 {
        self.people.range(points..).map(|(_, people)| people).sum()
    }

    /// Returns the bands of a picture: from, to, how many. Nought stands alone, since most are there.
    pub fn bands(&self) -> Vec<(i64, i64, u64)> {
        let (Some(least), Some(most)) = (self.people.keys().next(), self.people.keys().next_back()) else {
            return Vec::new();
        };
        let widths = (0..18).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
        let size = (*most).max(-*least).max(1);
        let width = widths.into_iter().find(|width| size / width < BANDS).unwrap_or(i64::MAX);
        let mut bands: BTreeMap<i64, u64> = BTreeMap::new();
        for (points, people) in &self.people {
            // 1 to 10, 11 to 20, and the same below nought.
            let band = points.signum() * ((points.abs() + width - 1) / width);
            *bands.entry(band).or_default() += people;
        }
        // A gap between people shows as one.
        let ends = bands.keys().next().copied().zip(bands.keys().next_back().copied());
        for band in ends.into_iter().flat_map(|(first, last)| first..=last) {
            bands.entry(band).or_default();
        }
        let edges = |band: i64| match band {
            0 => (0, 0),
            1.. => ((band - 1) * width + 1, band * width),
            _ => (band * width, (band + 1) * width - 1),
        };
        bands.into_iter().map(|(band, people)| (edges(band).0, edges(band).1, people)).collect()
    }
}

/// Returns the bands for programs, one a row.
pub fn rows(scores: &Scores) -> Vec<Value> {
    let each = scores.bands().into_iter();
    each.map(|(from, to, people)| json!({ "from": from, "to": to, "contacts": people })).collect()
}

/// Returns the scores for programs.
pub fn json(scores: &Scores) -> Value {
    let thresholds: Vec<_> = scores
        .thresholds
        .iter()
        .map(|points| json!({ "points": points, "contacts": scores.at_least(*points) }))
        .collect();
    json!({ "contacts": scores.all(), "bands": rows(scores), "thresholds": thresholds })
}
