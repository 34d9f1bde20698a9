//! What flows from one stage of a backup to the next.

use api_types::Sha256;
use bytes::Bytes;

use super::record_lists::RecordLists;
use crate::{
    error::Error,
    id::ChunkId,
    records::{Plan, Records},
    state::PackKeys,
};

/// The packs that reading a recipe leads to.
pub(super) type Sources = PackKeys;

/// Says which chunks are stored already.
pub(super) trait Known: Sync {
    /// `true` when the chunk need not be stored again; remembers that the snapshot needs it.
    fn is_stored(&self, id: &ChunkId) -> Result<bool, Error>;

    /// Whether a chunk can be copied from.
    fn is_source(&self, id: &ChunkId) -> Result<bool, Error>;

    /// Whether a stored chunk is stored whole: reading it leads through no recipe.
    fn is_whole(&self, id: &ChunkId) -> Result<bool, Error>;

    /// The packs that copying from these chunks leads to, which the snapshot needs from here on; `None` when
    /// they are too many, or not all there.
    fn sources(&self, ids: &[ChunkId]) -> Result<Option<Sources>, Error>;
}

/// A chunk with its name and records.
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

/// What is to be stored of a chunk.
pub(super) enum Store {
    /// It is stored already.
    Nothing,
    /// All of it.
    Whole(Bytes),
    /// What is new of it.
    Rest(Plan, Sources),
}

/// What the dump was, once all of it was read.
pub(super) struct Read {
    pub(super) bytes: u64,
    pub(super) sha256: Sha256,
    /// To be installed once the snapshot stands, if they are still of use.
    pub(super) lists: Option<RecordLists>,
}
