//! Limits the log lines about strangers' requests.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Log lines per second about requests that no signed-in device made.
const LINES_PER_SECOND: u64 = 10;

/// Response extension: a signed-in device made the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BySignedDevice;

/// Samples lines about strangers' requests, so that strangers do not decide how large the log gets.
#[derive(Debug)]
pub(crate) struct Sampler {
    started: Instant,
    second: AtomicU64,
    written: AtomicU64,
    left_out: AtomicU64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            second: AtomicU64::new(0),
            written: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }
}

impl Sampler {
    /// Returns whether to write this line, with the number omitted since the last second that had one.
    pub(crate) fn admit(&self) -> Option<u64> {
        let second = self.started.elapsed().as_secs();
        let mut left_out = 0;
        if self.second.swap(second, Ordering::AcqRel) != second {
            self.written.store(0, Ordering::Release);
            left_out = self.left_out.swap(0, Ordering::AcqRel);
        }
        if self.written.fetch_add(1, Ordering::AcqRel) < LINES_PER_SECOND {
            Some(left_out)
        } else {
            self.left_out.fetch_add(1, Ordering::AcqRel);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_decide_how_long_the_log_gets() {
        let sampler = Sampler::default();
        let written = (0..10_000).filter(|_| sampler.admit().is_some()).count();
        assert!((10..=20).contains(&written), "{written}: the loop may cross one second");
        assert!(sampler.left_out.load(Ordering::Relaxed) > 9_000);
    }
}
