//! The time of day. No other file reads the system clock.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> i64;
}

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// A clock that tests set by hand.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Creates a clock that shows `now`, seconds since 1970.
    #[must_use]
    pub const fn new(now: i64) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Sets it to `now`.
    pub fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Tests that apply to every clock. The service's has a type of its own, and the same tests in its file.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_clock_counts_from_1970_and_never_runs_backwards_by_itself() {
        for clock in [&SystemClock as &dyn Clock, &FixedClock::default(), &FixedClock::new(1_800_000_000)] {
            let mut last = 0;
            for _ in 0..1000 {
                let now = clock.now();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        }
        // Seconds, not milliseconds: between the years 2025 and 2100.
        assert!((1_735_689_600..4_102_444_800).contains(&SystemClock.now()));
    }

    #[test]
    fn a_clock_that_is_set_shows_it_to_everybody() {
        let set = Arc::new(FixedClock::new(5));
        let seen: Arc<dyn Clock> = Arc::<FixedClock>::clone(&set);
        assert_eq!(seen.now(), 5);
        for now in [7, 3, i64::MAX] {
            set.set(now);
            assert_eq!(seen.now(), now);
        }
    }
}
