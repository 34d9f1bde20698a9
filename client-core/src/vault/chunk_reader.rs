//! `ChunkId` → verified plaintext: index → pack → record → decode → the id again, unless the whole dump has a hash.
//! Only packs named in the snapshot's signed body are read: the index is a hint.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api_types::ObjectId;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio::sync::OnceCell;

use super::{
    UnlockedVault,
    pack_cache::{Fetched, PackCache, PackFault},
    working_set::{OpenedChunk, WorkingSet},
};
use crate::{
    encode::{self, EncodeError, Encoded, Encoding, Opened, Plaintexts, Stretch},
    error::Error,
    id::ChunkId,
    state::StateDb,
    text,
    text::{Text, told},
};

/// Decoded chunks that others copy from are cached, up to this many bytes (32 MiB).
const KEPT: u64 = 32 * 1024 * 1024;
/// Packs whose directories are read at once.
const SIDE_BY_SIDE: usize = 16;

/// Why a chunk cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub struct ChunkFault {
    /// Which chunk.
    pub chunk: ChunkId,
    /// The damaged or missing pack, if it is known.
    pub pack: Option<ObjectId>,
    /// What is wrong with it.
    pub fault: PackFault,
}

told!(ChunkFault);

impl ChunkFault {
    fn text(&self) -> Text {
        text!("chunk {chunk}: {fault}", chunk = self.chunk.to_string(), fault = self.fault)
    }
}

/// Reads chunks of one vault from a signed set of packs.
#[derive(Clone)]
pub struct ChunkReader {
    packs: Arc<PackCache>,
    state: Arc<StateDb>,
    keys: Arc<UnlockedVault>,
    opened: Arc<Cache<ChunkId, Arc<OpenedChunk>, Bytes>>,
    within: Arc<Within>,
}

/// The packs that may be read, and their content according to their own sealed directories, once the index was
/// insufficient.
#[derive(Default)]
struct Within {
    packs: HashSet<ObjectId>,
    places: OnceCell<HashMap<ChunkId, ObjectId>>,
}

/// A chunk's pack, and the packs that its writer knew to suffice for what it copies from.
struct Found {
    pack: ObjectId,
    copied_from: Vec<ObjectId>,
}

/// Weighs chunks by their size.
#[derive(Clone)]
struct Bytes;

impl Weighter<ChunkId, Arc<OpenedChunk>> for Bytes {
    fn weight(&self, _: &ChunkId, content: &Arc<OpenedChunk>) -> u64 {
        content.opened.size() as u64 + 100
    }
}

type Packs = HashMap<ObjectId, Fetched>;

