//! What is going on.

use serde::{Deserialize, Serialize};

use super::MarkView;
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

/// What a person may say to a refusal: the same is then done all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Choice {
    /// The dump is right, although it is not like the last ones, or changed while it was read.
    Force,
    /// It carries on what has been backed up under its name.
    SameSource,
    /// It gets another name.
    Rename,
    /// The target is a copy of what was backed up.
    ToCopy,
    /// Everything belongs to whoever restores.
    NoOwner,
    /// Nobody gets rights on anything.
    NoPrivileges,
    /// What needs something that the server lacks is left out.
    SkipMissing,
    /// What can be restored is kept.
    KeepGoing,
}

impl Choice {
    /// The same for the command.
    pub(crate) const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Force => Some("--force"),
            Self::SameSource => Some("--same-source"),
            Self::Rename => None,
            Self::ToCopy => Some("--to-copy-of-source"),
            Self::NoOwner => Some("--no-owner"),
            Self::NoPrivileges => Some("--no-privileges"),
            Self::SkipMissing => Some("--skip-missing"),
            Self::KeepGoing => Some("--continue"),
        }
    }
}

/// What is waited for while no run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum WaitView {
    /// The service or the store does not answer.
    Away {
        /// For so many seconds.
        seconds: u64,
        /// It is given up after so many.
        limit: u64,
    },
    /// This machine proves that it is not one of many that try to sign in.
    Proving {
        /// About so many seconds more.
        left: u64,
    },
    /// Nothing any more.
    Over,
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
        /// What stands beside the snapshot that was made.
        marks: Vec<MarkView>,
        /// What else should be known, each in one sentence.
        notes: Vec<String>,
        /// What the server refused of a restore that kept going.
        failed: Vec<String>,
    },
    /// Not.
    Failed {
        /// Why.
        error: UiError,
        /// What may be said to it.
        choices: Vec<Choice>,
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
