//! What the local index knows about a dump's chunks, and which packs the snapshot references.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use api_types::ObjectId;

use super::stage::{Known, Sources};
use crate::{
    encode::MAX_REFS,
    error::Error,
    id::ChunkId,
    state::{PackKeys, StateDb},
};

/// Maximum number of packs that one chunk may depend on: the capacity of an index entry.
const MAX_SOURCE_PACKS: u64 = MAX_REFS as u64;

/// Answers from the local index, and records which packs the snapshot references.
pub(super) struct KnownChunks {
    state: Arc<StateDb>,
    packs: Mutex<PackKeys>,
}

impl KnownChunks {
    pub(super) fn new(state: Arc<StateDb>) -> Self {
        Self { state, packs: Mutex::default() }
    }

    pub(super) fn packs(&self) -> Result<BTreeSet<ObjectId>, Error> {
        let keys = self.packs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(self.state.pack_ids(&keys)?.into_iter().collect())
    }

    fn need(&self, packs: &PackKeys) {
        *self.packs.lock().unwrap_or_else(PoisonError::into_inner) |= packs;
    }
}

impl Known for KnownChunks {
    fn is_stored(&self, id: &ChunkId) -> Result<bool, Error> {
        let Some(mut place) = self.state.locate(id)? else { return Ok(false) };
        place.copied_from.insert(place.key);
        self.need(&place.copied_from);
        Ok(true)
    }

    fn can_copy_from(&self, id: &ChunkId) -> Result<bool, Error> {
        Ok(self.state.locate(id)?.is_some())
    }

    fn is_self_contained(&self, id: &ChunkId) -> Result<bool, Error> {
        Ok(self.state.locate(id)?.is_some_and(|place| place.copied_from.is_empty()))
    }

    fn sources(&self, ids: &[ChunkId]) -> Result<Option<Sources>, Error> {
        let mut packs = PackKeys::new();
        for id in ids {
            let Some(place) = self.state.locate(id)? else { return Ok(None) };
            packs.insert(place.key);
            packs |= place.copied_from;
        }
        if packs.len() > MAX_SOURCE_PACKS {
            return Ok(None);
        }
        self.need(&packs);
        Ok(Some(packs))
    }
}
