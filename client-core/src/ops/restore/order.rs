//! What a dump needs from the store, in order: its chunks, and the first and last use of each pack.

use std::collections::{HashMap, VecDeque};

use api_types::ObjectId;

use super::read_piece;
use crate::{
    error::Error,
    format::{manifest::ManifestEntry, snapshot::SnapshotBody},
    id::ChunkId,
    ops::OpenVault,
    vault::ChunkReader,
};

/// A pack whose first and last use are no more chunks apart than this is not cached on disk. A run fills two packs
/// concurrently with some 150 chunks.
const PASSES: usize = 320;

/// The chunks of a dump, and the packs that they need. Takes 40 bytes per chunk.
pub(super) struct Order {
    chunks: VecDeque<ManifestEntry>,
    next: usize,
    /// The first and the last chunk that need a pack.
    needed: HashMap<ObjectId, (usize, usize)>,
}

impl Order {
    /// Reads the whole manifest.
    pub(super) async fn read(
        vault: &OpenVault,
        reader: &ChunkReader,
        body: &SnapshotBody,
    ) -> Result<Self, Error> {
        let (mut chunks, mut needed) = (VecDeque::new(), HashMap::new());
        for piece in &body.manifest {
            for entry in read_piece(reader, piece.chunk_id).await? {
                let at = chunks.len();
                for pack in reader.packs_of(&entry.chunk_id)? {
                    needed.entry(pack).or_insert((at, at)).1 = at;
                }
                chunks.push_back(entry);
            }
        }
        let passing = needed.iter().filter(|(_, (first, last))| last - first < PASSES).map(|(pack, _)| *pack);
        vault.packs().pass_through(passing.collect());
        Ok(Self { chunks, next: 0, needed })
    }

    pub(super) fn next(&mut self) -> Option<ManifestEntry> {
        self.chunks.pop_front()
    }

    /// Moves on to the next chunk: packs that no later one needs are released.
    pub(super) fn done(
        &mut self,
        vault: &OpenVault,
        reader: &ChunkReader,
        chunk: &ChunkId,
    ) -> Result<(), Error> {
        for pack in reader.packs_of(chunk)? {
            if self.needed.get(&pack).is_some_and(|(_, last)| *last == self.next) {
                vault.packs().release(&pack);
            }
        }
        self.next += 1;
        Ok(())
    }
}
