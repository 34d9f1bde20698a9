//! Identifiers: text (hex or hyphenated UUID, in one spelling only) in JSON, byte strings in CBOR.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;
use uuid::{Uuid, fmt::Hyphenated};

/// Text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct InvalidId(pub &'static str);

/// Declares a 32-byte identifier.
#[macro_export]
macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps 32 bytes.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = $crate::id::InvalidId;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self).map_err(|_| $crate::id::InvalidId(stringify!($name)))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&$crate::id::to_hex(&self.0))
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}({})", stringify!($name), &$crate::id::to_hex(&self.0)[..12])
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::from_hex(text)
                    .map(Self)
                    .ok_or($crate::id::InvalidId(stringify!($name)))
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                $crate::id::serialize_hash(&self.0, s)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                $crate::id::deserialize_hash(d).map(Self)
            }
        }

        impl $crate::id::__schema::PartialSchema for $name {
            fn schema() -> $crate::id::__schema::RefOr<$crate::id::__schema::Schema> {
                $crate::id::__schema::hex_schema()
            }
        }
        impl $crate::id::__schema::ToSchema for $name {}
    };
}

/// For [`hash_id!`] only.
#[doc(hidden)]
pub mod __schema {
    pub use utoipa::{
        PartialSchema, ToSchema,
        openapi::{RefOr, schema::Schema},
    };

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex_schema() -> RefOr<Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{64}$")).into()
    }
}

/// 64 lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8; 32]) -> String {
    hex::encode(bytes)
}

/// Parses 64 lower-case hexadecimal digits; refuses upper case, so that each id has one spelling.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Hex in human-readable formats, a byte string elsewhere.
///
/// # Errors
/// As the serializer.
pub fn serialize_hash<S: Serializer>(bytes: &[u8; 32], s: S) -> Result<S::Ok, S::Error> {
    if s.is_human_readable() { s.serialize_str(&to_hex(bytes)) } else { s.serialize_bytes(bytes) }
}

/// The reverse of [`serialize_hash`].
///
/// # Errors
/// Wrong length, wrong digits, or an error of the deserializer.
pub fn deserialize_hash<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = [u8; 32];
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("32 bytes")
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
            from_hex(v).ok_or_else(|| E::custom("expected 64 lower-case hexadecimal digits"))
        }
        fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<Self::Value, E> {
            v.try_into().map_err(|_| E::invalid_length(v.len(), &self))
        }
    }
    if d.is_human_readable() { d.deserialize_str(Visitor) } else { d.deserialize_bytes(Visitor) }
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if !d.is_human_readable() {
                    return Uuid::deserialize(d).map(Self);
                }
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }

        impl $name {
            /// The 16 bytes used in binary formats.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Wraps 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let parsed = text.parse::<Hyphenated>();
                parsed.map(|id| Self(id.into_uuid())).map_err(|_| InvalidId(stringify!($name)))
            }
        }
    )+};
}

uuid_id! {
    /// A person who signs in.
    AccountId,
    /// The unit of tenancy, encryption and region.
    VaultId,
    /// An installed app or command with its own keys.
    DeviceId,
    /// A source. The client derives it from a key that the service never sees, so it reveals nothing.
    SourceId,
    /// One attempt to back up a source; chosen by the client, so that retries are idempotent.
    RunId,
    /// One signed-in device; the family of its refresh tokens.
    SessionId,
    /// A sign-up in progress.
    SignUpId,
    /// A sign-in in progress.
    SignInId,
}

hash_id!(
    /// SHA-256 of a whole stored object: its name in the bucket, and the checksum in its upload URL.
    ObjectId
);
hash_id!(
    /// SHA-256 of anything other than a stored object (a dump, a sealed body).
    Sha256
);
hash_id!(
    /// Identifies one state of a device's snapshot chain: see [`crate::envelope::SnapshotEnvelope::head_hash`].
    HeadHash
);
/// A snapshot has the id of its stored object.
pub type SnapshotId = ObjectId;

/// The kind of a stored object, which is also its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// Sealed chunks with their sealed directory.
    Pack,
    /// Locations of chunks.
    Index,
    /// A sealed, signed snapshot.
    Snapshot,
    /// The keyring, readable with the recovery key alone (an age file).
    Key,
}

impl ObjectKind {
    /// The form used in JSON and in the service's database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Index => "index",
            Self::Snapshot => "snapshot",
            Self::Key => "key",
        }
    }

    /// The prefix and minimum length of a stored object of this kind, for the kinds that every device reads: all that a
    /// service without keys can check.
    #[must_use]
    pub const fn beginning(self) -> Option<(&'static [u8], u64)> {
        match self {
            // The version is not checked.
            Self::Index => Some((b"SKINDX", 201)),
            // An age file with one recipient.
            Self::Key => Some((b"age-encryption.org/v1\n", 200)),
            Self::Pack | Self::Snapshot => None,
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Pack => "packs",
            Self::Index => "index",
            Self::Snapshot => "snapshots",
            Self::Key => "keys",
        }
    }
}

impl FromStr for ObjectKind {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "pack" => Ok(Self::Pack),
            "index" => Ok(Self::Index),
            "snapshot" => Ok(Self::Snapshot),
            "key" => Ok(Self::Key),
            _ => Err(InvalidId("ObjectKind")),
        }
    }
}

/// Key of an object in its bucket: `v1/<vault>/<folder>/<id>`. Both ends derive it; it is never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    /// The vault that owns the object.
    pub vault: VaultId,
    /// Its kind.
    pub kind: ObjectKind,
    /// SHA-256 of its bytes.
    pub id: ObjectId,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1/{}/{}/{}", self.vault, self.kind.folder(), self.id)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::canonical;

    #[test]
    fn an_id_has_one_spelling() {
        let id = ObjectId::new([0xab; 32]);
        let text = id.to_string();
        assert_eq!(text.parse::<ObjectId>().unwrap(), id);
        assert!(text.to_uppercase().parse::<ObjectId>().is_err());
        assert!(text[..62].parse::<ObjectId>().is_err());
    }

    #[test]
    fn a_uuid_is_hyphenated_and_nothing_else() {
        let id = DeviceId::from_bytes([0xab; 16]);
        let text = id.to_string();
        let json = |text: &str| serde_json::from_value::<DeviceId>(text.into());
        assert_eq!((text.parse::<DeviceId>().unwrap(), json(&text).unwrap()), (id, id));
        let simple = text.replace('-', "");
        for other in [simple.clone(), format!("{{{text}}}"), format!("urn:uuid:{text}"), format!(" {text}")] {
            assert!(other.parse::<DeviceId>().is_err() && json(&other).is_err(), "{other}");
        }
        let bytes = canonical::encode(&id).unwrap();
        assert_eq!(canonical::decode::<DeviceId>(&bytes).unwrap(), id);
    }

    #[test]
    fn an_object_key_is_a_path_below_its_vault() {
        let key = ObjectKey {
            vault: VaultId::from_bytes([1; 16]),
            kind: ObjectKind::Pack,
            id: ObjectId::new([2; 32]),
        };
        assert_eq!(
            key.to_string(),
            format!("v1/01010101-0101-0101-0101-010101010101/packs/{}", "02".repeat(32))
        );
    }
}
