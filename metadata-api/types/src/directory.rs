//! The device directory: an append-only, signed chain of the device keys that a vault trusts. It keeps the service from
//! adding a device.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::Digest;
use utoipa::ToSchema;

use crate::{Base64, DeviceId, Sha256, VaultId, canonical};

const SIGNATURE_DOMAIN: &[u8] = b"sealkeep/v1/sig/directory\0";

/// What a device holds and may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceRole {
    /// Holds the keyring: backs up, restores, approves other devices.
    Full,
    /// Holds one deduplication domain and public keys: adds backups, reads none.
    BackupOnly,
}

/// What a directory entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryOp {
    /// The device's keys are trusted from this entry on.
    Add,
    /// The keys are no longer trusted; earlier signatures stay valid.
    Revoke,
}

/// One link of the chain. Its CBOR is an array of the fields in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The vault.
    pub vault: VaultId,
    /// Position, counting from 0 without gaps.
    pub number: u64,
    /// [`DirectoryEntry::hash`] of the previous entry; zeros for number 0.
    pub previous: Sha256,
    /// Add or revoke.
    pub op: DirectoryOp,
    /// The device.
    pub device: DeviceId,
    /// Ed25519 public key.
    pub signing_key: [u8; 32],
    /// X25519 public key.
    pub sealing_key: [u8; 32],
    /// Its role.
    pub role: DeviceRole,
    /// Seconds since 1970.
    pub created: i64,
}

type Wire = (u8, VaultId, u64, Sha256, DirectoryOp, DeviceId, Sha256, Sha256, DeviceRole, i64);

/// Why an entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an entry of version 1.
    #[error("malformed directory entry: {0}")]
    Malformed(String),
    /// Written by a newer version.
    #[error("directory entry of version {0}; this program reads version 1")]
    Version(u8),
    /// Not signed by the vault's signing root.
    #[error("directory entry {0} is not signed by this vault")]
    Signature(u64),
    /// Does not follow the previous entry.
    #[error("directory entry {0} does not follow the one before")]
    Chain(u64),
}

impl DirectoryEntry {
    /// The signed bytes.
    ///
    /// # Errors
    /// As [`canonical::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, canonical::Error> {
        canonical::encode::<Wire>(&(
            1,
            self.vault,
            self.number,
            self.previous,
            self.op,
            self.device,
            Sha256::new(self.signing_key),
            Sha256::new(self.sealing_key),
            self.role,
            self.created,
        ))
    }

    /// Parses the output of [`DirectoryEntry::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        let wire: Wire = canonical::decode(bytes).map_err(|e| Refused::Malformed(e.to_string()))?;
        let (version, vault, number, previous, op, device, signing_key, sealing_key, role, created) = wire;
        if version != 1 {
            return Err(Refused::Version(version));
        }
        Ok(Self {
            vault,
            number,
            previous,
            op,
            device,
            signing_key: *signing_key.as_bytes(),
            sealing_key: *sealing_key.as_bytes(),
            role,
            created,
        })
    }
}

/// An entry's exact bytes and the vault's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedDirectoryEntry {
    /// [`DirectoryEntry::to_bytes`].
    pub entry: Base64,
    /// Ed25519 by the vault's signing root, 64 bytes.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub signature: Base64,
}

impl SignedDirectoryEntry {
    /// Signs an entry with the vault's signing root.
    ///
    /// # Errors
    /// As [`canonical::encode`].
    pub fn sign(entry: &DirectoryEntry, root: &SigningKey) -> Result<Self, canonical::Error> {
        let bytes = entry.to_bytes()?;
        let signature = root.sign(&[SIGNATURE_DOMAIN, &bytes].concat());
        Ok(Self { entry: bytes.into(), signature: signature.to_bytes().to_vec().into() })
    }

    /// The value required in the next entry's `previous`: SHA-256 of this entry's bytes.
    #[must_use]
    pub fn hash(&self) -> Sha256 {
        Sha256::new(sha2::Sha256::digest(&self.entry.0).into())
    }

    /// Verifies the signature and that the entry follows `last` (`None`: it must be number 0).
    pub fn verify_after(
        &self,
        vault: VaultId,
        last: Option<(u64, Sha256)>,
        root: &VerifyingKey,
    ) -> Result<DirectoryEntry, Refused> {
        let entry = DirectoryEntry::from_bytes(&self.entry.0)?;
        let signature = self.signature.to_array::<64>().ok_or(Refused::Signature(entry.number))?;
        root.verify_strict(
            &[SIGNATURE_DOMAIN, self.entry.0.as_slice()].concat(),
            &Signature::from_bytes(&signature),
        )
        .map_err(|_| Refused::Signature(entry.number))?;
        let expected = match last {
            None => (0, Sha256::new([0; 32])),
            Some((number, hash)) => (number + 1, hash),
        };
        if entry.vault != vault || (entry.number, entry.previous) != expected {
            return Err(Refused::Chain(entry.number));
        }
        Ok(entry)
    }
}
