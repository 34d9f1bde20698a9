//! Options and report of a backup.

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
    /// Name of the source; its own name by default.
    pub name: Option<String>,
    /// Names that the source had before: it must be the one that was backed up under them, too.
    pub former_names: Vec<String>,
    /// Whether it may continue another source that had the name; otherwise such a backup is refused.
    pub same_source: bool,
    /// Upload limit in bytes per second.
    pub upload_limit: Option<u64>,
    /// Whether to find rows of the last dump and not store them again, using a list kept on this device.
    pub record_list: bool,
    /// Whether to decompress gzip and `pg_dump -Fc`, so that unchanged content is not stored again.
    pub unwrap: bool,
    /// zstd level; `None` adapts it to the network.
    pub level: Option<i32>,
    /// Whether to accept a dump that is far smaller than the last ones or of another format, or a file that changes
    /// while it is read. Its snapshot is marked.
    pub force: bool,
    /// Pauses the backup while closed.
    pub gate: Gate,
}

/// The result of a backup.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The source's name.
    pub source: String,
    /// Bytes delivered by the source.
    pub bytes_read: u64,
    /// Of these, bytes in newly stored chunks.
    pub bytes_new: u64,
    /// Bytes of all uploaded objects.
    pub bytes_uploaded: u64,
    /// Chunks of the dump.
    pub chunks: u64,
    /// Of these, new ones.
    pub chunks_new: u64,
    /// How long it took.
    pub duration: Duration,
    /// Of the dump.
    pub sha256: Sha256,
    /// The program that made the dump.
    pub tool: String,
    /// How much of it was compressed and has been unwrapped.
    pub unwrapped: Unwrapped,
    /// Size of the record list kept on this device for the next run, bytes; 0 if there is none.
    pub record_list_bytes: u64,
    /// The dump's format, from the outermost layer inwards.
    pub format: String,
    /// Whether the end of the dump itself was verified, not just the end of the stream.
    pub verified_end: bool,
    /// What was unusual about it and was accepted.
    pub remarks: Vec<Remark>,
}

impl BackupReport {
    /// The warnings shown with the snapshot in every list.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark> {
        list::marks(&self.remarks, &self.format, self.verified_end)
    }
}
