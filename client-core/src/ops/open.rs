//! A vault that is open on this device: keys, session, storage, local index, verified history.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use api_types::{DeviceId, ObjectId, ObjectKind, SnapshotId, VaultId, vault::VaultInfo};
use sha2::Digest;

use super::{
    Client,
    select::{Selector, by_prefix, not_found},
};
use crate::{
    api::HttpApi,
    crypto::DeviceSigningKey,
    device::{DeviceSecrets, Head},
    error::{Error, ErrorKind},
    event::{Event, Warning},
    format::snapshot::{SnapshotBody, read_snapshot},
    state::StateDb,
    store::{PresignedStore, StoreError, URL_TRIES, Verify},
    vault::{ChunkReader, Directory, History, ListedSnapshot, PackCache, UnlockedVault},
};

/// Everything an operation needs.
pub(crate) struct OpenVault {
    keys: Arc<UnlockedVault>,
    device: DeviceId,
    device_key: DeviceSigningKey,
    storage_origin: String,
    api: Arc<HttpApi>,
    store: Arc<PresignedStore>,
    state: Arc<StateDb>,
    directory: Directory,
    history: History,
    packs: Arc<PackCache>,
    reader: ChunkReader,
}

impl OpenVault {
    pub(super) fn open(client: &Client, secrets: &DeviceSecrets) -> Result<Self, Error> {
        let vault = secrets.vault.as_ref().ok_or_else(|| Error::internal_text("no vault on this device"))?;
        let keys = Arc::new(UnlockedVault::new(vault)?);
        let opened = StateDb::open(client.home())?;
        if let Some(path) = opened.quarantined {
            client.observer().event(&Event::Warning(Warning::CacheQuarantined(path)));
        }
        let state = Arc::new(opened.state);
        let VaultInfo { storage_origin, bucket, vault_id, .. } = &vault.info;
        let store =
            Arc::new(PresignedStore::new(storage_origin, bucket, *vault_id)?.with_stall(client.stall()));
        let (device, storage_origin) = (secrets.device.id, vault.info.storage_origin.clone());
        let device_key = DeviceSigningKey::from_seed(secrets.device.signing_key().as_bytes());
        let api = Arc::new(client.api(secrets)?);
        let packs =
            Arc::new(PackCache::new(Arc::clone(&api), Arc::clone(&store), Arc::clone(&keys), client.home()));
        let reader = ChunkReader::new(Arc::clone(&packs), Arc::clone(&state), Arc::clone(&keys));
        Ok(Self {
            keys,
            device,
            device_key,
            storage_origin,
            api,
            store,
            state,
            directory: Directory::empty(),
            history: History::default(),
            packs,
            reader,
        })
    }

    pub(super) fn id(&self) -> VaultId {
        self.keys.id()
    }

    pub(super) const fn keys(&self) -> &Arc<UnlockedVault> {
        &self.keys
    }

    pub(super) const fn device_id(&self) -> DeviceId {
        self.device
    }

    pub(super) const fn device_key(&self) -> &DeviceSigningKey {
        &self.device_key
    }

    pub(super) fn storage_origin(&self) -> &str {
        &self.storage_origin
    }

    pub(super) const fn api(&self) -> &Arc<HttpApi> {
        &self.api
    }

    pub(super) const fn store(&self) -> &Arc<PresignedStore> {
        &self.store
    }

    pub(super) const fn state(&self) -> &Arc<StateDb> {
        &self.state
    }

    pub(super) const fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    pub(super) const fn packs(&self) -> &Arc<PackCache> {
        &self.packs
    }

    pub(super) fn believe(&mut self, directory: Directory, history: History) {
        (self.directory, self.history) = (directory, history);
    }

    /// At most this many bytes a second go up.
    pub(super) fn throttle(&self, bytes_per_second: Option<u64>) {
        self.store.limit_upload(bytes_per_second);
    }

    /// Pins this device's own new head at once: a service that loses it is caught on the next run.
    pub(super) fn remember_head(&self, head: Head) -> Result<(), Error> {
        let mut heads = self.history.heads().clone();
        heads.insert(self.device, head);
        Ok(self.state.pins().save_heads(&heads)?)
    }

    pub(super) fn chunk_reader(&self) -> ChunkReader {
        self.reader.clone()
    }

