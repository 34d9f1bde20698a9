//! The outer shield: requests per network, in this process. What has to be shared is counted in the database.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use api_types::ErrorCode;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use super::client_ip;
use crate::{
    error::ApiError,
    state::{AppState, Limits},
};

/// Networks are forgotten once they may ask freely again; looked at every so many requests.
const CLEAN_EVERY: u32 = 4096;

type Limiter = DefaultKeyedRateLimiter<[u8; 8]>;

pub(crate) struct RateLimits {
    every: Limiter,
    sign_in: Limiter,
    seen: AtomicU32,
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        let every = Quota::per_second(at_least_one(limits.requests_per_second))
            .allow_burst(at_least_one(limits.burst));
        let sign_in = Quota::per_minute(at_least_one(limits.auth_per_minute));
        Self {
            every: RateLimiter::keyed(every),
            sign_in: RateLimiter::keyed(sign_in),
            seen: AtomicU32::new(0),
        }
    }

    fn check(&self, limiter: &Limiter, network: &[u8; 8]) -> Result<(), ApiError> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.every.retain_recent();
            self.sign_in.retain_recent();
        }
        limiter.check_key(network).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            ApiError::new(ErrorCode::RateLimited).retry_after(wait.as_secs() + 1)
        })
    }
}

/// All routes.
pub(crate) async fn every(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    limit(&state, &state.rate().every, request, next).await
}

/// Sign-up, sign-in, refresh: stricter.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    limit(&state, &state.rate().sign_in, request, next).await
}

async fn limit(
    state: &AppState,
    limiter: &Limiter,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let network = client_ip::network(client_ip::of(&parts, state.limits()));
    state.rate().check(limiter, &network)?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}
