//! A vault opened on this device: keys, session, storage, local index, verified history.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use api_types::{DeviceId, ObjectId, ObjectKind, SnapshotId, VaultId, backup::MAX_BATCH, vault::VaultInfo};
use sha2::Digest;

use super::{Client, errors::affects_only_object};
use crate::{
    api::HttpApi,
    crypto::DeviceSigningKey,
    device::{DeviceSecrets, Head, Pins},
    error::Error,
    event::{Event, Warning},
    format::snapshot::{SnapshotBody, read_snapshot},
    net::same_origin,
    state::StateDb,
    store::{PresignedStore, Reach},
    text,
    vault::{ChunkReader, Directory, Fetcher, History, ListedSnapshot, PackCache, UnlockedVault},
};

/// Everything an operation needs.
pub(crate) struct OpenVault {
    client: Client,
    keys: Arc<UnlockedVault>,
    device: DeviceId,
    device_key: DeviceSigningKey,
    storage_origin: String,
    api: Arc<HttpApi>,
    fetcher: Arc<Fetcher>,
    state: Arc<StateDb>,
    directory: Directory,
    history: History,
    packs: Arc<PackCache>,
    reader: ChunkReader,
    /// What this device has seen, as saved beside its keys.
    floor: Mutex<Pins>,
}

impl Client {
    /// Opens the vault with the keys of this device.
    ///
    /// # Errors
    /// [`ErrorKind::NotSignedIn`](crate::error::ErrorKind::NotSignedIn), or as the service.
    pub(crate) fn open(&self) -> Result<OpenVault, Error> {
        OpenVault::open(self, &self.secrets()?)
    }

    /// Opens the vault, verifies its history and catches up with it.
    ///
    /// # Errors
    /// As [`Client::open`]; [`ErrorKind::RolledBack`](crate::error::ErrorKind::RolledBack) when the service shows another history.
    pub(crate) async fn open_synced(&self) -> Result<OpenVault, Error> {
        let mut vault = self.open()?;
        vault.sync().await?;
        Ok(vault)
    }

    /// Opens the vault and verifies its history: enough for operations that read no chunks.
    ///
    /// # Errors
    /// As [`Client::open_synced`].
    pub(crate) async fn open_history(&self) -> Result<OpenVault, Error> {
        let mut vault = self.open()?;
        vault.sync_history().await?;
        Ok(vault)
    }
}

