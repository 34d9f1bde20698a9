//! Whole packs for the time of a restore or a check: fetched a few at a time, opened once, kept sealed in unnamed
//! temporary files; the few that are read through once, in memory.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use api_types::{ObjectId, ObjectKind, vault::ReadGrant};
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{Fetcher, UnlockedVault};
use crate::{
    error::Error,
    format::pack::{FOOTER_LEN, PackError, PackReader},
    id::ChunkId,
    store::{StoreError, Verify},
};

/// Downloads in flight.
const CONCURRENT: usize = 4;
/// Sealed bytes kept on disk at once (2 GiB). A pack that fell out is fetched again.
const BUDGET: u64 = 2 * 1024 * 1024 * 1024;
/// Packs kept in memory at once (32 MiB): the two that a writer filled side by side.
const IN_MEMORY: usize = 2;
/// Packs kept at once: each is an open file, of which a process has 1024 by default.
const MAX_OPEN: usize = 400;

/// Why a pack cannot be used. Cheap to repeat for every chunk that lies in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackFault {
    /// The service or the store says that it is not there.
    #[error("it is missing from the object store")]
    Missing,
    /// Its bytes are not those that were stored.
    #[error("{0}")]
    Damaged(String),
}

/// A fetched pack.
pub struct OpenPack {
    reader: PackReader,
    sealed: Sealed,
    size: u64,
}

enum Sealed {
    OnDisk(File),
    InMemory(
        Vec<u8>,
        #[expect(dead_code, reason = "its end makes room for another pack")] OwnedSemaphorePermit,
    ),
}

impl Sealed {
    fn read(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        match self {
            Self::OnDisk(file) => {
                let mut bytes = vec![0; len];
                file.read_exact_at(&mut bytes, offset).map(|()| bytes)
            }
            Self::InMemory(pack, _) => {
                let start = usize::try_from(offset).map_err(io::Error::other)?;
                let bytes = start.checked_add(len).and_then(|end| pack.get(start..end));
                bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

impl Sealed {
    /// Whether these are the bytes that were stored.
    fn is(&self, id: &ObjectId, size: u64) -> io::Result<bool> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < size {
            let len = (size - at).min(1 << 20);
            hash.update(self.read(at, len)?);
            at += len;
        }
        Ok(hash.finalize().as_slice() == id.as_bytes())
    }
}

impl OpenPack {
    /// Reads and decrypts one record.
    ///
    /// # Errors
    /// [`PackFault::Damaged`] when the chunk is not in this pack or does not decrypt.
    pub fn record(&self, id: &ChunkId) -> Result<crate::encode::Encoded, PackFault> {
        let damaged = |e: &dyn std::fmt::Display| PackFault::Damaged(e.to_string());
        let entry =
            self.reader.find(id).ok_or_else(|| PackFault::Damaged(format!("chunk {id} is not in it")))?;
        let sealed = self.sealed.read(entry.offset, u64::from(entry.sealed_len)).map_err(|e| damaged(&e))?;
        self.reader.open_record(entry, sealed).map_err(|e| damaged(&e))
    }

    /// Whether a chunk lies in it.
    #[must_use]
    pub fn holds(&self, id: &ChunkId) -> bool {
        self.reader.find(id).is_some()
    }

    /// What its directory lists.
    #[must_use]
    pub fn directory(&self) -> &[crate::format::pack::PackEntry] {
        self.reader.entries()
    }
}

/// A pack, or what is wrong with it.
pub(super) type Fetched = Result<Arc<OpenPack>, PackFault>;

type Slot = Arc<OnceCell<Fetched>>;

/// Packs by id.
pub struct PackCache {
    fetcher: Arc<Fetcher>,
    keys: Arc<UnlockedVault>,
    dir: PathBuf,
    slots: Mutex<Slots>,
    downloads: Semaphore,
    passing: Mutex<HashSet<ObjectId>>,
    memory: Arc<Semaphore>,
    fetched: AtomicU64,
    salvaging: AtomicBool,
}

#[derive(Default)]
struct Slots {
    by_id: HashMap<ObjectId, (u64, Slot)>,
    clock: u64,
}

impl PackCache {
    /// Keeps its files, unnamed, on the file system of `dir`.
    #[must_use]
    pub fn new(fetcher: Arc<Fetcher>, keys: Arc<UnlockedVault>, dir: &Path) -> Self {
        Self {
            fetcher,
            keys,
            dir: dir.to_owned(),
            slots: Mutex::default(),
            downloads: Semaphore::new(CONCURRENT),
            passing: Mutex::default(),
            memory: Arc::new(Semaphore::new(IN_MEMORY)),
            fetched: AtomicU64::new(0),
            salvaging: AtomicBool::new(false),
        }
    }

    /// From here on a pack whose SHA-256 differs is read all the same, so that a damaged pack costs only the chunks
    /// that are damaged. Whoever reads then compares every chunk with its id: see [`PackCache::salvages`].
    pub fn salvage(&self) {
        self.salvaging.store(true, Ordering::Relaxed);
    }

    /// Whether packs may be other bytes than were stored.
    #[must_use]
    pub fn salvages(&self) -> bool {
        self.salvaging.load(Ordering::Relaxed)
    }

    /// Packs that were downloaded so far, a pack that was fetched again counted again.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// These packs will soon be [released](Self::release).
    pub fn pass_through(&self, packs: HashSet<ObjectId>) {
        *self.passing.lock().unwrap_or_else(PoisonError::into_inner) = packs;
    }

    /// A pack is not needed any more. One that is asked for all the same is fetched again.
    pub fn release(&self, id: &ObjectId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).by_id.remove(id);
    }

    /// Room in memory, when that is where a pack should go and there is some.
    fn room(&self, id: &ObjectId) -> Option<OwnedSemaphorePermit> {
        let passes = self.passing.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        passes.then(|| Arc::clone(&self.memory).try_acquire_owned().ok()).flatten()
    }

    /// The pack, fetched when it is not here. The inner result is about the pack, the outer about the way to it.
    ///
    /// # Errors
    /// The service or the store cannot be reached, or the disk is full.
    pub async fn get(&self, id: ObjectId) -> Result<Fetched, Error> {
        let slot = self.slot(id);
        let pack = slot.get_or_try_init(|| self.fetch(id)).await?;
        Ok(pack.clone())
    }

    /// As [`PackCache::get`], several side by side, for one round trip to the service.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn get_all(self: &Arc<Self>, ids: &[ObjectId]) -> Result<HashMap<ObjectId, Fetched>, Error> {
        let mut packs = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.slot(*id).get() {
                Some(pack) => drop(packs.insert(*id, pack.clone())),
                None => missing.push(*id),
            }
        }
        self.fetcher.ask(&missing).await?;
        let mut fetching = JoinSet::new();
        for id in missing {
            let cache = Arc::clone(self);
            fetching.spawn(async move { cache.get(id).await.map(|pack| (id, pack)) });
        }
        while let Some(fetched) = fetching.join_next().await {
            let (id, pack) = fetched.map_err(|e| Error::internal("a download died", &e))??;
            packs.insert(id, pack);
        }
        Ok(packs)
    }

