//! Wrapped keys, which the service stores and never opens.

use api_types::{Base64, ErrorCode};

/// Maximum size of a wrapped key, bytes.
const MAX_WRAP: usize = 64 * 1024;

/// Refuses an empty or oversized wrapped key.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn check_size(bytes: &Base64) -> Result<(), ErrorCode> {
    if (1..=MAX_WRAP).contains(&bytes.0.len()) { Ok(()) } else { Err(ErrorCode::InvalidRequest) }
}
