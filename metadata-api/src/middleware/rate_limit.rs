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
use governor::Quota;

use super::client_ip;
use crate::{
    error::ApiError,
    limiter::Limiter,
    network::Network,
    state::{AppState, Limits},
};

/// Networks are forgotten once they may ask freely again; looked at every so many requests.
const CLEAN_EVERY: u32 = 4096;
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
        let (per_second, burst, per_minute) =
            (limits.requests_per_second, limits.burst, limits.auth_per_minute);
        let times = |n: u32, times: u32| at_least_one(n.saturating_mul(times));
        Self {
            every: Limiter::new(|t| Quota::per_second(times(per_second, t)).allow_burst(times(burst, t))),
            sign_in: Limiter::new(|t| Quota::per_minute(times(per_minute, t))),
            seen: AtomicU32::new(0),
        }
    }

    fn check(&self, limiter: &Limiter, network: Option<Network>) -> Result<(), ApiError> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.every.forget();
            self.sign_in.forget();
        }
        match network.and_then(|network| limiter.check(network)) {
            Some(wait) => Err(ApiError::new(ErrorCode::RateLimited).retry_after(wait)),
            None => Ok(()),
        }
    }
}

/// Whatever comes, known path or not.
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
    let network = client_ip::of(&parts, &state.limits().callers);
    state.rate().check(limiter, network)?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}
