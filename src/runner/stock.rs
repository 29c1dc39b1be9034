//! How many mails are claimed ahead of the connections.
//!
//! Each claim of a batch waits for the disk once, so a quick relay asks for large batches; but after a power cut whatever
//! was claimed is of unknown fate, so a slow one gets small ones. What is in hand lasts for a fraction of a second.

use std::time::{Duration, Instant};

/// Mails in hand for each connection, at first and at the least: enough that none waits for the next claim.
const FEWEST: usize = 4;
/// At the most.
const MOST: usize = 32;
/// A batch that was used up sooner than that was too small, and one that took longer was too large.
const SOON: Duration = Duration::from_millis(40);
const LATE: Duration = Duration::from_millis(400);

/// The size of what is in hand.
#[derive(Debug)]
pub(super) struct Stock {
    connections: usize,
    size: usize,
    /// When the last batch was claimed.
    claimed: Option<Instant>,
}

impl Stock {
    pub(super) fn new(connections: usize) -> Self {
        Self { connections, size: connections * FEWEST, claimed: None }
    }

    /// Returns how many mails may be in hand.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Says whether it is time to claim more, with so many in hand.
    pub(super) fn is_low(&self, in_hand: usize) -> bool {
        in_hand <= self.size / 2
    }

    /// Notes that a batch is claimed.
    pub(super) fn claimed(&mut self, now: Instant) {
        if let Some(last) = self.claimed.replace(now) {
            let lasted = now.saturating_duration_since(last);
            if lasted < SOON {
                self.size = (self.size * 2).min(self.connections * MOST);
            } else if lasted > LATE {
                self.size = (self.size / 2).max(self.connections * FEWEST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_relay_is_given_more_at_a_time_and_a_slow_one_less() {
        let mut stock = Stock::new(4);
        assert_eq!(stock.size(), 16);
        let mut now = Instant::now();
        let mut after = |millis, stock: &mut Stock| {
            now += Duration::from_millis(millis);
            stock.claimed(now);
            stock.size()
        };
        let grown: Vec<usize> = [1, 1, 100, 1, 1, 1].map(|millis| after(millis, &mut stock)).to_vec();
        assert_eq!(grown, [16, 32, 32, 64, 128, 128]);
        let shrunk: Vec<usize> = [500, 500, 500, 500].map(|millis| after(millis, &mut stock)).to_vec();
        assert_eq!(shrunk, [64, 32, 16, 16]);
        assert!(stock.is_low(8) && !stock.is_low(9));
    }
}
