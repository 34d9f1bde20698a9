//! Rebuilds the local index, which is a cache, from the bucket.

use std::time::{Duration, Instant};

use super::Client;
use crate::error::Error;

/// The result of a rebuild.
#[derive(Debug, Clone, Copy)]
pub struct RebuildReport {
    /// Chunks in the index.
    pub chunks: u64,
    /// Packs that contain them.
    pub packs: u64,
    /// Index objects read.
    pub segments: u64,
    /// How long it took.
    pub duration: Duration,
}

/// Reads all index objects again, including those that could not be read before.
///
/// # Errors
/// Same as opening the vault. The old index stays until the new one is complete.
pub async fn rebuild_index(client: &Client) -> Result<RebuildReport, Error> {
    let started = Instant::now();
    let _lock = client.lock_for_backup()?;
    let mut vault = client.open()?;
    vault.sync_history().await?;
    let segments = vault.rebuild_index().await?;
    let (chunks, packs) = vault.state().index_size()?;
    Ok(RebuildReport { chunks, packs, segments, duration: started.elapsed() })
}
