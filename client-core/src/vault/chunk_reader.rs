//! `ChunkId` → verified plaintext: index → pack → record → decode → the id again.

use std::{collections::HashMap, sync::Arc};

use api_types::ObjectId;

use super::{
    UnlockedVault,
    pack_cache::{PackCache, PackFault},
};
use crate::{
    encode::{self, Encoded, Encoding},
    error::Error,
    id::ChunkId,
    state::StateDb,
};

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
}

impl ChunkReader {
    /// Over a pack cache and the local index.
    #[must_use]
    pub const fn new(packs: Arc<PackCache>, state: Arc<StateDb>, keys: Arc<UnlockedVault>) -> Self {
        Self { packs, state, keys }
    }

    /// The verified plaintext. The inner result is about the chunk, the outer about the way to it.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn chunk(&self, id: ChunkId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        let Some(place) = self.state.locate(&id)? else {
            return Ok(Err(ChunkFault { chunk: id, pack: None, fault: PackFault::Missing }));
        };
        self.chunk_in(id, place.pack).await
    }

    /// As [`ChunkReader::chunk`], from a pack that is named instead of looked up.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn chunk_in(&self, id: ChunkId, pack: ObjectId) -> Result<Result<Vec<u8>, ChunkFault>, Error> {
        let encoded = match self.record_in(id, pack).await? {
            Ok(found) => found,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut literals = HashMap::new();
        if encoded.encoding == Encoding::Recipe {
            // A copy points into another chunk's literals, never further: one level is all there is.
            let referenced = match encode::recipe_refs(&encoded) {
                Ok(referenced) => referenced,
                Err(error) => return Ok(Err(damaged(id, pack, &error))),
            };
            for other in referenced {
                let (encoded, pack) = match self.record(other).await? {
                    Ok(found) => found,
                    Err(fault) => return Ok(Err(fault)),
                };
                match encode::literal_section(&encoded) {
                    Ok(section) => literals.insert(other, section),
                    Err(error) => return Ok(Err(damaged(other, pack, &error))),
                };
            }
        }
        let plain = match encode::decode(&id, &encoded, &mut literals) {
            Ok(plain) => plain,
            Err(error) => return Ok(Err(damaged(id, pack, &error))),
        };
        if self.keys.chunk_id_key().chunk_id(&plain) == id {
            Ok(Ok(plain))
        } else {
            Ok(Err(damaged(id, pack, &"its content is not what its id says")))
        }
    }

    /// Starts fetching what [`ChunkReader::chunk`] will need first.
    ///
    /// # Errors
    /// As [`PackCache::get`].
    pub async fn prefetch(&self, id: ChunkId) -> Result<(), Error> {
        if let Some(place) = self.state.locate(&id)? {
            drop(self.packs.get(place.pack).await?);
        }
        Ok(())
    }

    async fn record(&self, id: ChunkId) -> Result<Result<(Encoded, ObjectId), ChunkFault>, Error> {
        let Some(place) = self.state.locate(&id)? else {
            return Ok(Err(ChunkFault { chunk: id, pack: None, fault: PackFault::Missing }));
        };
        let record = self.record_in(id, place.pack).await?;
        Ok(record.map(|encoded| (encoded, place.pack)))
    }

    async fn record_in(&self, id: ChunkId, pack: ObjectId) -> Result<Result<Encoded, ChunkFault>, Error> {
        let opened = self.packs.get(pack).await?;
        Ok(opened.and_then(|open| open.record(&id)).map_err(|fault| ChunkFault {
            chunk: id,
            pack: Some(pack),
            fault,
        }))
    }
}

fn damaged(chunk: ChunkId, pack: ObjectId, why: &dyn std::fmt::Display) -> ChunkFault {
    ChunkFault { chunk, pack: Some(pack), fault: PackFault::Damaged(why.to_string()) }
}
