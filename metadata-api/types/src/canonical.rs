//! Deterministic CBOR (RFC 8949 §4.2) for everything that is signed or stored.
//!
//! Each value has exactly one encoding. Input that does not re-encode to the same bytes is refused; that covers
//! indefinite lengths, over-long integers, duplicate keys and trailing bytes.

use serde::{Serialize, de::DeserializeOwned};

/// No honest structure nests this deep; deeper input is refused before it exhausts the stack.
const MAX_DEPTH: usize = 16;

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not CBOR, or not of the expected shape.
    #[error("malformed CBOR: {0}")]
    Malformed(String),
    /// Well-formed, but not the deterministic encoding.
    #[error("CBOR is not in its deterministic encoding")]
    NotCanonical,
}

/// Encodes a value. Our structs serialize as arrays, in declaration order.
///
/// # Errors
/// The value cannot be represented in CBOR.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).map_err(|e| Error::Malformed(e.to_string()))?;
    Ok(out)
}

/// Decodes exactly one value that spans all of `bytes`.
///
/// # Errors
/// [`Error::Malformed`] or [`Error::NotCanonical`].
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Error> {
    let mut rest = bytes;
    let value: T = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|e| Error::Malformed(e.to_string()))?;
    if encode(&value)? == bytes { Ok(value) } else { Err(Error::NotCanonical) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_form_is_read() {
        assert_eq!(decode::<u64>(&[0x05]).unwrap(), 5);
        assert_eq!(decode::<u64>(&[0x18, 0x05]), Err(Error::NotCanonical));
        assert_eq!(decode::<u64>(&[0x05, 0x00]), Err(Error::NotCanonical));
        // an array of indefinite length
        assert_eq!(decode::<Vec<u64>>(&[0x9f, 0x01, 0xff]), Err(Error::NotCanonical));
        assert!(matches!(decode::<Vec<u64>>(&[0x82, 0x01]), Err(Error::Malformed(_))));
    }
}
