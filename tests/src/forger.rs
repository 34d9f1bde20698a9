//! A hostile device of the vault: forges packs and index objects, correctly sealed and signed.

use api_types::{
    HeadHash, ObjectId, ObjectKind, RunId, SnapshotId, SourceId,
    backup::{Commit, MAX_BATCH, NewObject, UploadGrant, UploadState},
    envelope::SnapshotEnvelope,
};
use client_core::{
    api::HttpApi,
    crypto::DeviceSigningKey,
    device::DeviceSecrets,
    encode::{Compressor, DEFAULT_LEVEL, EncodeError, Plaintexts, Stretch, decode},
    format::{
        index::{IndexedPack, SegmentHeader, seal_segment},
        pack::{PackReader, PackWriter, SealedPack},
        snapshot::{Head, SealedSnapshot, SnapshotBody, heads_hash, read_snapshot, seal_snapshot},
    },
    id::ChunkId,
    store::{PresignedStore, Reach, Verify},
    vault::UnlockedVault,
};
use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};

use crate::{
    Device,
    failure::{Context, Failure, Result},
};

/// A thief with a device's files.
pub struct Forger {
    secrets: DeviceSecrets,
    keys: UnlockedVault,
    api: HttpApi,
    store: PresignedStore,
}

impl Forger {
    /// Takes over a device's keys and session.
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

    /// A pack with the same chunk ids and length as an honest one, sealed to the vault's recipients, with other bytes
    /// where `change` returns some; only its content gives it away.
    ///
    /// # Errors
    /// The honest one is unreadable, or no compression level yields its length.
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

    /// An index object with the locations of these packs' chunks.
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

    /// Creates `count` more snapshots with the content of this one, complete and restorable, in less time than as many
    /// backups.
    ///
    /// # Errors
    /// The service's and the store's.
    pub async fn repeat(&self, snapshot: SnapshotId, count: usize) -> Result<()> {
        self.repeat_with(snapshot, count, |_| ()).await
    }

    /// Like [`Forger::repeat`]; `change` can modify each body before it is sealed.
    ///
    /// # Errors
    /// The service's and the store's.
    pub async fn repeat_with(
        &self,
        snapshot: SnapshotId,
        count: usize,
        change: impl Fn(&mut SnapshotBody),
    ) -> Result<()> {
        let vault = self.keys.id();
        let grants = self.api.read_urls(vault, vec![snapshot]).await.context("a permission")?;
        let grant = grants.first().ok_or_else(|| Failure::new("no such snapshot"))?;
        let bytes =
            self.store.get(grant, ObjectKind::Snapshot, Verify::Whole).await.context("the snapshot")?;
        let parts = read_snapshot(&bytes).context("the snapshot")?;
        let mut envelope = SnapshotEnvelope::from_bytes(&parts.head.envelope.0).context("its envelope")?;
        let mut body =
            SnapshotBody::open(parts.body, &envelope, self.keys.identities()).context("its body")?;
        let packs = self.api.read_urls(vault, body.packs.clone()).await.context("its packs")?;
        let mut numbers = Vec::new();
        let bitmap: RoaringBitmap = packs.iter().map(|pack| pack.object.number).collect();
        bitmap.serialize_into(&mut numbers).context("its packs")?;

        let mut last = parts.head.head_hash();
        let mut left = count;
        while left > 0 {
            let mut batch = Vec::new();
            for _ in 0..left.min(MAX_BATCH) {
                change(&mut body);
                let sealed = self.following(&mut envelope, &mut body, last)?;
                last = sealed.head.head_hash();
                batch.push(sealed);
            }
            left -= batch.len();
            self.store_all(ObjectKind::Snapshot, &batch).await?;
            for sealed in batch {
                let backup = RunId::from_bytes(*uuid::Uuid::new_v4().as_bytes());
                self.api.start_backup(vault, backup, envelope.source).await.context("a lease")?;
                let (snapshot_id, packs) = (sealed.id, numbers.clone().into());
                let commit = Commit { snapshot_id, head: sealed.head, packs, bytes_read: body.plain_size };
                self.api.commit(vault, backup, commit).await.context("a snapshot")?;
            }
        }
        Ok(())
    }

    /// This device's next snapshot, with the same content.
    fn following(
        &self,
        envelope: &mut SnapshotEnvelope,
        body: &mut SnapshotBody,
        last: HeadHash,
    ) -> Result<SealedSnapshot> {
        body.heads.insert(envelope.device, Head { sequence: envelope.sequence, hash: last });
        let keys = &self.keys;
        let sealed = body.seal(keys.id(), keys.epoch(), keys.recipients()).context("a body")?;
        envelope.sequence += 1;
        envelope.previous = last;
        envelope.created += 1;
        envelope.heads_hash = heads_hash(&body.heads);
        envelope.body_hash = api_types::Sha256::new(Sha256::digest(&sealed).into());
        envelope.body_len = sealed.len() as u64;
        let key = DeviceSigningKey::from_seed(self.secrets.device.signing_key().as_bytes());
        seal_snapshot(envelope, &key, &sealed).context("a snapshot")
    }

    async fn store_all(&self, kind: ObjectKind, objects: &[SealedSnapshot]) -> Result<()> {
        let (vault, backup) = (self.keys.id(), RunId::from_bytes(*uuid::Uuid::new_v4().as_bytes()));
        self.api.start_backup(vault, backup, SourceId::from_bytes([7; 16])).await.context("a lease")?;
        let wanted =
            |object: &SealedSnapshot| NewObject { kind, size: object.bytes.len() as u64, id: object.id };
        let grants: Vec<UploadGrant> = self
            .api
            .want_uploads(vault, backup, objects.iter().map(wanted).collect())
            .await
            .context("permissions")?;
        for (object, grant) in objects.iter().zip(&grants) {
            self.store.put(grant, kind, object.bytes.clone().into()).await.context("an upload")?;
        }
        let ids: Vec<ObjectId> = objects.iter().map(|object| object.id).collect();
        let confirmed = self.api.confirm(vault, backup, ids).await.context("the confirmation")?;
        self.api.abort(vault, backup, "cancelled", 0).await.context("the lease's end")?;
        if confirmed.stored.len() < objects.len() {
            return Err(Failure::new("the service does not confirm them"));
        }
        Ok(())
    }

    /// Stores an object like a backup does.
    ///
    /// # Errors
    /// The service or the store refuses it.
    pub async fn store(&self, kind: ObjectKind, bytes: Vec<u8>) -> Result<ObjectId> {
        let (vault, backup) = (self.keys.id(), RunId::from_bytes(*uuid::Uuid::new_v4().as_bytes()));
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
