//! The service's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// The service's clock. Tests can shift it; nothing else reads the system clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(system).unwrap_or(i64::MAX).saturating_add(self.0.load(Ordering::Relaxed))
    }

    /// For tests: moves this clock and all its clones.
    pub fn shift(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// What holds for every clock; client-core's have the same tests.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_counts_from_1970_and_never_runs_backwards_by_itself() {
        let clock = Clock::default();
        let mut last = 0;
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        // Seconds, not milliseconds: between the years 2025 and 2100.
        assert!((1_735_689_600..4_102_444_800).contains(&clock.now()));
    }

    #[test]
    fn a_clock_that_is_shifted_shows_it_to_everybody() {
        let (clock, other) = (Clock::default(), Clock::default());
        let clone = clock.clone();
        clock.shift(3600);
        let ahead = clone.now() - other.now();
        // A second may begin in between.
        assert!((3599..=3600).contains(&ahead), "{ahead}");
    }
}
