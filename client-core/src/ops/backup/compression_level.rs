//! The compression level: higher while the network is the bottleneck, since the CPU has time then.

use std::{
    sync::atomic::{AtomicI32, Ordering},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::encode::DEFAULT_LEVEL;

/// Above this level zstd takes ten times as long as at level 3 and gains two percent.
const HIGHEST: i32 = 12;

/// The new part of a chunk is small: a higher level is cheap there and saves 7 %.
const REST: i32 = 9;

/// The current level.
pub(super) struct Level {
    now: AtomicI32,
    watch: Option<Mutex<Watch>>,
}

/// When the last pack was handed over.
struct Watch {
    since: Instant,
}

impl Level {
    /// A fixed or an adaptive level.
    pub(super) fn new(fixed: Option<i32>) -> Self {
        Self {
            now: AtomicI32::new(fixed.unwrap_or(DEFAULT_LEVEL)),
            watch: fixed.is_none().then(|| Mutex::new(Watch { since: Instant::now() })),
        }
    }

    pub(super) fn now(&self) -> i32 {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether the level adapts: the user chose none.
    pub(super) const fn adapts(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether the data may decide which of the equally good methods of compression is fastest.
    pub(super) fn can_sample(&self) -> bool {
        self.adapts() && self.now() == DEFAULT_LEVEL
    }

    /// For the new part of a chunk that shares rows with the last dump.
    pub(super) fn for_new_part(&self) -> i32 {
        if self.adapts() { self.now().max(REST) } else { self.now() }
    }

    /// Hands over a full pack, which blocks while earlier ones are being uploaded.
    pub(super) fn time_send<T>(&self, hand_over: impl FnOnce() -> T) -> T {
        let Some(watch) = &self.watch else { return hand_over() };
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let done = hand_over();
        let (made, waited) = (began - watch.since, began.elapsed());
        watch.since = Instant::now();
        self.now.store(next(self.now(), made, waited), Ordering::Relaxed);
        done
    }
}

/// One step up if the pack waited longer than it took to build, one down if it hardly waited.
fn next(level: i32, made: Duration, waited: Duration) -> i32 {
    if waited > made {
        (level + 1).min(HIGHEST)
    } else if waited < made / 8 {
        (level - 1).max(DEFAULT_LEVEL)
    } else {
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_network_raises_the_level_and_a_fast_one_lowers_it() {
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(1));
        let mut level = DEFAULT_LEVEL;
        for _ in 0..20 {
            level = next(level, short, long);
        }
        assert_eq!(level, HIGHEST);
        assert_eq!(next(level, long, long / 2), level);
        for _ in 0..20 {
            level = next(level, long, short);
        }
        assert_eq!(level, DEFAULT_LEVEL);
        let fixed = Level::new(Some(7));
        fixed.time_send(|| std::thread::sleep(short));
        assert_eq!(fixed.now(), 7);
    }
}
