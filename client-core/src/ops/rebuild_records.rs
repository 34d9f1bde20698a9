//! Rebuilds a source's record list from its newest snapshot, for a device that has none or has lost it.

use std::time::{Duration, Instant};

use super::{Client, restore::read_piece};
use crate::{
    error::Error,
    event::{Event, Stage},
    records::{self, ListError, ListWriter, RecordKeys, Stored, split},
    text,
};

/// The result of a rebuild.
#[derive(Debug, Clone)]
pub struct RebuildRecordsReport {
    /// The source's name.
    pub source: String,
    /// Bytes of the dump that was read.
    pub bytes_read: u64,
    /// Size of the list in bytes.
    pub list_bytes: u64,
    /// How long it took.
    pub duration: Duration,
}

/// Reads the newest snapshot of a source and records where each record is.
///
/// # Errors
/// Same as a restore. An existing list stays until the new one is complete.
pub async fn rebuild_records(client: &Client, source: Option<String>) -> Result<RebuildRecordsReport, Error> {
    let started = Instant::now();
    let _lock = client.lock_for_backup()?;
    let vault = client.open_synced().await?;
    vault.begin_run();
    let (listed, body) = vault.newest_of(source).await?;
    client.observer().event(&Event::Stage(Stage::Restore { total: body.stored_size() }));
    let disk = |error: ListError| match error {
        ListError::Io(error) => Error::io(&text!("the record list"), &error),
        ListError::Unusable(what) => Error::internal_text(what),
    };
    let keys = RecordKeys::new(vault.keys().chunk_id_key());
    let path = records::path(client.home(), listed.envelope.source);
    let mut list =
        ListWriter::create(&path, vault.keys().domain_id(), listed.envelope.source).map_err(disk)?;
    let (reader, mut bytes_read) = (vault.chunk_reader(&body), 0);
    for piece in &body.manifest {
        for entry in read_piece(&reader, piece.chunk_id).await? {
            client.cancelled()?;
            let (plain, depth) = reader.chunk_and_depth(entry.chunk_id).await?.map_err(|fault| {
                Error::damaged(text!("snapshot {id} cannot be read: {fault}", id = listed.id, fault))
            })?;
            bytes_read += plain.len() as u64;
            client.observer().event(&Event::Restored { bytes: plain.len() as u64 });
            tokio::task::block_in_place(|| {
                let records = split(&plain, vault.keys().gear(), &keys);
                let stored = Stored { depth, origins: None };
                list.push(&keys, entry.chunk_id, entry.plain_len, &stored, &records)
            })
            .map_err(disk)?;
        }
    }
    let list_bytes = list.install(&keys).map_err(disk)?;
    Ok(RebuildRecordsReport { source: body.source_name, bytes_read, list_bytes, duration: started.elapsed() })
}