    /// The one snapshot that is meant, opened.
    pub(super) async fn select(&self, selector: &Selector) -> Result<(ListedSnapshot, SnapshotBody), Error> {
        match selector {
            Selector::Id(prefix) => {
                let listed = by_prefix(self.history.snapshots(), prefix)?.clone();
                let body = self.body(&listed).await?;
                Ok((listed, body))
            }
            Selector::Latest { source: Some(source) } => {
                for listed in self.history.snapshots().iter().rev() {
                    let body = self.body(listed).await?;
                    if body.source_name == *source {
                        return Ok((listed.clone(), body));
                    }
                }
                Err(not_found(format!("there is no snapshot of a source called {source}")))
            }
            Selector::Latest { source: None } => {
                let snapshots = self.history.snapshots();
                let last =
                    snapshots.last().ok_or_else(|| not_found("there is no snapshot yet".to_owned()))?;
                if snapshots.iter().any(|s| s.envelope.source != last.envelope.source) {
                    return Err(Error::new(
                        ErrorKind::Ambiguous,
                        "several sources are backed up here",
                        "nothing was changed",
                        "add --source NAME; `sealkeep status` lists them",
                    ));
                }
                let body = self.body(last).await?;
                Ok((last.clone(), body))
            }
        }
    }

    /// Opens a snapshot, and checks what its signer had seen against what is shown here.
    pub(super) async fn body(&self, listed: &ListedSnapshot) -> Result<SnapshotBody, Error> {
        match self.state.sealed(&listed.id)?.filter(|bytes| is(listed.id, bytes)) {
            Some(bytes) => self.open_body(listed, &bytes),
            None => self.stored_body(listed).await,
        }
    }

    /// As [`OpenVault::body`], from the object store, whatever is kept here.
    pub(super) async fn stored_body(&self, listed: &ListedSnapshot) -> Result<SnapshotBody, Error> {
        let bytes = self.object(listed.id, ObjectKind::Snapshot).await?;
        self.state.keep_sealed(&listed.id, &bytes)?;
        self.open_body(listed, &bytes)
    }

    fn open_body(&self, listed: &ListedSnapshot, bytes: &[u8]) -> Result<SnapshotBody, Error> {
        let parts = read_snapshot(bytes)?;
        // The listed head was verified with the device's key; the object must carry the same one.
        if parts.head.head_hash() != listed.head_hash {
            return Err(Error::damaged(format!(
                "snapshot {} carries another head than the one that is listed",
                listed.id
            )));
        }
        let body = SnapshotBody::open(parts.body, &listed.envelope, self.keys.identities())?;
        self.history.contains_all(&body.heads)?;
        Ok(body)
    }

    /// A small object, whole and verified.
    pub(super) async fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Vec<u8>, Error> {
        let missing = || Error::damaged(format!("object {id} is missing from the object store"));
        let mut tries = 1..URL_TRIES;
        loop {
            let grants = self.api.read_urls(self.id(), vec![id]).await?;
            let grant = grants.into_iter().find(|g| g.object.id == id).ok_or_else(missing)?;
            return match self.store.get(&grant, kind, Verify::Whole).await {
                Ok(bytes) => Ok(bytes),
                Err(StoreError::NotFound) => Err(missing()),
                Err(StoreError::NeedNewUrl) if tries.next().is_some() => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Sizes of what the service says is stored.
    pub(super) async fn stored_sizes(&self, kind: ObjectKind) -> Result<HashMap<ObjectId, u64>, Error> {
        let rows = self.api.objects(self.id(), kind, None).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.size)).collect())
    }

    /// Which snapshots need which of these packs. A snapshot that cannot be opened is left out.
    pub(super) async fn snapshots_with(
        &self,
        packs: &BTreeSet<ObjectId>,
    ) -> BTreeMap<ObjectId, Vec<SnapshotId>> {
        let mut touched: BTreeMap<ObjectId, Vec<SnapshotId>> = BTreeMap::new();
        for listed in self.history.snapshots() {
            let Ok(body) = self.body(listed).await else { continue };
            for pack in body.packs.iter().filter(|pack| packs.contains(pack)) {
                touched.entry(*pack).or_default().push(listed.id);
            }
        }
        touched
    }
}

fn is(id: ObjectId, bytes: &[u8]) -> bool {
    sha2::Sha256::digest(bytes).as_slice() == id.as_bytes()
}
