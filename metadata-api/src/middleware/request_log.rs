//! Outermost: gives the request an id, times it, writes one line.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{error::ApiError, state::AppState, telemetry};

/// Lines a second about requests that no signed-in device made.
const LINES_PER_SECOND: u64 = 10;

/// Names a request in answers and in the log. Ours, never the caller's: a log line cannot be forged.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// On the answer to a request that a signed-in device made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BySignedDevice;

/// Which lines about strangers' requests are written: strangers do not decide how long the log gets.
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
    /// Whether to write this line, and how many were left out since the last second that had one.
    fn admit(&self) -> Option<u64> {
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

pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().simple().to_string();
    let method = telemetry::known(request.method());
    // The template: paths hold ids, and unknown paths hold anything.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = %id, method, route = %route);
    async move {
        let started = Instant::now();
        let mut response = next.run(request).await;
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        telemetry::count(&route, method, status, elapsed.as_secs_f64());
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let cause = response.extensions().get::<Arc<ApiError>>().map(ToString::to_string);
        let known = response.extensions().get::<BySignedDevice>().is_some();
        if status >= 500 {
            tracing::error!(status, micros, cause, "failed");
        } else if known {
            tracing::info!(status, micros, cause, "answered");
        } else if let Some(left_out) = state.sampler().admit() {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::info!(status, micros, cause, left_out, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", value);
        }
        response
    }
    .instrument(span)
    .await
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