    fn slot(&self, id: ObjectId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clock += 1;
        let now = slots.clock;
        let entry = slots.by_id.entry(id).or_default();
        entry.0 = now;
        let slot = Arc::clone(&entry.1);
        slots.evict();
        slot
    }

    async fn fetch(&self, id: ObjectId) -> Result<Fetched, Error> {
        let _permit = self.downloads.acquire().await.map_err(|e| Error::internal("download slots", &e))?;
        let verify = if self.salvages() { Verify::Length } else { Verify::Whole };
        let mut room = self.room(&id);
        let get = |grant: ReadGrant| {
            let room = room.take();
            async move {
                let (store, size) = (self.fetcher.store(), grant.object.size);
                let sealed = match room {
                    Some(room) => Sealed::InMemory(store.get(&grant, ObjectKind::Pack, verify).await?, room),
                    None => {
                        Sealed::OnDisk(store.get_file(&grant, ObjectKind::Pack, verify, &self.dir).await?)
                    }
                };
                Ok((sealed, size))
            }
        };
        let (sealed, size) = match self.fetcher.fetch(id, get).await? {
            Ok(fetched) => fetched,
            Err(StoreError::NotFound) => return Ok(Err(PackFault::Missing)),
            Err(error @ StoreError::Damaged(_)) => return Ok(Err(PackFault::Damaged(error.to_string()))),
            Err(error) => return Err(error.into()),
        };
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let opened = tokio::task::block_in_place(|| self.open(&sealed, size));
        match opened.map_err(|e| Error::io("a temporary file", &e))? {
            Ok(reader) => Ok(Ok(Arc::new(OpenPack { reader, sealed, size }))),
            // Damage may look like a newer version, or like a pack for other keys.
            Err(_) if !sealed.is(&id, size).map_err(|e| Error::io("a temporary file", &e))? => {
                Ok(Err(PackFault::Damaged(format!("object {id} has other content than was stored"))))
            }
            Err(error @ PackError::NewerVersion(_)) => Err(error.into()),
            Err(error) => Ok(Err(PackFault::Damaged(error.to_string()))),
        }
    }

    /// Reads what describes the pack: its front, its end, its padding.
    fn open(&self, sealed: &Sealed, size: u64) -> io::Result<Result<PackReader, PackError>> {
        let read = |offset: u64, len: u64| sealed.read(offset, len);
        let front = read(0, size.min(PackReader::HEADER_LEN))?;
        let footer = size.min(FOOTER_LEN as u64);
        let tail_len = match PackReader::tail_len(&read(size - footer, footer)?) {
            Ok(len) => len.min(size),
            Err(error) => return Ok(Err(error)),
        };
        let tail = read(size - tail_len, tail_len)?;
        let reader = match PackReader::open_parts(&front, &tail, size, self.keys.id(), self.keys.identities())
        {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        let padding = reader.padding();
        let padding = read(padding.start, padding.end - padding.start)?;
        Ok(reader.check_padding(padding).map(|()| reader))
    }
}

impl Slots {
    /// Drops the packs that were not asked for the longest; a pack in use lives on until its user is done.
    fn evict(&mut self) {
        let size = |slot: &Slot| match slot.get() {
            Some(Ok(pack)) => pack.size,
            _ => 0,
        };
        let mut held: u64 = self.by_id.values().map(|(_, slot)| size(slot)).sum();
        let mut open = self.by_id.values().filter(|(_, slot)| size(slot) > 0).count();
        while held > BUDGET || open > MAX_OPEN {
            let oldest = self
                .by_id
                .iter()
                .filter(|(_, (_, slot))| size(slot) > 0)
                .min_by_key(|(_, (used, _))| *used)
                .map(|(id, _)| *id);
            let Some((_, slot)) = oldest.and_then(|id| self.by_id.remove(&id)) else { return };
            held -= size(&slot);
            open -= 1;
        }
    }
}
