//! grant → PUT → confirm, a few objects at a time. Only what the service has confirmed counts as stored.

use std::sync::Arc;

use api_types::{
    BackupId, ObjectId, ObjectKind, VaultId,
    backup::{NewObject, UploadGrant, UploadState},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    api::HttpApi,
    error::{Error, ErrorKind},
    event::{Event, Observer},
    format::pack::SealedPack,
    state::StateDb,
    store::{PresignedStore, StoreError, with_urls},
    text,
    vault::FullPack,
};

/// Concurrent uploads. With two open packs and one waiting this bounds memory to about 90 MiB.
const CONCURRENT: usize = 2;

/// How much of a pack's end is compared with what was sent: nearly always its whole directory.
pub(super) const END: usize = 64 * 1024;

/// Uploads for one run.
#[derive(Clone)]
pub(super) struct Uploader {
    pub(super) vault: VaultId,
    pub(super) backup: BackupId,
    pub(super) api: Arc<HttpApi>,
    pub(super) store: Arc<PresignedStore>,
    pub(super) observer: Arc<dyn Observer>,
}

impl Uploader {
    /// Stores one object and returns its number and whether bytes were sent.
    ///
    /// # Errors
    /// The error of the service or the store, after retries.
    pub(super) async fn put(&self, kind: ObjectKind, id: ObjectId, bytes: Bytes) -> Result<u32, Error> {
        let size = bytes.len() as u64;
        let ask = || async {
            Ok(Some(self.api.want_upload(self.vault, self.backup, NewObject { kind, size, id }).await?))
        };
        let send = |grant: UploadGrant| {
            let bytes = bytes.clone();
            async move {
                if grant.state == UploadState::Stored {
                    return Ok(Ok(grant.number));
                }
                match self.store.put(&grant, kind, bytes).await {
                    // Someone else uploaded the same bytes first: confirming decides.
                    Ok(()) | Err(StoreError::AlreadyThere) => {}
                    Err(error) => return Err(error),
                }
                match self.api.confirm(self.vault, self.backup, vec![id]).await {
                    Ok(confirmed) if confirmed.stored.contains(&id) => {
                        self.observer.event(&Event::Uploaded { bytes: size });
                        Ok(Ok(grant.number))
                    }
                    // It did not arrive, so it needs another upload.
                    Ok(_) => Err(StoreError::NeedNewUrl),
                    Err(error) => Ok(Err(error.into())),
                }
            }
        };
        match with_urls(ask, send).await? {
            Ok(number) => number,
            Err(StoreError::NeedNewUrl) => Err(Error::new(
                ErrorKind::StoreRefused,
                text!("the storage does not keep object {id}", id),
                "no snapshot was created; earlier snapshots are untouched",
                "run the backup again; if it fails again, the storage is misconfigured or full",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores packs as they arrive and records where their chunks are. Returns their numbers.
    ///
    /// # Errors
    /// The first failure; uploads in flight are dropped.
    pub(super) async fn packs(
        self,
        mut packs: mpsc::Receiver<FullPack>,
        state: Arc<StateDb>,
    ) -> Result<Vec<StoredPack>, Error> {
        let mut flying: JoinSet<Result<StoredPack, Error>> = JoinSet::new();
        let mut stored = Vec::new();
        loop {
            tokio::select! {
                Some(done) = flying.join_next(), if !flying.is_empty() => {
                    stored.push(done.map_err(|e| Error::internal("an upload task failed", &e))??);
                }
                pack = packs.recv(), if flying.len() < CONCURRENT => {
                    let Some(pack) = pack else { break };
                    let (uploader, state) = (self.clone(), Arc::clone(&state));
                    flying.spawn(async move { uploader.pack(pack, &state).await });
                }
            }
        }
        while let Some(done) = flying.join_next().await {
            stored.push(done.map_err(|e| Error::internal("an upload task failed", &e))??);
        }
        Ok(stored)
    }

    async fn pack(&self, full: FullPack, state: &StateDb) -> Result<StoredPack, Error> {
        let FullPack { pack: SealedPack { id, bytes, .. }, entries } = full;
        let size = bytes.len() as u64;
        let end = Sha256::digest(bytes.get(bytes.len().saturating_sub(END)..).unwrap_or_default()).into();
        let number = self.put(ObjectKind::Pack, id, Bytes::from(bytes)).await?;
        state.add_confirmed_pack(self.backup, id, number, size, &entries)?;
        Ok(StoredPack { id, number, size, end })
    }
}

/// A pack confirmed by the service.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredPack {
    pub(super) id: ObjectId,
    pub(super) number: u32,
    pub(super) size: u64,
    /// SHA-256 of its last [`END`] bytes.
    pub(super) end: [u8; 32],
}
