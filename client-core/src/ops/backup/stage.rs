//! The types passed from one stage of a backup to the next.

use api_types::Sha256;
use bytes::Bytes;

use super::record_lists::RecordLists;
use crate::{
    error::Error,
    id::ChunkId,
    records::{Plan, Records},
    state::PackKeys,
};

/// The packs needed to read a recipe.
pub(super) type Sources = PackKeys;

/// Tells which chunks are already stored.
pub(super) trait Known: Sync {
    /// `true` if the chunk need not be stored again; records that the snapshot needs it.
    fn is_stored(&self, id: &ChunkId) -> Result<bool, Error>;

    /// Whether recipes may copy from this chunk.
    fn can_copy_from(&self, id: &ChunkId) -> Result<bool, Error>;

    /// Whether a stored chunk is complete in itself: reading it involves no recipe.
    fn is_self_contained(&self, id: &ChunkId) -> Result<bool, Error>;

    /// The packs needed to copy from these chunks, which the snapshot then needs; `None` if they are too many, or not
    /// all present.
    fn sources(&self, ids: &[ChunkId]) -> Result<Option<Sources>, Error>;
}

/// A chunk with its id and records.
pub(super) struct Identified {
    pub(super) number: u64,
    pub(super) id: ChunkId,
    pub(super) plain: Bytes,
    pub(super) stored: bool,
    pub(super) records: Option<Result<Records, u32>>,
}

/// A chunk, and how to store it.
pub(super) struct Related {
    pub(super) number: u64,
    pub(super) id: ChunkId,
    pub(super) len: u32,
    pub(super) store: Store,
}

/// How much of a chunk is to be stored.
pub(super) enum Store {
    /// Nothing: it is already stored.
    Nothing,
    /// All of it.
    Whole(Bytes),
    /// Only what is new in it.
    Rest(Plan, Sources),
}

/// Properties of the dump, once it has been read completely.
pub(super) struct Read {
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
    /// To be installed once the snapshot is committed, if they are still usable.
    pub(super) lists: Option<RecordLists>,
}
