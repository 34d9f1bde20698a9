//! Binary values inside JSON and headers.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::schema;

/// Bytes encoded as unpadded base64url (RFC 4648 §5) in JSON and as a byte string in CBOR.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Base64(pub Vec<u8>);

impl PartialSchema for Base64 {
    fn schema() -> RefOr<Schema> {
        schema::any_bytes().into()
    }
}

impl ToSchema for Base64 {}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64 {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Base64 {
    /// As a fixed-size array; `None` if the length differs.
    #[must_use]
    pub fn to_array<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.as_slice().try_into().ok()
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&Base64UrlUnpadded::encode_string(&self.0))
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Base64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Base64, E> {
                Base64UrlUnpadded::decode_vec(v)
                    .map(Base64)
                    .map_err(|_| E::custom("expected unpadded base64url"))
            }
            fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<Base64, E> {
                Ok(Base64(v.to_vec()))
            }
            fn visit_byte_buf<E: de::Error>(self, v: Vec<u8>) -> Result<Base64, E> {
                Ok(Base64(v))
            }
        }
        if d.is_human_readable() { d.deserialize_str(Visitor) } else { d.deserialize_byte_buf(Visitor) }
    }
}
