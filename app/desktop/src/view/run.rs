//! What is going on.

use serde::Serialize;

use crate::error::UiError;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RunKind {
    /// A backup.
    Backup,
    /// A snapshot is read whole and verified.
    Verify,
    /// A snapshot is restored.
    Restore,
}

/// What it is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RunStage {
    /// Catching up with the vault.
    Sync,
    /// Reading the source and storing what is new.
    Dump,
    /// Making the snapshot.
    Commit,
    /// Reading a snapshot back.
    Restore,
}

/// How it ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Outcome {
    /// Well.
    Done {
        /// The snapshot's id, shortened.
        snapshot: String,
        /// Of the dump.
        sha256: String,
        /// Bytes of the dump.
        bytes: u64,
        /// Where it was restored to: a folder to open.
        folder: Option<String>,
    },
    /// Not.
    Failed {
        /// Why.
        error: UiError,
    },
    /// Somebody stopped it.
    Cancelled,
}

/// A backup, a verification or a restore: the one that goes on, or the last one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct RunView {
    /// What is being done.
    pub(crate) kind: RunKind,
    /// The source's name.
    pub(crate) source: String,
    /// What it is busy with.
    pub(crate) stage: RunStage,
    /// How many bytes there will be, about.
    pub(crate) total: Option<u64>,
    /// Bytes read from the source, or restored.
    pub(crate) done: u64,
    /// Bytes of the dump that were not stored before.
    pub(crate) new_bytes: u64,
    /// Bytes of the dump that were stored already.
    pub(crate) duplicate_bytes: u64,
    /// Bytes sent.
    pub(crate) uploaded: u64,
    /// Seconds since it began.
    pub(crate) elapsed: u64,
    /// Bytes a second, over the last seconds.
    pub(crate) rate: u64,
    /// Seconds that it will take, about.
    pub(crate) remaining: Option<u64>,
    /// It is held still.
    pub(crate) paused: bool,
    /// The service or the store has not answered for this many seconds; the run waits. None while they answer.
    pub(crate) away: Option<u64>,
    /// What should be known although it goes on.
    pub(crate) warnings: Vec<String>,
    /// How it ended; none while it goes on.
    pub(crate) outcome: Option<Outcome>,
    /// The command that does the same.
    pub(crate) command: String,
}

impl RunView {
    /// One that begins.
    pub(crate) fn new(kind: RunKind, source: &str, command: String) -> Self {
        Self {
            kind,
            source: source.to_owned(),
            stage: RunStage::Sync,
            total: None,
            done: 0,
            new_bytes: 0,
            duplicate_bytes: 0,
            uploaded: 0,
            elapsed: 0,
            rate: 0,
            remaining: None,
            paused: false,
            away: None,
            warnings: Vec::new(),
            outcome: None,
            command,
        }
    }
}
