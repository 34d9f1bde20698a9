//! What a backup is asked to do, and what became of it.

use std::time::Duration;

use api_types::{Sha256, SnapshotId};

use super::Gate;
use crate::{
    format::snapshot::Remark,
    ops::list::{self, Mark},
    source::AnySource,
    unwrap::Unwrapped,
};

/// What to back up.
pub struct BackupOptions {
    /// Where the dump comes from.
    pub source: AnySource,
    /// What to call the source; its own name otherwise.
    pub name: Option<String>,
    /// Whether it may carry on another source that had the name; without it such a backup is refused.
    pub same_source: bool,
    /// Bytes a second, at most.
    pub upload_limit: Option<u64>,
    /// Whether rows that stood in the last dump are found and not stored again, by a list that this device keeps.
    pub record_list: bool,
    /// Whether gzip and `pg_dump -Fc` are taken apart, so that what did not change in them is not stored again.
    pub unwrap: bool,
    /// zstd level; `None`: as suits the network.
    pub level: Option<i32>,
    /// Whether a dump is taken that is far smaller than the last ones or of another format, or a file that changes
    /// while it is read. Its snapshot is marked.
    pub force: bool,
    /// Holds the backup still while it is closed.
    pub gate: Gate,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The source's name.
    pub source: String,
    /// Bytes that the source delivered.
    pub bytes_read: u64,
    /// Of these, bytes in chunks that were not stored before.
    pub bytes_new: u64,
    /// Bytes of every object sent.
    pub bytes_uploaded: u64,
    /// Chunks of the dump.
    pub chunks: u64,
    /// Of these, new ones.
    pub chunks_new: u64,
    /// How long it took.
    pub duration: Duration,
    /// Of the dump.
    pub sha256: Sha256,
    /// What made the dump.
    pub tool: String,
    /// What of it was compressed, and taken apart.
    pub unwrapped: Unwrapped,
    /// Size of the record list that this device keeps for the next run, bytes; 0: none.
    pub record_list_bytes: u64,
    /// What kind of dump it is, from the outside in.
    pub format: String,
    /// Whether the dump's own end was found, beyond the end of the stream.
    pub verified_end: bool,
    /// What was unusual about it, and was accepted.
    pub remarks: Vec<Remark>,
}

impl BackupReport {
    /// What stands beside the snapshot in every list.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark> {
        list::marks(&self.remarks, &self.format, self.verified_end)
    }
}
