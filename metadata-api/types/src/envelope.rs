//! The signed head of a snapshot: the part the service sees, chained to the previous head so that a client notices a
//! dropped, reordered or forked list.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::Digest;
use utoipa::ToSchema;

use crate::{Base64, DeviceId, HeadHash, Sha256, SourceId, VaultId, canonical};

const SIGNATURE_DOMAIN: &[u8] = b"sealkeep/v1/sig/snapshot\0";
const HEAD_DOMAIN: &[u8] = b"sealkeep/v1/head\0";

/// Server-visible head of one snapshot. Its CBOR is an array of the fields in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEnvelope {
    /// The vault.
    pub vault: VaultId,
    /// The source; an opaque id.
    pub source: SourceId,
    /// The signing device.
    pub device: DeviceId,
    /// Position in this device's chain, counting from 0 without gaps.
    pub sequence: u64,
    /// [`SnapshotEnvelope::head_hash`] of the device's previous snapshot; zeros for sequence 0.
    pub previous: HeadHash,
    /// SHA-256 of the sealed body, from the header's first byte to the last byte of the object.
    pub body_hash: Sha256,
    /// Length of the sealed body, bytes.
    pub body_len: u64,
    /// SHA-256 over the sorted 32-byte ids of all packs that the snapshot needs.
    pub pack_set_hash: Sha256,
    /// Key epoch of the body.
    pub epoch: u32,
    /// Seconds since 1970.
    pub created: i64,
    /// Number of device directory entries known to the signer.
    pub directory_len: u64,
    /// Hash of the last of those entries.
    pub directory_hash: Sha256,
    /// SHA-256 over the heads of all devices that the signer had seen; see `format.md`.
    pub heads_hash: Sha256,
}

type Wire =
    (u8, VaultId, SourceId, DeviceId, u64, HeadHash, Sha256, u64, Sha256, u32, i64, u64, Sha256, Sha256);

/// Why an envelope was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an envelope of version 1.
    #[error("malformed snapshot envelope: {0}")]
    Malformed(String),
    /// Written by a newer version.
    #[error("snapshot of version {0}; this program reads version 1")]
    Version(u8),
    /// Not signed by that device.
    #[error("the snapshot's signature is invalid")]
    Signature,
}

impl SnapshotEnvelope {
    /// The signed bytes.
    ///
    /// # Errors
    /// As [`canonical::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, canonical::Error> {
        let Self {
            vault,
            source,
            device,
            sequence,
            previous,
            body_hash,
            body_len,
            pack_set_hash,
            epoch,
            created,
            directory_len,
            directory_hash,
            heads_hash,
        } = *self;
        canonical::encode::<Wire>(&(
            1,
            vault,
            source,
            device,
            sequence,
            previous,
            body_hash,
            body_len,
            pack_set_hash,
            epoch,
            created,
            directory_len,
            directory_hash,
            heads_hash,
        ))
    }

    /// Parses the output of [`SnapshotEnvelope::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        let wire: Wire = canonical::decode(bytes).map_err(|e| Refused::Malformed(e.to_string()))?;
        if wire.0 != 1 {
            return Err(Refused::Version(wire.0));
        }
        Ok(Self {
            vault: wire.1,
            source: wire.2,
            device: wire.3,
            sequence: wire.4,
            previous: wire.5,
            body_hash: wire.6,
            body_len: wire.7,
            pack_set_hash: wire.8,
            epoch: wire.9,
            created: wire.10,
            directory_len: wire.11,
            directory_hash: wire.12,
            heads_hash: wire.13,
        })
    }
}

/// An envelope's exact bytes and the device's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedEnvelope {
    /// [`SnapshotEnvelope::to_bytes`].
    pub envelope: Base64,
    /// Ed25519 signature of the device, 64 bytes.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub signature: Base64,
}

impl SignedEnvelope {
    /// Signs with the device's key.
    ///
    /// # Errors
    /// As [`canonical::encode`].
    pub fn sign(envelope: &SnapshotEnvelope, key: &SigningKey) -> Result<Self, canonical::Error> {
        let bytes = envelope.to_bytes()?;
        let signature = key.sign(&Self::message(&bytes));
        Ok(Self { envelope: bytes.into(), signature: signature.to_bytes().to_vec().into() })
    }

    /// Identifies this state of the device's chain: SHA-256(`"sealkeep/v1/head\0"` ‖ envelope).
    #[must_use]
    pub fn head_hash(&self) -> HeadHash {
        HeadHash::new(
            sha2::Sha256::new().chain_update(HEAD_DOMAIN).chain_update(&self.envelope.0).finalize().into(),
        )
    }

    /// Verifies the device's signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<SnapshotEnvelope, Refused> {
        let signature = self.signature.to_array::<64>().ok_or(Refused::Signature)?;
        key.verify_strict(&Self::message(&self.envelope.0), &Signature::from_bytes(&signature))
            .map_err(|_| Refused::Signature)?;
        SnapshotEnvelope::from_bytes(&self.envelope.0)
    }

    fn message(envelope: &[u8]) -> Vec<u8> {
        [SIGNATURE_DOMAIN, sha2::Sha256::digest(envelope).as_slice()].concat()
    }
}
