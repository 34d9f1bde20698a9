//! A vault's unlocked keys, used by every stage of a backup and a restore.

use api_types::{SourceId, VaultId};
use ed25519_dalek::VerifyingKey;

use crate::{
    chunk::{ChunkIdKey, ChunkerParams, GearTable},
    crypto::{Domain, IndexKey, Keyring, ReadIdentity, SigningRoot},
    device::VaultSecrets,
    error::{Error, ErrorKind},
    format::pack::Recipients,
    id::DomainId,
    text,
};

/// The keys of one vault.
pub struct UnlockedVault {
    keyring: Keyring,
    gear: GearTable,
    recipients: Recipients,
    root: VerifyingKey,
}

impl UnlockedVault {
    /// Unlocks what the key store holds.
    ///
    /// # Errors
    /// The key store's content is damaged, or from a newer version.
    pub fn new(secrets: &VaultSecrets) -> Result<Self, Error> {
        let keyring = Keyring::from_bytes(&secrets.keyring)?;
        if keyring.vault() != secrets.info.vault_id {
            return Err(damaged());
        }
        let domain = keyring.domains().first().ok_or_else(damaged)?;
        let gear = domain.chunker_key.gear_table();
        let read = keyring.current_identity().ok_or_else(damaged)?.recipient();
        let recovery = secrets.recovery_recipient.parse().map_err(|_| damaged())?;
        let root = keyring.signing_root().verifying_key();
        Ok(Self { gear, recipients: Recipients::new(read, recovery), root, keyring })
    }

    /// The vault's id.
    #[must_use]
    pub const fn id(&self) -> VaultId {
        self.keyring.vault()
    }

    /// The epoch that new objects are sealed under.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.keyring.epoch()
    }

    /// The recipients that can open new packs and snapshots.
    #[must_use]
    pub const fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// The identities that open packs and snapshots of every epoch.
    #[must_use]
    pub fn identities(&self) -> &[ReadIdentity] {
        self.keyring.read_identities()
    }

    /// The table that determines chunk boundaries.
    #[must_use]
    pub const fn gear(&self) -> &GearTable {
        &self.gear
    }

    /// Sizes of chunks.
    #[must_use]
    pub fn chunker_params(&self) -> ChunkerParams {
        self.domain().chunker_params
    }

    /// The key for chunk ids.
    #[must_use]
    pub fn chunk_id_key(&self) -> &ChunkIdKey {
        &self.domain().chunk_id_key
    }

    /// The key that seals index segments.
    #[must_use]
    pub fn index_key(&self) -> &IndexKey {
        &self.domain().index_key
    }

    /// The deduplication domain of the vault's full devices.
    #[must_use]
    pub fn domain_id(&self) -> DomainId {
        self.domain().id
    }

    /// A source's id for the service, which does not reveal its name.
    #[must_use]
    pub fn source_id(&self, kind: &str, name: &str) -> SourceId {
        self.chunk_id_key().source_id(kind, name)
    }

    /// The key that signs the device directory.
    #[must_use]
    pub const fn signing_root(&self) -> &SigningRoot {
        self.keyring.signing_root()
    }

    /// The key that verifies the device directory.
    #[must_use]
    pub const fn signing_root_public(&self) -> &VerifyingKey {
        &self.root
    }

    fn domain(&self) -> &Domain {
        // `new` refuses a keyring without one.
        &self.keyring.domains()[0]
    }
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Damaged,
        text!("the vault's keys on this device are damaged"),
        "everything in the bucket is untouched",
        "`sealkeep logout --forget`, then `sealkeep login` with the recovery words",
    )
}
