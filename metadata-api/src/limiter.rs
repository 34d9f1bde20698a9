//! How often a network may do something, in this process.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::network::{Network, Prefix};

/// How many times a network's allowance the wider prefixes get, as [`Network::levels`] says.
const TIMES: [u32; 3] = [1, 4, 16];

/// One per prefix length: IPv4 addresses and /64, /56, /48.
pub(crate) struct Limiter([DefaultKeyedRateLimiter<Prefix>; 3]);

impl Limiter {
    /// With the quota of so many networks.
    pub(crate) fn new(quota: impl Fn(u32) -> Quota) -> Self {
        Self(TIMES.map(|times| RateLimiter::keyed(quota(times))))
    }

    /// Seconds to wait, where one of the prefixes has used up its share.
    pub(crate) fn check(&self, network: Network) -> Option<u64> {
        self.0.iter().zip(network.levels()).find_map(|(limiter, (_, prefix))| {
            let until = limiter.check_key(&prefix).err()?;
            Some(until.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1)
        })
    }

    /// Forgets the networks that may ask freely again.
    pub(crate) fn forget(&self) {
        for limiter in &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
