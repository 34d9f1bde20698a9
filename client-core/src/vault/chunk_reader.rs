//! `ChunkId` → verified plaintext: index → pack → record → decode → the id again, unless the whole has a hash.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api_types::ObjectId;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use super::{
    UnlockedVault,
    pack_cache::{Fetched, PackCache, PackFault},
};
use crate::{
    encode::{self, EncodeError, Encoded, Opened, Plaintexts, Stretch},
    error::Error,
    id::ChunkId,
    state::{PackKeys, Place, StateDb},
};

/// Chunks that others copy from are kept decoded, up to this many bytes (32 MiB).
const KEPT: u64 = 32 * 1024 * 1024;
/// Recipes of each level of copies that are at hand without asking the cache, and chunks that are no recipes, of all.
/// The latter are large.
const AT_HAND: usize = 8;

/// Why a chunk cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("chunk {chunk}: {fault}")]
pub struct ChunkFault {
    /// Which chunk.
    pub chunk: ChunkId,
    /// The pack that is at fault, when it is known.
    pub pack: Option<ObjectId>,
    /// What is wrong with it.
    pub fault: PackFault,
}

/// Reads chunks of one vault.
#[derive(Clone)]
pub struct ChunkReader {
    packs: Arc<PackCache>,
    state: Arc<StateDb>,
    keys: Arc<UnlockedVault>,
    opened: Arc<Cache<ChunkId, Arc<Lying>, Bytes>>,
}

/// A chunk that is taken apart, and the pack that it lies in.
struct Lying {
    pack: ObjectId,
    opened: Opened,
}

/// Chunks weigh what they take.
#[derive(Clone)]
struct Bytes;

impl Weighter<ChunkId, Arc<Lying>> for Bytes {
    fn weight(&self, _: &ChunkId, lying: &Arc<Lying>) -> u64 {
        lying.opened.size() as u64 + 100
    }
}

type Packs = HashMap<ObjectId, Fetched>;

impl ChunkReader {
    /// Over a pack cache and the local index.
    #[must_use]
    pub fn new(packs: Arc<PackCache>, state: Arc<StateDb>, keys: Arc<UnlockedVault>) -> Self {
        // One shard: of several each would hold a few chunks only, and refuse the largest.
        let options =
            OptionsBuilder::new().shards(1).estimated_items_capacity(1000).weight_capacity(KEPT).build();
        let opened = options.map(|options| {
            Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        let opened = Arc::new(opened.unwrap_or_else(|_| Cache::with_weighter(1000, KEPT, Bytes)));
        Self { packs, state, keys, opened }
    }

    /// The verified plaintext. The inner result is about the chunk, the outer about the way to it.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn chunk(&self, id: ChunkId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        Ok(self.chunk_and_depth(id).await?.map(|(plain, _)| plain))
    }

    /// As [`ChunkReader::chunk`], for a reader who verifies what all chunks make together: whatever was read is
    /// authentic, but is not compared with the chunk's id (6 % of a restore's CPU).
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn part(&self, id: ChunkId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        let place = match self.locate(id)? {
            Ok(place) => place,
            Err(missing) => return Ok(Err(missing)),
        };
        Ok(self.decode(id, place.pack, &place.copied_from).await?.map(|(plain, _)| plain))
    }

    /// As [`ChunkReader::chunk`], with the number of recipes that reading it led through, one behind the other.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn chunk_and_depth(&self, id: ChunkId) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        match self.locate(id)? {
            Ok(place) => self.read(id, place.pack, &place.copied_from).await,
            Err(missing) => Ok(Err(missing)),
        }
    }

    /// As [`ChunkReader::chunk`], from a pack that is named instead of looked up.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn chunk_in(&self, id: ChunkId, pack: ObjectId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        let place = self.state.locate(&id)?.filter(|place| place.pack == pack);
        let copied_from = place.map(|place| place.copied_from).unwrap_or_default();
        Ok(self.read(id, pack, &copied_from).await?.map(|(plain, _)| plain))
    }

    fn locate(&self, id: ChunkId) -> Result<Result<Place, ChunkFault>, Error> {
        let missing = ChunkFault { chunk: id, pack: None, fault: PackFault::Missing };
        Ok(self.state.locate(&id)?.ok_or(missing))
    }

    async fn read(
        &self,
        id: ChunkId,
        place: ObjectId,
        copied_from: &PackKeys,
    ) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        let decoded = self.decode(id, place, copied_from).await?;
        Ok(decoded.and_then(|(plain, depth)| {
            if self.keys.chunk_id_key().chunk_id(&plain) == id {
                Ok((plain, depth))
            } else {
                Err(damaged(id, place, &"its content is not what its id says"))
            }
        }))
    }

    async fn decode(
        &self,
        id: ChunkId,
        place: ObjectId,
        copied_from: &PackKeys,
    ) -> Result<Result<(Vec<u8>, u16), ChunkFault>, Error> {
        let closure: HashSet<ObjectId> =
            self.state.pack_ids(copied_from)?.into_iter().chain([place]).collect();
        let mut packs = self.packs.get_all(&closure.iter().copied().collect::<Vec<_>>()).await?;
        loop {
            let mut copies = Copies {
                reader: self,
                packs: &packs,
                closure: &closure,
                levels: Vec::new(),
                plain: Vec::new(),
                stopped: None,
            };
            let plain =
                copies.record(&id, place).and_then(|encoded| encode::decode(&id, &encoded, &mut copies));
            return Ok(match (plain, copies.stopped) {
                (Err(_), Some(Stop::Need(pack))) => {
                    packs.insert(pack, self.packs.get(pack).await?);
                    continue;
                }
                (Err(_), Some(Stop::Failed(error))) => return Err(error),
                (Err(_), Some(Stop::Fault(fault))) => Err(fault),
                (Err(error), None) => Err(damaged(id, place, &error)),
                (Ok(plain), _) => Ok((plain, copies.levels.len() as u16)),
            });
        }
    }

    /// Starts fetching what [`ChunkReader::chunk`] will need.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn prefetch(&self, id: ChunkId) -> Result<(), Error> {
        if let Some(place) = self.state.locate(&id)? {
            let packs = self.state.pack_ids(&place.copied_from)?.into_iter().chain([place.pack]);
            drop(self.packs.get_all(&packs.collect::<Vec<_>>()).await?);
        }
        Ok(())
    }
}

