//! Who asks: the device that a request's signature names. The proxy needs no key for that.

use api_types::DeviceId;
use axum::http::HeaderMap;

/// The device of `keyid` in `Signature-Input`; requests before a session carry it too.
#[must_use]
pub fn who(headers: &HeaderMap) -> Option<DeviceId> {
    let input = headers.get("signature-input")?.to_str().ok()?;
    let (_, rest) = input.split_once("keyid=\"")?;
    rest.split('"').next()?.parse().ok()
}
