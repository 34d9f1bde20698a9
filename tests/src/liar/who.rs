//! The device named by a request's signature. The proxy needs no key to read it.

use api_types::DeviceId;
use axum::http::HeaderMap;

/// The device in `keyid` of `Signature-Input`, which requests before a session have too.
#[must_use]
pub fn who(headers: &HeaderMap) -> Option<DeviceId> {
    let input = headers.get("signature-input")?.to_str().ok()?;
    let (_, rest) = input.split_once("keyid=\"")?;
    rest.split('"').next()?.parse().ok()
}
