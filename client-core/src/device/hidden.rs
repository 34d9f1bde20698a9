//! Bytes in a key store's binary form.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// A byte string that is wiped on drop.
pub(super) struct Hidden(pub(super) Zeroizing<Vec<u8>>);

impl Hidden {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    pub(super) fn text(&self) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(std::str::from_utf8(&self.0).ok()?.to_owned()))
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hidden;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<Hidden, E> {
                Ok(Hidden::new(v))
            }
            fn visit_byte_buf<E: de::Error>(self, v: Vec<u8>) -> Result<Hidden, E> {
                Ok(Hidden(Zeroizing::new(v)))
            }
        }
        d.deserialize_byte_buf(Visitor)
    }
}
