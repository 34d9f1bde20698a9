//! A store that gives a byte now and then never stalls, and never ends: what comes slower than any network counts as
//! standing still.

use std::time::{Duration, Instant};

/// Slower than this is no network, bytes a second.
const SLOWEST: u64 = 512;

/// How much came since when.
pub(super) struct Pace {
    stall: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Looked at once in each `stall`.
    pub(super) fn new(stall: Duration) -> Self {
        Self { stall, since: Instant::now(), bytes: 0 }
    }

    /// So many bytes came. Whether the transfer moves on.
    pub(super) fn moves(&mut self, bytes: usize) -> bool {
        self.moves_at(Instant::now(), bytes)
    }

    fn moves_at(&mut self, now: Instant, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let took = now.saturating_duration_since(self.since);
        if took < self.stall {
            return true;
        }
        // Whoever reads may have been busy in between, so that one window can be longer than the stall: what counts is
        // what came in one stall, not in all of the time.
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
    fn a_byte_a_second_stands_still_and_a_slow_network_does_not() {
        let stall = Duration::from_secs(45);
        for (each, moves) in [(1, false), (300, false), (600, true), (100_000, true)] {
            let mut pace = Pace::new(stall);
            let began = pace.since;
            let went = (1..=600).all(|second| pace.moves_at(began + Duration::from_secs(second), each));
            assert_eq!(went, moves, "{each} bytes a second");
        }
    }

    #[test]
    fn a_reader_that_was_busy_is_no_slow_store() {
        let mut pace = Pace::new(Duration::from_secs(2));
        let began = pace.since;
        // A disk that took a minute for a piece of what a window asks for.
        assert!(pace.moves_at(began + Duration::from_secs(60), 4096));
    }
}
