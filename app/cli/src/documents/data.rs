//! Documents about backups, snapshots and restores.

use schemars::JsonSchema;
use serde::Serialize;

use super::Mark;

/// A snapshot was created.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "backup")]
pub(crate) struct Backup {
    pub(crate) snapshot_id: String,
    /// The source's name.
    pub(crate) source: String,
    /// Bytes of the dump.
    pub(crate) bytes_read: u64,
    /// Of these, bytes in newly stored chunks.
    pub(crate) bytes_new: u64,
    /// Bytes of all uploaded objects.
    pub(crate) bytes_uploaded: u64,
    /// Chunks of the dump.
    pub(crate) chunks: u64,
    /// Of these, new ones.
    pub(crate) chunks_new: u64,
    pub(crate) duration_ms: u64,
    /// Of the dump, hexadecimal.
    pub(crate) sha256: String,
    /// The program that made the dump, and its version.
    pub(crate) tool: String,
    pub(crate) unwrapped: Unwrapped,
    /// Size of the record list kept on this device for the next run; 0 if there is none.
    pub(crate) record_list_bytes: u64,
    /// The dump's format, from the outermost layer inwards.
    pub(crate) format: String,
    /// Whether the end of the dump itself was verified, not just the end of the stream.
    pub(crate) verified_end: bool,
    pub(crate) marks: Vec<Mark>,
}

/// What became of the compressed streams in a dump.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "unwrapped")]
pub(crate) struct Unwrapped {
    /// Number of streams stored as their content.
    pub(crate) streams: u64,
    /// Number of streams stored unchanged, because they cannot be reproduced.
    pub(crate) kept: u64,
    /// Bytes of content of the former.
    pub(crate) content_bytes: u64,
}

/// Snapshots, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "snapshots")]
pub(crate) struct Snapshots {
    pub(crate) snapshots: Vec<Snapshot>,
    /// Snapshots that cannot be opened.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// One snapshot.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "snapshot")]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    /// The source's name.
    pub(crate) source: String,
    /// `postgres`, `file`, `stdin`.
    pub(crate) kind: String,
    /// Where the source was: `host:port/database`, or a path.
    pub(crate) place: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// The same, as in `2026-11-20T22:00:00Z`.
    pub(crate) created_at: String,
    /// Size of the dump.
    pub(crate) bytes: u64,
    /// Bytes that it added to the storage.
    pub(crate) bytes_stored: u64,
    /// Of the dump, hexadecimal.
    pub(crate) sha256: String,
    /// Id of the device that created it.
    pub(crate) device: String,
    pub(crate) device_name: String,
    /// The program that made the dump, and its version.
    pub(crate) tool: String,
    /// The dump's format, from the outermost layer inwards.
    pub(crate) format: String,
    /// Whether the end of the dump itself was verified.
    pub(crate) verified_end: bool,
    pub(crate) marks: Vec<Mark>,
}

/// A snapshot whose signature is valid but whose content cannot be opened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "unreadable")]
pub(crate) struct Unreadable {
    pub(crate) id: String,
    /// The source's name; `null` if no other snapshot reveals it.
    pub(crate) source: Option<String>,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// The same, as in `2026-11-20T22:00:00Z`.
    pub(crate) created_at: String,
    /// Id of the device that created it.
    pub(crate) device: String,
    /// `null` if the service no longer lists the device.
    pub(crate) device_name: Option<String>,
    /// The problem, in words.
    pub(crate) why: String,
}

/// A snapshot that cannot be opened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "unreadable_id")]
pub(crate) struct UnreadableId {
    pub(crate) id: String,
    /// The problem, in words.
    pub(crate) why: String,
}

/// A snapshot was restored. With `--stdout` nothing is printed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "restore")]
pub(crate) struct Restored {
    pub(crate) snapshot_id: String,
    /// The source's name.
    pub(crate) source: String,
    /// Bytes written.
    pub(crate) bytes: u64,
    /// Of the dump as it was backed up, hexadecimal.
    pub(crate) sha256: String,
    pub(crate) duration_ms: u64,
    /// Packs downloaded for it.
    pub(crate) packs_read: u64,
    /// With `--partial`: what could not be read, and was filled with zeros.
    pub(crate) damaged: Vec<Damaged>,
    /// What else to know, one sentence each.
    pub(crate) notes: Vec<String>,
    /// With `--continue`: what the server rejected.
    pub(crate) failed: Vec<String>,
    /// With `--skip-missing` and its like: statements that were not executed, the first thousand.
    pub(crate) left_out: Vec<LeftOut>,
    /// Whether code in the dump ran as a superuser.
    pub(crate) superuser: bool,
}

/// A range of bytes that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "damaged")]
pub(crate) struct Damaged {
    /// The first byte.
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// Id of the damaged pack.
    pub(crate) pack: Option<String>,
    /// What is wrong with it.
    pub(crate) reason: String,
    /// Ids of the snapshots that need the same pack.
    pub(crate) snapshots: Vec<String>,
}

/// A statement that was not executed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "left_out")]
pub(crate) struct LeftOut {
    /// Line of the dump, from 1.
    pub(crate) line: u64,
    /// Its beginning.
    pub(crate) statement: String,
    /// What it needs.
    pub(crate) reason: String,
}

/// What became of interrupted restores on a server: names of databases.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "restore_clean_up")]
pub(crate) struct CleanedUp {
    pub(crate) dropped: Vec<String>,
    /// Databases of running restores: they stay.
    pub(crate) in_use: Vec<String>,
    /// Databases that could not be dropped, and why.
    pub(crate) failed: Vec<String>,
}

/// The result of a check. If problems were found an error follows.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "check")]
pub(crate) struct Check {
    /// Whether no problem was found.
    pub(crate) ok: bool,
    /// Snapshots opened.
    pub(crate) snapshots: u64,
    /// Packs that they need.
    pub(crate) packs: u64,
    /// Chunks in them.
    pub(crate) chunks: u64,
    /// Bytes read, with `--read-data`.
    pub(crate) bytes_read: u64,
    pub(crate) problems: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "problem")]
pub(crate) struct Problem {
    /// Id of the stored object at fault.
    pub(crate) object: Option<String>,
    /// What is wrong, in words.
    pub(crate) what: String,
    /// Ids of the snapshots that cannot be restored completely because of it.
    pub(crate) snapshots: Vec<String>,
}

/// The local index was rebuilt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "index_rebuild")]
pub(crate) struct IndexRebuilt {
    pub(crate) chunks: u64,
    pub(crate) packs: u64,
    /// Index objects read.
    pub(crate) segments: u64,
    pub(crate) duration_ms: u64,
}

/// A source's row list was rebuilt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "index_records")]
pub(crate) struct RecordsRebuilt {
    /// The source's name.
    pub(crate) source: String,
    /// Bytes of the dump that was read.
    pub(crate) bytes_read: u64,
    /// Size of the list.
    pub(crate) record_list_bytes: u64,
    pub(crate) duration_ms: u64,
}
