//! A shared limit on bytes per second.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Spreads bytes over time, across all transfers that share it.
#[derive(Debug)]
pub(super) struct Throttle {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
}

impl Throttle {
    /// At most `bytes_per_second`, at least one.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// How many bytes to send at once: few enough that a low limit is not taken for a stall.
    pub(super) fn step(&self, most: usize) -> usize {
        usize::try_from(self.bytes_per_second / 4).unwrap_or(most).clamp(1024.min(most), most)
    }

    /// Reserves `bytes` and returns how long to wait before the next ones.
    pub(super) fn book(&self, bytes: usize) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let now = Instant::now();
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = (*free_at).max(now) + cost;
        free_at.saturating_duration_since(now)
    }
}