impl ChunkReader {
    /// Uses a pack cache and the local index; reads nothing until [`within`](Self::within) sets the packs.
    #[must_use]
    pub fn new(packs: Arc<PackCache>, state: Arc<StateDb>, keys: Arc<UnlockedVault>) -> Self {
        // One shard: each of several would hold only a few chunks, and refuse the largest.
        let options =
            OptionsBuilder::new().shards(1).estimated_items_capacity(1000).weight_capacity(KEPT).build();
        let opened = options.map(|options| {
            Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        let opened = Arc::new(opened.unwrap_or_else(|_| Cache::with_weighter(1000, KEPT, Bytes)));
        Self { packs, state, keys, opened, within: Arc::default() }
    }

    /// The same reader for other packs: those in a snapshot's signed body. No chunk is ever read from elsewhere.
    #[must_use]
    pub fn within(&self, packs: impl IntoIterator<Item = ObjectId>) -> Self {
        let within = Within { packs: packs.into_iter().collect(), places: OnceCell::new() };
        Self { within: Arc::new(within), ..self.clone() }
    }

    /// The verified plaintext. The inner result is about the chunk, the outer about access to it.
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn chunk(&self, id: ChunkId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        Ok(self.chunk_and_depth(id).await?.map(|(plain, _)| plain))
    }

    /// Like [`ChunkReader::chunk`], for a reader who verifies the hash of all chunks together before anyone sees any
    /// of them: the bytes come from packs with a verified SHA-256 but are not checked against the chunk's id (which
    /// takes 6 % of a restore's CPU).
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn part(&self, id: ChunkId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        if self.packs.salvages() {
            return self.chunk(id).await;
        }
        let found = match self.locate(id).await? {
            Ok(found) => found,
            Err(missing) => return Ok(Err(missing)),
        };
        Ok(self.decode(id, &found).await?.map(|(plain, _)| plain))
    }

    /// Like [`ChunkReader::chunk`], with the length of the chain of recipes that was read.
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn chunk_and_depth(&self, id: ChunkId) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        match self.locate(id).await? {
            Ok(found) => self.read(id, &found).await,
            Err(missing) => Ok(Err(missing)),
        }
    }

    /// Like [`ChunkReader::chunk`], from the given pack.
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn chunk_in(&self, id: ChunkId, pack: ObjectId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        let copied_from = match self.state.locate(&id)?.filter(|place| place.pack == pack) {
            Some(place) => self.state.pack_ids(&place.copied_from)?,
            None => Vec::new(),
        };
        Ok(self.read(id, &Found { pack, copied_from }).await?.map(|(plain, _)| plain))
    }

    /// Locates a chunk: by the index, if all packs that it names may be read; else by the directories of the packs
    /// that may be read.
    async fn locate(&self, id: ChunkId) -> Result<Result<Found, ChunkFault>, Error> {
        if let Some(found) = self.indexed(&id)? {
            return Ok(Ok(found));
        }
        let missing = ChunkFault { chunk: id, pack: None, fault: PackFault::Missing };
        let found = self.places().await?.get(&id).map(|pack| Found { pack: *pack, copied_from: Vec::new() });
        Ok(found.ok_or(missing))
    }

    /// The index's answer, if it stays within the packs that may be read.
    fn indexed(&self, id: &ChunkId) -> Result<Option<Found>, Error> {
        let Some(place) = self.state.locate(id)?.filter(|place| self.within.packs.contains(&place.pack))
        else {
            return Ok(None);
        };
        let copied_from = self.state.pack_ids(&place.copied_from)?;
        let inside = copied_from.iter().all(|pack| self.within.packs.contains(pack));
        Ok(inside.then_some(Found { pack: place.pack, copied_from }))
    }

    /// Every chunk of the packs that may be read, according to the packs' own sealed directories. Unreadable packs
    /// contribute nothing.
    async fn places(&self) -> Result<&HashMap<ChunkId, ObjectId>, Error> {
        let look = || async {
            let mut places = HashMap::<ChunkId, (ObjectId, Encoding)>::new();
            let packs: Vec<ObjectId> = self.within.packs.iter().copied().collect();
            for some in packs.chunks(SIDE_BY_SIDE) {
                for (pack, open) in self.packs.get_all(some).await? {
                    let Ok(open) = open else { continue };
                    for entry in open.directory() {
                        let here = (pack, entry.encoding);
                        let known = places.entry(entry.chunk_id).or_insert(here);
                        // A self-contained chunk needs no other one.
                        if known.1 == Encoding::Recipe && entry.encoding != Encoding::Recipe {
                            *known = here;
                        }
                    }
                }
            }
            Ok(places.into_iter().map(|(chunk, (pack, _))| (chunk, pack)).collect())
        };
        self.within.places.get_or_try_init(look).await
    }

    /// The packs needed to read a chunk, as far as they are known from the index or the directories.
    ///
    /// # Errors
    /// The local state cannot be read.
    pub fn packs_of(&self, id: &ChunkId) -> Result<Vec<ObjectId>, Error> {
        if let Some(Found { pack, copied_from }) = self.indexed(id)? {
            return Ok(copied_from.into_iter().chain([pack]).collect());
        }
        Ok(self.within.places.get().and_then(|places| places.get(id)).copied().into_iter().collect())
    }

    async fn read(&self, id: ChunkId, found: &Found) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        let decoded = self.decode(id, found).await?;
        Ok(decoded.and_then(|(plain, depth)| {
            if self.keys.chunk_id_key().chunk_id(&plain) == id {
                Ok((plain, depth))
            } else {
                Err(damaged(id, found.pack, text!("its content is not what its id says")))
            }
        }))
    }

    async fn decode(&self, id: ChunkId, found: &Found) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        let place = found.pack;
        let closure: HashSet<ObjectId> = found.copied_from.iter().copied().chain([place]).collect();
        let mut packs = self.packs.get_all(&closure.iter().copied().collect::<Vec<_>>()).await?;
        loop {
            let mut copies = Copies {
                reader: self,
                packs: &packs,
                closure: &closure,
                working_set: WorkingSet::default(),
                stopped: None,
            };
            let plain =
                copies.record(&id, place).and_then(|encoded| encode::decode(&id, &encoded, &mut copies));
            return Ok(match (plain, copies.stopped) {
                (Err(_), Some(Stop::Need(pack))) => {
                    packs.insert(pack, self.packs.get(pack).await?);
                    continue;
                }
                (Err(_), Some(Stop::LookUp)) => {
                    self.places().await?;
                    continue;
                }
                (Err(_), Some(Stop::Failed(error))) => return Err(error),
                (Err(_), Some(Stop::Fault(fault))) => Err(fault),
                (Err(error), None) => Err(damaged(id, place, error.text())),
                (Ok(plain), _) => Ok((plain, copies.working_set.depth() as u16)),
            });
        }
    }

    /// Starts fetching what [`ChunkReader::chunk`] will need.
    ///
    /// # Errors
    /// Same as [`PackCache::get`].
    pub async fn prefetch(&self, id: ChunkId) -> Result<(), Error> {
        drop(self.packs.get_all(&self.packs_of(&id)?).await?);
        Ok(())
    }
}

