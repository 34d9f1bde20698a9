//! What is worth another try.

use std::time::Duration;

use api_types::ErrorCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::ApiError;

/// First wait between two tries; each is about twice as long as the one before, up to doubled at random.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// Whether the request may have reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The connection was never made.
    No,
    /// It may have.
    Maybe,
}

/// Whether the same request may get another answer.
pub(super) fn is_worth_it(error: &ApiError, sent: Sent, idempotent: bool) -> bool {
    match error {
        ApiError::Unreachable { .. } => idempotent || sent == Sent::No,
        // Both codes promise that nothing was changed.
        ApiError::Problem(p) => matches!(p.code, ErrorCode::Unavailable | ErrorCode::RateLimited),
        _ => false,
    }
}

/// What a proxy asks for in its header, seconds. A date is not understood, and costs nothing: we have pauses of our own.
pub(super) fn asked_for(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
