//! Decides which requests to retry.

use std::time::Duration;

use api_types::ErrorCode;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use super::ApiError;
use crate::patience::retry_after;

/// First pause between attempts; each pause is about twice the previous one, plus up to 100 % at random.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// Whether the request may have reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// No: the connection was never established.
    No,
    /// It may have.
    Maybe,
}

/// Whether the same request may get another answer.
pub(super) fn is_worth_it(error: &ApiError, sent: Sent, idempotent: bool) -> bool {
    match error {
        ApiError::Unreachable { .. } => idempotent || sent == Sent::No,
        ApiError::Problem(problem) => match problem.code {
            // Both promise that nothing was changed.
            ErrorCode::Unavailable | ErrorCode::RateLimited => true,
            // A fault of the service that a restart may fix.
            ErrorCode::Internal => idempotent,
            _ => false,
        },
        _ => false,
    }
}

/// The wait that the answer asks for, seconds.
pub(super) fn asked_for(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    retry_after::asked_for(text(RETRY_AFTER)?, text(DATE)).map(|asked| asked.as_secs())
}
