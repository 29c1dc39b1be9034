//! Which of several shares leads, and whether that is more than chance.

use super::{Count, difference};

/// The highest of several shares. Shares are fractions of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lead {
    /// The places of the highest share, and of the one after it.
    pub leader: usize,
    pub next: usize,
    /// By how much the first is above the second, and between what that lies.
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    /// Whether the leader is above each of the others by more than chance gives.
    pub is_clear: bool,
}

/// Returns which share leads, each pair being as sure as this (0 to 1); `None` where fewer than two are known, or all are zero.
pub fn lead(counts: &[Count], confidence: f64) -> Option<Lead> {
    let mut order: Vec<(usize, f64)> =
        counts.iter().enumerate().filter_map(|(at, count)| Some((at, count.share()?))).collect();
    if order.len() < 2 || counts.iter().all(|count| count.hits == 0) {
        return None;
    }
    order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let (leader, next) = (order[0].0, order[1].0);
    let (by, (low, high)) = difference(counts[leader], counts[next], confidence)?;
    let is_above =
        |other: usize| difference(counts[leader], counts[other], confidence).is_some_and(|(_, (low, _))| low > 0.0);
    let is_clear = order[1..].iter().all(|(other, _)| is_above(*other));
    Some(Lead { leader, next, difference: by, low, high, is_clear })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leads_and_is_clear_only_of_those_it_is_clear_of() {
        let lead = |counts: &[(u64, u64)]| {
            let counts: Vec<_> = counts.iter().map(|(hits, of)| Count { hits: *hits, of: *of }).collect();
            lead(&counts, 0.95).map(|lead| (lead.leader, lead.next, lead.is_clear))
        };
        assert_eq!(lead(&[(10, 100), (40, 100)]), Some((1, 0, true)));
        assert_eq!(lead(&[(10, 100), (40, 100), (38, 100)]), Some((1, 2, false)));
        assert_eq!(lead(&[(10, 100), (0, 0), (40, 100)]), Some((2, 0, true)));
        for nothing in [&[][..], &[(1, 2)], &[(0, 100), (0, 100)], &[(1, 2), (0, 0)]] {
            assert_eq!(lead(nothing), None, "{nothing:?}");
        }
    }
}
