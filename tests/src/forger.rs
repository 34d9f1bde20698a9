//! A device of the vault that turned against it: packs and index objects of its own making, rightly sealed and signed.

use api_types::{
    BackupId, ObjectId, ObjectKind, SourceId,
    backup::{NewObject, UploadState},
};
use client_core::{
    api::HttpApi,
    crypto::DeviceSigningKey,
    device::DeviceSecrets,
    encode::{Compressor, DEFAULT_LEVEL, EncodeError, Plaintexts, Stretch, decode},
    format::{
        index::{IndexedPack, SegmentHeader, seal_segment},
        pack::{PackReader, PackWriter, SealedPack},
    },
    id::ChunkId,
    store::{PresignedStore, Reach},
    vault::UnlockedVault,
};
use sha2::{Digest, Sha256};

use crate::{
    Device,
    failure::{Context, Failure, Result},
};

/// What a thief does with the files of a device.
pub struct Forger {
    secrets: DeviceSecrets,
    keys: UnlockedVault,
    api: HttpApi,
    store: PresignedStore,
}

impl Forger {
    /// Takes over a device's keys and its session.
    ///
    /// # Errors
    /// The device has none.
    pub fn of(device: &Device) -> Result<Self> {
        let bytes = std::fs::read(device.home().join("device.keys")).context("device.keys")?;
        let secrets = DeviceSecrets::from_bytes(&bytes).context("device.keys")?;
        let vault = secrets.vault().context("the vault's keys")?;
        let keys = UnlockedVault::new(vault).context("the vault's keys")?;
        let api = HttpApi::signed_in(&secrets.service, &secrets).context("the service")?;
        let store = PresignedStore::new(
            &vault.info.storage_origin,
            &vault.info.bucket,
            vault.info.vault_id,
            &Reach::of_service(&secrets.service),
        )
        .context("the store")?;
        Ok(Self { secrets, keys, api, store })
    }

    /// A pack with the same chunk ids as an honest one, sealed to the vault's recipients, with other bytes where
    /// `change` gives some; of the same length, so that only its content tells it.
    ///
    /// # Errors
    /// The honest one cannot be read, or no level of compression gives its length.
    pub fn pack_like(&self, honest: &[u8], change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<SealedPack> {
        for level in (1..=DEFAULT_LEVEL + 6).rev() {
            let forged = self.pack_at(level, honest, &change)?;
            if forged.bytes.len() == honest.len() {
                return Ok(forged);
            }
        }
        Err(Failure::new("no forged pack has the honest one's length"))
    }

    fn pack_at(
        &self,
        level: i32,
        honest: &[u8],
        change: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<SealedPack> {
        let reader = PackReader::open(honest, self.keys.id(), self.keys.identities()).context("the pack")?;
        let mut writer = PackWriter::new(self.keys.id(), self.keys.epoch(), self.keys.recipients())
            .context("another pack")?;
        let mut compressor = Compressor::new(level).context("the compressor")?;
        for entry in reader.entries() {
            let beyond = || Failure::new("a record beyond the pack");
            let start = usize::try_from(entry.offset).map_err(|_| beyond())?;
            let end = usize::try_from(entry.end()).map_err(|_| beyond())?;
            let sealed = honest.get(start..end).ok_or_else(beyond)?;
            let mut encoded = reader.open_record(entry, sealed.to_vec()).context("a record")?;
            if let Ok(plain) = decode(&entry.chunk_id, &encoded, &mut Nothing)
                && let Some(other) = change(&plain)
            {
                encoded = compressor.compress(&other).context("a chunk")?;
            }
            writer.push(entry.chunk_id, &encoded).context("a chunk")?;
        }
        writer.finish().context("another pack")
    }

    /// An index object that says where the chunks of these packs lie.
    ///
    /// # Errors
    /// It cannot be sealed.
    pub fn segment(&self, packs: &[IndexedPack]) -> Result<Vec<u8>> {
        let header = SegmentHeader {
            vault: self.keys.id(),
            domain: self.keys.domain_id(),
            device: self.secrets.device.id,
        };
        let key = DeviceSigningKey::from_seed(self.secrets.device.signing_key().as_bytes());
        Ok(seal_segment(&header, self.keys.index_key(), &key, packs).context("a segment")?.bytes)
    }

    /// Stores an object as a backup does.
    ///
    /// # Errors
    /// The service or the store refuses it.
    pub async fn store(&self, kind: ObjectKind, bytes: Vec<u8>) -> Result<ObjectId> {
        let (vault, backup) = (self.keys.id(), BackupId::from_bytes(*uuid::Uuid::new_v4().as_bytes()));
        self.api.start_backup(vault, backup, SourceId::from_bytes([7; 16])).await.context("a lease")?;
        let id = ObjectId::new(Sha256::digest(&bytes).into());
        let object = NewObject { kind, size: bytes.len() as u64, id };
        let grant = self.api.want_upload(vault, backup, object).await.context("a permission")?;
        if grant.state != UploadState::Stored {
            self.store.put(&grant, kind, bytes.into()).await.context("the upload")?;
            let confirmed = self.api.confirm(vault, backup, vec![id]).await.context("the confirmation")?;
            if !confirmed.stored.contains(&id) {
                return Err(Failure::new("the service does not confirm it"));
            }
        }
        Ok(id)
    }
}

struct Nothing;

impl Plaintexts for Nothing {
    fn copy(&mut self, id: &ChunkId, _: Stretch, _: &mut Vec<u8>) -> std::result::Result<(), EncodeError> {
        Err(EncodeError::MissingReference(*id))
    }
}
