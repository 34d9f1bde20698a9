//! Rate limits per network within this process.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use api_types::ErrorCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::{
    config::Limits,
    error::ApiError,
    network::{Network, Prefix},
};

/// Networks with a full allowance are dropped once every this many requests.
const CLEAN_EVERY: u32 = 4096;
/// Multiples of a network's allowance for the wider prefixes, as in [`Network::levels`].
const TIMES: [u32; 3] = [1, 4, 16];

/// One limiter per prefix length: IPv4 addresses and /64, /56, /48.
pub(crate) struct Limiter([DefaultKeyedRateLimiter<Prefix>; 3]);

impl Limiter {
    /// `quota` gives the allowance for a multiple.
    pub(crate) fn new(quota: impl Fn(u32) -> Quota) -> Self {
        Self(TIMES.map(|times| RateLimiter::keyed(quota(times))))
    }

    /// Seconds to wait if one of the prefixes has used up its allowance.
    pub(crate) fn check(&self, network: Network) -> Option<u64> {
        self.0.iter().zip(network.levels()).find_map(|(limiter, (_, prefix))| {
            let until = limiter.check_key(&prefix).err()?;
            Some(until.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1)
        })
    }

    /// Drops networks with a full allowance.
    pub(crate) fn forget(&self) {
        for limiter in &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// Requests per network, the outer protection. Limits shared by all replicas are counted in the database.
pub(crate) struct RateLimits {
    pub(crate) all_routes: Limiter,
    pub(crate) sign_in: Limiter,
    seen: AtomicU32,
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (per_second, burst, per_minute) =
            (limits.requests_per_second, limits.burst, limits.auth_per_minute);
        let times = |n: u32, times: u32| at_least_one(n.saturating_mul(times));
        Self {
            all_routes: Limiter::new(|t| {
                Quota::per_second(times(per_second, t)).allow_burst(times(burst, t))
            }),
            sign_in: Limiter::new(|t| Quota::per_minute(times(per_minute, t))),
            seen: AtomicU32::new(0),
        }
    }

    pub(crate) fn check(&self, limiter: &Limiter, network: Option<Network>) -> Result<(), ApiError> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.all_routes.forget();
            self.sign_in.forget();
        }
        match network.and_then(|network| limiter.check(network)) {
            Some(wait) => Err(ApiError::new(ErrorCode::RateLimited).retry_after(wait)),
            None => Ok(()),
        }
    }
}
