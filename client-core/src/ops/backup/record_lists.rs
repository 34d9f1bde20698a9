//! The record lists of a source: the records of its last dump and of this one.

use std::{collections::HashMap, path::Path, sync::Arc};

use api_types::SourceId;

use crate::{
    event::{Event, Observer, Warning},
    id::ChunkId,
    records::{ListError, ListReader, ListWriter, Matcher, RecordKeys, Records, split},
    vault::UnlockedVault,
};

/// A source's record lists: that of the last snapshot, and the one that this run writes.
pub(super) struct RecordLists {
    pub(super) keys: Arc<RecordKeys>,
    pub(super) matcher: Option<Matcher>,
    pub(super) writer: ListWriter,
}

impl RecordLists {
    /// Opens the old list, if it is usable, and starts the new one.
    ///
    /// # Errors
    /// [`ListError`]: there will be no new list.
    pub(super) fn open(
        path: &Path,
        vault: &UnlockedVault,
        source: SourceId,
        observer: &dyn Observer,
    ) -> Result<Self, ListError> {
        let keys = Arc::new(RecordKeys::new(vault.chunk_id_key()));
        let old = ListReader::open(path, Arc::clone(&keys), vault.domain_id(), source)
            .and_then(|list| list.map(Matcher::new).transpose());
        let matcher = old.unwrap_or_else(|error| {
            observer.event(&Event::Warning(Warning::RecordListUnusable(error.text())));
            None
        });
        let writer = ListWriter::create(path, vault.domain_id(), source)?;
        Ok(Self { keys, matcher, writer })
    }

    /// What the workers need from the lists.
    pub(super) fn splitter(&self) -> Splitter {
        let rows = self.matcher.as_ref().map(|m| m.list().ids());
        Splitter { keys: Arc::clone(&self.keys), rows: rows.unwrap_or_default() }
    }

    /// Call once the snapshot is committed: the next run compares with this list. Returns its size in bytes.
    ///
    /// # Errors
    /// [`ListError`]; the old list stays.
    pub(super) fn install(self) -> Result<u64, ListError> {
        self.writer.install(&self.keys)
    }
}

/// Splits chunks, except those whose records the old list has.
#[derive(Clone)]
pub(super) struct Splitter {
    keys: Arc<RecordKeys>,
    rows: Arc<HashMap<ChunkId, u32>>,
}

impl Splitter {
    /// The records of a chunk: `Err` is its row in the old list, for a chunk that is already stored.
    pub(super) fn records(
        &self,
        vault: &UnlockedVault,
        id: &ChunkId,
        plain: &[u8],
        stored: bool,
    ) -> Result<Records, u32> {
        match self.rows.get(id).filter(|_| stored) {
            Some(row) => Err(*row),
            None => Ok(split(plain, vault.gear(), &self.keys)),
        }
    }
}