impl OpenVault {
    pub(super) fn open(client: &Client, secrets: &DeviceSecrets) -> Result<Self, Error> {
        let vault = secrets.vault.as_ref().ok_or_else(|| Error::internal_text("no vault on this device"))?;
        let keys = Arc::new(UnlockedVault::new(vault)?);
        let opened = StateDb::open(client.home(), keys.id())?;
        if let Some(path) = opened.quarantined {
            client.observer().event(&Event::Warning(Warning::CacheQuarantined(path)));
        }
        let state = Arc::new(opened.state);
        if state.pins().rise(&vault.floor)? {
            client.observer().event(&Event::Warning(Warning::MemoryLost));
        }
        let VaultInfo { storage_origin, bucket, vault_id, .. } = &vault.info;
        let named = client.storage_origin().is_some_and(|named| same_origin(named, storage_origin));
        let reach = Reach::of_service(&secrets.service).when_named(named);
        let (device, storage_origin) = (secrets.device.id, vault.info.storage_origin.clone());
        let device_key = DeviceSigningKey::from_seed(secrets.device.signing_key().as_bytes());
        let api = Arc::new(client.api(secrets)?);
        let store = PresignedStore::new(&storage_origin, bucket, *vault_id, &reach)?;
        let store = store.with_stall(client.stall()).with_patience(Arc::clone(api.patience()));
        let fetcher = Arc::new(Fetcher::new(Arc::clone(&api), Arc::new(store), keys.id()));
        let packs = Arc::new(PackCache::new(Arc::clone(&fetcher), Arc::clone(&keys), client.home()));
        let reader = ChunkReader::new(Arc::clone(&packs), Arc::clone(&state), Arc::clone(&keys));
        Ok(Self {
            client: client.clone(),
            keys,
            device,
            device_key,
            storage_origin,
            api,
            fetcher,
            state,
            directory: Directory::empty(),
            history: History::default(),
            packs,
            reader,
            floor: Mutex::new(vault.floor.clone()),
        })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
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

    pub(super) const fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    pub(super) fn store(&self) -> &Arc<PresignedStore> {
        self.fetcher.store()
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

    pub(super) fn accept(&mut self, directory: Directory, history: History) {
        (self.directory, self.history) = (directory, history);
    }

    /// From here on there is work to lose, so an unreachable service or store is waited for.
    pub(super) fn begin_run(&self) {
        self.api.patience().begin_run();
    }

    /// Limits uploads, in bytes per second.
    pub(super) fn throttle(&self, bytes_per_second: Option<u64>) {
        self.store().limit_upload(bytes_per_second);
    }

    /// Pins this device's own new head at once, so that the next run notices if the service loses or renames it.
    pub(super) fn remember_head(&self, head: Head, snapshot: SnapshotId) -> Result<(), Error> {
        self.state.pins().opened(&[(head.hash, snapshot)])?;
        self.remember(&Pins { directory: None, heads: [(self.device, head)].into() })
    }

    /// Pins what was verified, both in its own file and beside the keys, in case that file is lost.
    pub(super) fn remember(&self, seen: &Pins) -> Result<(), Error> {
        self.state.pins().rise(seen)?;
        if self.floor.lock().unwrap_or_else(PoisonError::into_inner).rise(seen) {
            self.client.keystore().raise_floor(self.id(), seen)?;
        }
        Ok(())
    }

    /// Reads chunks of one snapshot, from the packs that its signed body names and from no others.
    pub(super) fn chunk_reader(&self, body: &SnapshotBody) -> ChunkReader {
        self.reader.within(body.packs.iter().copied())
    }

    /// Reads chunks from any of these packs.
    pub(super) fn reader_within(&self, packs: impl IntoIterator<Item = ObjectId>) -> ChunkReader {
        self.reader.within(packs)
    }

    /// Opens a snapshot and checks the heads its signer had seen against the history the service shows.
    pub(super) async fn body(&self, listed: &ListedSnapshot) -> Result<SnapshotBody, Error> {
        match self.state.sealed(&listed.id)?.filter(|bytes| is(listed.id, bytes)) {
            Some(bytes) => self.open_and_name(listed, &bytes),
            None => self.stored_body(listed).await,
        }
    }

    /// Like [`OpenVault::body`], but always from the object store, never from the local cache.
    pub(super) async fn stored_body(&self, listed: &ListedSnapshot) -> Result<SnapshotBody, Error> {
        let bytes = self.fetcher.object(listed.id, ObjectKind::Snapshot).await?;
        self.state.keep_sealed(&listed.id, &bytes)?;
        self.open_and_name(listed, &bytes)
    }

    fn open_body(&self, listed: &ListedSnapshot, bytes: &[u8]) -> Result<SnapshotBody, Error> {
        let parts = read_snapshot(bytes)?;
        // The listed head was verified with the device's key; the object must contain the same one.
        if parts.head.head_hash() != listed.head_hash {
            return Err(Error::damaged(text!(
                "snapshot {id} carries another head than the one that is listed",
                id = listed.id
            )));
        }
        let body = SnapshotBody::open(parts.body, &listed.envelope, self.keys.identities())?;
        self.history.contains_all(&body.heads)?;
        Ok(body)
    }

    /// Like [`OpenVault::open_body`], and pins the snapshot's id to its head.
    fn open_and_name(&self, listed: &ListedSnapshot, bytes: &[u8]) -> Result<SnapshotBody, Error> {
        let body = self.open_body(listed, bytes)?;
        self.state.pins().opened(&[(listed.head_hash, listed.id)])?;
        Ok(body)
    }

    /// Opens snapshots in the given order; those not cached are fetched concurrently. The inner result concerns the
    /// snapshot, the outer one the service and the store.
    pub(super) async fn bodies(
        &self,
        listed: &[ListedSnapshot],
    ) -> Result<Vec<Result<SnapshotBody, Error>>, Error> {
        let mut bodies = Vec::with_capacity(listed.len());
        for batch in listed.chunks(MAX_BATCH) {
            self.client.cancelled()?;
            let (mut here, mut missing) = (HashMap::new(), Vec::new());
            for snapshot in batch {
                match self.state.sealed(&snapshot.id)?.filter(|bytes| is(snapshot.id, bytes)) {
                    Some(bytes) => drop(here.insert(snapshot.id, Ok(bytes))),
                    None => missing.push(snapshot.id),
                }
            }
            let fetched = self.objects(&missing, ObjectKind::Snapshot).await?;
            let whole: Vec<(ObjectId, &[u8])> =
                fetched.iter().filter_map(|(id, bytes)| Some((*id, bytes.as_deref().ok()?))).collect();
            self.state.keep_all_sealed(&whole)?;
            drop(whole);
            here.extend(fetched);
            let mut opened = Vec::new();
            for snapshot in batch {
                let bytes = here.remove(&snapshot.id).unwrap_or_else(|| {
                    Err(Error::damaged(text!("snapshot {id} is listed twice", id = snapshot.id)))
                });
                bodies.push(match bytes.and_then(|bytes| self.open_body(snapshot, &bytes)) {
                    Err(error) if !affects_only_object(error.kind()) => return Err(error),
                    body => body,
                });
                if bodies.last().is_some_and(Result::is_ok) {
                    opened.push((snapshot.head_hash, snapshot.id));
                }
            }
            self.state.pins().opened(&opened)?;
        }
        Ok(bodies)
    }

    /// Maps each of these packs to the snapshots that need it. Snapshots that cannot be opened are omitted.
    pub(super) async fn snapshots_with(
        &self,
        packs: &BTreeSet<ObjectId>,
    ) -> BTreeMap<ObjectId, Vec<SnapshotId>> {
        let mut touched: BTreeMap<ObjectId, Vec<SnapshotId>> = BTreeMap::new();
        let listed = self.history.snapshots();
        let bodies = self.bodies(listed).await.unwrap_or_default();
        for (listed, body) in listed.iter().zip(bodies) {
            let Ok(body) = body else { continue };
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
