//! Fetches packs and decrypts chunks ahead of their turn.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use super::order::Order;
use crate::{
    error::Error,
    format::manifest::ManifestEntry,
    ops::OpenVault,
    vault::{ChunkFault, ChunkReader},
};

/// Chunks decrypted ahead of the writer.
const DECODE_AHEAD: usize = 3;
/// Chunks whose packs are fetched ahead.
const FETCH_AHEAD: usize = 48;

/// A chunk's bytes, or why they cannot be read.
type Chunk = Result<Vec<u8>, ChunkFault>;

/// The dump's chunks in order; a bounded number of packs is fetched, and of chunks decrypted, ahead.
pub(super) struct Flow<'a> {
    vault: &'a OpenVault,
    reader: &'a ChunkReader,
    order: Order,
    /// Whether every chunk is checked against its id before it is passed on.
    compared: bool,
    fetching: VecDeque<ManifestEntry>,
    decoding: VecDeque<(ManifestEntry, JoinHandle<Result<Chunk, Error>>)>,
}

impl<'a> Flow<'a> {
    pub(super) const fn new(
        vault: &'a OpenVault,
        reader: &'a ChunkReader,
        order: Order,
        compared: bool,
    ) -> Self {
        Self { vault, reader, order, compared, fetching: VecDeque::new(), decoding: VecDeque::new() }
    }

    pub(super) async fn next(&mut self) -> Result<Option<(ManifestEntry, Chunk)>, Error> {
        while self.fetching.len() < FETCH_AHEAD {
            let Some(entry) = self.order.next() else { break };
            self.fetching.push_back(entry);
        }
        while self.decoding.len() < DECODE_AHEAD {
            let Some(entry) = self.fetching.pop_front() else { break };
            let (reader, compared) = (self.reader.clone(), self.compared);
            let task = tokio::spawn(async move {
                if compared { reader.chunk(entry.chunk_id).await } else { reader.part(entry.chunk_id).await }
            });
            self.decoding.push_back((entry, task));
            if let Some(ahead) = self.fetching.get(FETCH_AHEAD - DECODE_AHEAD) {
                let (reader, id) = (self.reader.clone(), ahead.chunk_id);
                // A failure here occurs again, and is reported, when it is the chunk's turn.
                tokio::spawn(async move { reader.prefetch(id).await });
            }
        }
        let Some((entry, task)) = self.decoding.pop_front() else { return Ok(None) };
        let chunk = task.await.map_err(|e| Error::internal("a decoding task died", &e))??;
        self.order.done(self.vault, self.reader, &entry.chunk_id)?;
        Ok(Some((entry, chunk)))
    }
}

impl Drop for Flow<'_> {
    fn drop(&mut self) {
        for (_, task) in &self.decoding {
            task.abort();
        }
    }
}
