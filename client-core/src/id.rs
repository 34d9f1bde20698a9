//! Identifiers. Those that the service may see come from api-types; chunk and domain ids leave a device only sealed.

use std::fmt;

pub use api_types::{
    AccountId, DeviceId, HeadHash, ObjectId, ObjectKind, RunId, Sha256, SnapshotId, SourceId, VaultId,
    id::InvalidId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

api_types::hash_id!(
    /// Keyed BLAKE3 of a chunk's plaintext: finds equal chunks without revealing their content.
    ChunkId
);

/// A deduplication domain: devices that share its keys share chunks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainId(Uuid);

impl DomainId {
    /// Generates a random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    /// Wraps 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes used in binary formats.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainId({})", self.0)
    }
}
