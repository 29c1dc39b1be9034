//! How long something lasts when for some it is not over yet.

use super::Count;

/// Stays of one length: how long, whether they are over, how many.
pub type Stays = (u64, bool, u64);

/// Returns the time within which half of the stays are over, by the estimator of Kaplan and Meier (1958), which makes use of
/// those that still last as well; `None` where that time has not come for so many.
pub fn median_stay(stays: &[Stays]) -> Option<u64> {
    let mut sorted = stays.to_vec();
    sorted.sort_unstable_by_key(|(length, ..)| *length);
    let mut staying: u64 = sorted.iter().map(|(.., number)| number).sum();
    let mut share = 1.0;
    for same in sorted.chunk_by(|(a, ..), (b, ..)| a == b) {
        let over: u64 = same.iter().filter(|(_, over, _)| *over).map(|(.., number)| number).sum();
        if over > 0 {
            share *= 1.0 - Count { hits: over, of: staying }.share().unwrap_or_default();
        }
        // A hair, so that two halves of three quarters are no less than a half.
        if share <= 0.5 + 1e-12 {
            return Some(same[0].0);
        }
        staying -= same.iter().map(|(.., number)| number).sum::<u64>();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_those_who_left_and_of_those_who_stay() {
        assert_eq!(median_stay(&[]), None);
        assert_eq!(median_stay(&[(10, true, 1)]), Some(10));
        assert_eq!(median_stay(&[(10, false, 1)]), None, "nobody has left yet");
        assert_eq!(median_stay(&[(1, true, 2), (5, true, 2)]), Some(1));
        // The remission times of Freireich's 21 patients under 6-mercaptopurine, in weeks: half of them 23 or less
        // (Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 1.1.1).
        let over = [(6, 3), (7, 1), (10, 1), (13, 1), (16, 1), (22, 1), (23, 1)];
        let lasting = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
        let stays: Vec<Stays> = over
            .iter()
            .map(|(week, number)| (*week, true, *number))
            .chain(lasting.map(|week| (week, false, 1)))
            .collect();
        assert_eq!(median_stay(&stays), Some(23));
        let early: Vec<Stays> = stays.into_iter().filter(|(week, over, _)| *over || *week < 30).collect();
        assert_eq!(median_stay(&early), Some(22));
    }
}