/// What a recipe copies from, read where it lies, recipes among it included.
struct Copies<'a> {
    reader: &'a ChunkReader,
    packs: &'a Packs,
    /// The packs that the chunk's writer knew to be enough; the chunk's own alone when that is not known.
    closure: &'a HashSet<ObjectId>,
    /// Recipes that were copied from last, by the number of recipes that led there.
    levels: Vec<Vec<AtHand>>,
    /// Other chunks that were copied from last.
    plain: Vec<AtHand>,
    stopped: Option<Stop>,
}

struct AtHand {
    id: ChunkId,
    lying: Arc<Lying>,
    hint: usize,
}

/// Why reading stopped, where [`EncodeError`] cannot say it.
enum Stop {
    Need(ObjectId),
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

    fn open(&mut self, id: &ChunkId) -> Result<Arc<Lying>, EncodeError> {
        if let Some(lying) = self.reader.opened.get(id).filter(|lying| self.known(&lying.pack)) {
            return Ok(lying);
        }
        let pack = self.place(id)?;
        let encoded = self.record(id, pack)?;
        let opened = Opened::read(id, &encoded)
            .map_err(|error| self.stop(id, Stop::Fault(damaged(*id, pack, &error))))?;
        let lying = Arc::new(Lying { pack, opened });
        self.reader.opened.insert(*id, Arc::clone(&lying));
        Ok(lying)
    }

    /// Where a chunk lies that is copied from: in a pack that the copying chunk's writer knew. Two devices may have
    /// stored two chunks each as a copy of the other; what each writer knew leads to an end.
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
        found.ok_or_else(|| {
            let fault = ChunkFault { chunk: *id, pack: None, fault: PackFault::Missing };
            self.stop(id, Stop::Fault(fault))
        })
    }

    fn known(&self, pack: &ObjectId) -> bool {
        self.closure.len() < 2 || self.closure.contains(pack)
    }

    /// The chunk as it was left by the last copy from it on this level.
    fn take(&mut self, id: &ChunkId, level: usize) -> Result<AtHand, EncodeError> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        for hand in [&mut self.levels[level], &mut self.plain] {
            if let Some(at) = hand.iter().position(|here| here.id == *id) {
                return Ok(hand.remove(at));
            }
        }
        Ok(AtHand { id: *id, lying: self.open(id)?, hint: 0 })
    }

    fn put_back(&mut self, here: AtHand, level: usize) {
        let hand = match here.lying.opened {
            Opened::Plain(_) => &mut self.plain,
            Opened::Built(_) => &mut self.levels[level],
        };
        if hand.len() == AT_HAND {
            hand.remove(0);
        }
        hand.push(here);
    }
}

impl Plaintexts for Copies<'_> {
    fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let level = stretch.hops - 1;
        let mut here = self.take(id, level)?;
        let done = here.lying.opened.stretch(stretch, self, out, &mut here.hint);
        self.put_back(here, level);
        done
    }
}

fn damaged(chunk: ChunkId, pack: ObjectId, why: &dyn std::fmt::Display) -> ChunkFault {
    ChunkFault { chunk, pack: Some(pack), fault: PackFault::Damaged(why.to_string()) }
}
