//! Caches whole packs during a restore or a check: fetched a few at a time, opened once and kept, still sealed, in
//! unnamed temporary files; packs that are read only once stay in memory.

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
    text,
    text::{Text, told},
};

/// Concurrent downloads.
const CONCURRENT: usize = 4;
/// Sealed bytes kept on disk (2 GiB). An evicted pack is fetched again.
const BUDGET: u64 = 2 * 1024 * 1024 * 1024;
/// Packs kept in memory (32 MiB): the two that a writer filled in parallel.
const IN_MEMORY: usize = 2;
/// Packs kept: each is an open file, and the default limit of a process is 1024.
const MAX_OPEN: usize = 400;

/// Why a pack cannot be used. Cheap to clone for every chunk in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackFault {
    /// The service or the store does not have it.
    Missing,
    /// Its bytes differ from those stored.
    Damaged(Text),
}

told!(PackFault);

impl PackFault {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Missing => text!("it is missing from storage"),
            Self::Damaged(text) => text.clone(),
        }
    }
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
    /// Whether these are the stored bytes.
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
    /// [`PackFault::Damaged`] if the chunk is not in this pack or cannot be decrypted.
    pub fn record(&self, id: &ChunkId) -> Result<crate::encode::Encoded, PackFault> {
        let entry = self
            .reader
            .find(id)
            .ok_or_else(|| PackFault::Damaged(text!("chunk {id} is not in it", id = id.to_string())))?;
        let sealed = self
            .sealed
            .read(entry.offset, u64::from(entry.sealed_len))
            .map_err(|e| PackFault::Damaged(Text::verbatim(e.to_string())))?;
        self.reader.open_record(entry, sealed).map_err(|e| PackFault::Damaged(e.text()))
    }

    /// Whether it contains a chunk.
    #[must_use]
    pub fn holds(&self, id: &ChunkId) -> bool {
        self.reader.find(id).is_some()
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &[crate::format::pack::PackEntry] {
        self.reader.entries()
    }
}

/// A pack, or why it cannot be used.
pub(super) type Fetched = Result<Arc<OpenPack>, PackFault>;

type Slot = Arc<OnceCell<Fetched>>;

/// Fetched packs, by id.
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
    /// Keeps its unnamed files on the file system of `dir`.
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

    /// From here on, packs whose SHA-256 differs are read as well, so that a damaged pack costs only its damaged chunks.
    /// Readers must then compare every chunk with its id: see [`PackCache::salvages`].
    pub fn salvage(&self) {
        self.salvaging.store(true, Ordering::Relaxed);
    }

    /// Whether packs may differ from what was stored.
    #[must_use]
    pub fn salvages(&self) -> bool {
        self.salvaging.load(Ordering::Relaxed)
    }

    /// Downloads so far; a pack that is fetched again counts again.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Announces packs that will soon be [released](Self::release).
    pub fn pass_through(&self, packs: HashSet<ObjectId>) {
        *self.passing.lock().unwrap_or_else(PoisonError::into_inner) = packs;
    }

    /// Drops a pack that is no longer needed. If it is requested again, it is fetched again.
    pub fn release(&self, id: &ObjectId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).by_id.remove(id);
    }

    /// Reserves memory for a pack that belongs there, if any is free.
    fn room(&self, id: &ObjectId) -> Option<OwnedSemaphorePermit> {
        let passes = self.passing.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        passes.then(|| Arc::clone(&self.memory).try_acquire_owned().ok()).flatten()
    }

    /// Returns the pack, fetched if it is not cached. The inner result concerns the pack, the outer one the way to it.
    ///
    /// # Errors
    /// The service or the store cannot be reached, or the disk is full.
    pub async fn get(&self, id: ObjectId) -> Result<Fetched, Error> {
        let slot = self.slot(id);
        let pack = slot.get_or_try_init(|| self.fetch(id)).await?;
        Ok(pack.clone())
    }

    /// Like [`PackCache::get`], for several packs concurrently, with one round trip to the service.
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn get_all(self: &Arc<Self>, ids: &[ObjectId]) -> Result<HashMap<ObjectId, Fetched>, Error> {
        let mut packs = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.slot(*id).get() {
                Some(pack) => drop(packs.insert(*id, pack.clone())),
                None => missing.push(*id),
            }
        }
        self.fetcher.request_grants(&missing).await?;
        let mut fetching = JoinSet::new();
        for id in missing {
            let cache = Arc::clone(self);
            fetching.spawn(async move { cache.get(id).await.map(|pack| (id, pack)) });
        }
        while let Some(fetched) = fetching.join_next().await {
            let (id, pack) = fetched.map_err(|e| Error::internal("a download task failed", &e))??;
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
            Err(StoreError::Damaged(why)) => return Ok(Err(PackFault::Damaged(why))),
            Err(error) => return Err(error.into()),
        };
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let opened = tokio::task::block_in_place(|| self.open(&sealed, size));
        match opened.map_err(|e| Error::io(&text!("a temporary file"), &e))? {
            Ok(reader) => Ok(Ok(Arc::new(OpenPack { reader, sealed, size }))),
            // Damage may look like a newer version, or like a pack sealed for other keys.
            Err(_) if !sealed.is(&id, size).map_err(|e| Error::io(&text!("a temporary file"), &e))? => {
                Ok(Err(PackFault::Damaged(text!("object {id} has other content than was stored", id))))
            }
            Err(error @ PackError::NewerVersion(_)) => Err(error.into()),
            Err(error) => Ok(Err(PackFault::Damaged(error.text()))),
        }
    }

    /// Reads the parts that describe the pack: header, tail and padding.
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
    /// Drops the least recently used packs; a pack in use stays alive until its user is done.
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
