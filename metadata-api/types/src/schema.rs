//! OpenAPI schemas for values whose limits their Rust type does not express.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// Unpadded base64url whose unused trailing bits are zero, so that every value has one spelling.
const BASE64URL: &str = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$";

/// Maximum length of a sealed key, bytes.
pub const MAX_WRAP: usize = 64 * 1024;

const fn characters(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

fn base64(min: usize, max: Option<usize>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(BASE64URL))
        .min_length(Some(characters(min)))
        .max_length(max.map(characters))
}

/// Any number of bytes.
#[must_use]
pub(crate) fn any_bytes() -> Object {
    base64(0, None).build()
}

/// Exactly `N` bytes.
#[must_use]
pub(crate) fn bytes<const N: usize>() -> Object {
    base64(N, Some(N)).description(Some(format!("{N} bytes, unpadded base64url"))).build()
}

/// A sealed key: 1 to [`MAX_WRAP`] bytes.
#[must_use]
pub(crate) fn wrap() -> Object {
    base64(1, Some(MAX_WRAP)).build()
}

/// Six digits.
#[must_use]
pub(crate) fn code() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{6}$")).build()
}
