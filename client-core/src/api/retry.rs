//! What is worth another try, and after how long.

use std::time::Duration;

use api_types::ErrorCode;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::ApiError;

/// Longest wait that a service may ask for before a person is told, seconds.
const MAX_WAIT: u64 = 60;

/// Waits between tries: about 0.3, 0.6, 1.2, 2.4, 4.8 s, each up to doubled at random.
pub(super) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(300))
        .with_max_delay(Duration::from_secs(10))
        .with_max_times(5)
        .with_jitter()
        .build()
}

/// Whether the request may have reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The connection was never made.
    No,
    /// It may have.
    Maybe,
}

/// How long to wait before the same request again; `None`: it is of no use.
pub(super) fn pause(
    error: &ApiError,
    sent: Sent,
    idempotent: bool,
    pauses: &mut ExponentialBackoff,
) -> Option<Duration> {
    let again = match error {
        ApiError::Unreachable { .. } => idempotent || sent == Sent::No,
        // Both codes promise that nothing was changed.
        ApiError::Problem(p) => matches!(p.code, ErrorCode::Unavailable | ErrorCode::RateLimited),
        _ => false,
    };
    if !again {
        return None;
    }
    match error.retry_after() {
        Some(seconds) if seconds > MAX_WAIT => None,
        Some(seconds) => pauses.next().map(|pause| pause.max(Duration::from_secs(seconds))),
        None => pauses.next(),
    }
}
