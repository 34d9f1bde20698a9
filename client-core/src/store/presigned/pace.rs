//! A store that sends a byte now and then never stalls and never finishes: anything slower than any real network
//! counts as a stall.

use std::time::{Duration, Instant};

/// The slowest acceptable transfer, bytes per second.
const SLOWEST: u64 = 512;

/// Counts the bytes received in a time window.
pub(super) struct Pace {
    stall: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Checked once per `stall`.
    pub(super) fn new(stall: Duration) -> Self {
        Self { stall, since: Instant::now(), bytes: 0 }
    }

    /// Counts received bytes. Returns whether the transfer makes progress.
    pub(super) fn moves(&mut self, bytes: usize) -> bool {
        self.moves_at(Instant::now(), bytes)
    }

    fn moves_at(&mut self, now: Instant, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let took = now.saturating_duration_since(self.since);
        if took < self.stall {
            return true;
        }
        // The reader may have been busy in between, so one window can be longer than the stall: require what one stall
        // must bring, not the whole window.
        let least = SLOWEST.saturating_mul(self.stall.as_secs().max(1));
        let moves = self.bytes >= least;
        (self.since, self.bytes) = (now, 0);
        moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_per_second_is_a_stall_and_a_slow_network_is_not() {
        let stall = Duration::from_secs(45);
        for (each, moves) in [(1, false), (300, false), (600, true), (100_000, true)] {
            let mut pace = Pace::new(stall);
            let began = pace.since;
            let went = (1..=600).all(|second| pace.moves_at(began + Duration::from_secs(second), each));
            assert_eq!(went, moves, "{each} bytes a second");
        }
    }

    #[test]
    fn a_busy_reader_is_not_a_slow_store() {
        let mut pace = Pace::new(Duration::from_secs(2));
        let began = pace.since;
        // A disk that took a minute for part of what a window requires.
        assert!(pace.moves_at(began + Duration::from_secs(60), 4096));
    }
}