/// Reads the chunks that a recipe copies from, including recipes among them.
struct Copies<'a> {
    reader: &'a ChunkReader,
    packs: &'a Packs,
    /// The packs that the chunk's writer knew to suffice; only the chunk's own if that is unknown.
    closure: &'a HashSet<ObjectId>,
    /// The chunks copied from most recently, and the limits for all of them.
    working_set: WorkingSet,
    stopped: Option<Stop>,
}

/// Why reading stopped, where [`EncodeError`] cannot express it.
enum Stop {
    Need(ObjectId),
    /// The index does not locate a chunk: the packs' directories are needed.
    LookUp,
    Fault(ChunkFault),
    Failed(Error),
}

impl Copies<'_> {
    fn record(&mut self, id: &ChunkId, pack: ObjectId) -> Result<Encoded, EncodeError> {
        let fault = match self.packs.get(&pack) {
            None => return Err(self.stop(id, Stop::Need(pack))),
            Some(Ok(open)) => match open.record(id) {
                Ok(encoded) => return Ok(encoded),
                Err(fault) => fault,
            },
            Some(Err(fault)) => fault.clone(),
        };
        Err(self.stop(id, Stop::Fault(ChunkFault { chunk: *id, pack: Some(pack), fault })))
    }

    fn stop(&mut self, id: &ChunkId, why: Stop) -> EncodeError {
        self.stopped.get_or_insert(why);
        EncodeError::MissingReference(*id)
    }

    fn open(&mut self, id: &ChunkId) -> Result<Arc<OpenedChunk>, EncodeError> {
        if let Some(content) = self.reader.opened.get(id).filter(|content| self.known(&content.pack)) {
            return Ok(content);
        }
        let pack = self.place(id)?;
        let encoded = self.record(id, pack)?;
        let opened = Opened::read(id, &encoded)
            .map_err(|error| self.stop(id, Stop::Fault(damaged(*id, pack, error.text()))))?;
        let content = Arc::new(OpenedChunk { pack, opened });
        self.reader.opened.insert(*id, Arc::clone(&content));
        Ok(content)
    }

    /// Locates a chunk that is copied from, in a pack known to the copying chunk's writer. Two devices may each have
    /// stored one of two chunks as a copy of the other; what each writer knew has no cycle.
    fn place(&mut self, id: &ChunkId) -> Result<ObjectId, EncodeError> {
        let found = match self.reader.state.locate(id) {
            Ok(found) => found.map(|place| place.pack),
            Err(error) => return Err(self.stop(id, Stop::Failed(error.into()))),
        };
        if let Some(pack) = found.filter(|pack| self.known(pack)) {
            return Ok(pack);
        }
        for pack in self.closure {
            match self.packs.get(pack) {
                None => return Err(self.stop(id, Stop::Need(*pack))),
                Some(Ok(open)) if open.holds(id) => return Ok(*pack),
                Some(_) => {}
            }
        }
        if let Some(pack) = found.filter(|pack| self.reader.within.packs.contains(pack)) {
            return Ok(pack);
        }
        let Some(places) = self.reader.within.places.get() else {
            return Err(self.stop(id, Stop::LookUp));
        };
        places.get(id).copied().ok_or_else(|| {
            let fault = ChunkFault { chunk: *id, pack: None, fault: PackFault::Missing };
            self.stop(id, Stop::Fault(fault))
        })
    }

    fn known(&self, pack: &ObjectId) -> bool {
        self.closure.contains(pack) || self.closure.len() < 2 && self.reader.within.packs.contains(pack)
    }
}

impl Plaintexts for Copies<'_> {
    fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let level = stretch.hops - 1;
        self.working_set.copies()?;
        let mut chunk = match self.working_set.take(id, level) {
            Some(chunk) => chunk,
            None => {
                let content = self.open(id)?;
                self.working_set.opened(id, content)?
            }
        };
        let done = chunk.content.opened.stretch(stretch, self, out, &mut chunk.hint);
        self.working_set.put_back(chunk, level);
        done
    }
}

fn damaged(chunk: ChunkId, pack: ObjectId, why: Text) -> ChunkFault {
    ChunkFault { chunk, pack: Some(pack), fault: PackFault::Damaged(why) }
}
