//! Runs and waits.

use serde::{Deserialize, Serialize};

use super::{MarkView, Message, RestoredView};
use crate::{error::UiError, text::TextView};

/// The kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RunKind {
    /// A backup.
    Backup,
    /// Verifies a whole snapshot.
    Verify,
    /// Restores a snapshot.
    Restore,
}

/// The current stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RunStage {
    /// Syncing with the vault.
    Sync,
    /// Reading the source and storing new data.
    Dump,
    /// Creating the snapshot.
    Commit,
    /// Restoring a snapshot.
    Restore,
}

/// How the user can override a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Choice {
    /// Accept the dump although it is unusual, or changed while it was read.
    Force,
    /// It continues what has been backed up under its name.
    SameSource,
    /// Use another name.
    Rename,
    /// The target is a copy of what was backed up.
    ToCopy,
    /// Give everything to the restoring user.
    NoOwner,
    /// Grant no privileges.
    NoPrivileges,
    /// Leave out what needs something that the server lacks.
    SkipMissing,
    /// Keep what can be restored.
    ContinueOnError,
}

impl Choice {
    /// The equivalent option of the CLI.
    pub(crate) const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Force => Some("--force"),
            Self::SameSource => Some("--same-source"),
            Self::Rename => None,
            Self::ToCopy => Some("--to-copy-of-source"),
            Self::NoOwner => Some("--no-owner"),
            Self::NoPrivileges => Some("--no-privileges"),
            Self::SkipMissing => Some("--skip-missing"),
            Self::ContinueOnError => Some("--continue"),
        }
    }
}

/// A wait without a visible run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum WaitView {
    /// The service or the store does not answer.
    Away {
        /// For how long, seconds.
        seconds: u64,
        /// When it will be given up, seconds.
        limit: u64,
    },
    /// This machine computes the proof of work for sign-in.
    Proving {
        /// Estimated remaining seconds.
        left: u64,
    },
    /// The wait is over.
    Over,
}

/// The result.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Outcome {
    /// It succeeded.
    Done {
        /// The snapshot's abbreviated id.
        snapshot: String,
        /// Hash of the dump.
        sha256: String,
        /// Bytes of the dump.
        bytes: u64,
        /// What it was restored to.
        restored: Option<RestoredView>,
        /// Warnings for the new snapshot.
        marks: Vec<MarkView>,
        /// What else the user should know, one sentence each.
        notes: Vec<TextView>,
        /// Errors of the server in a restore that kept going.
        failed: Vec<String>,
    },
    /// It failed.
    Failed {
        /// Why.
        error: UiError,
        /// How the user can override it.
        choices: Vec<Choice>,
    },
    /// It was cancelled.
    Cancelled,
}

/// A backup, a verification or a restore: the current one, or the last one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct RunView {
    /// Its kind.
    pub(crate) kind: RunKind,
    /// The source's name.
    pub(crate) source: String,
    /// The current stage.
    pub(crate) stage: RunStage,
    /// Estimated total, bytes.
    pub(crate) total: Option<u64>,
    /// Bytes read from the source, or restored.
    pub(crate) done: u64,
    /// Bytes of the dump in newly stored chunks.
    pub(crate) new_bytes: u64,
    /// Bytes of the dump that were already stored.
    pub(crate) duplicate_bytes: u64,
    /// Bytes uploaded.
    pub(crate) uploaded: u64,
    /// Seconds since it began.
    pub(crate) elapsed: u64,
    /// Current rate in bytes per second.
    pub(crate) rate: u64,
    /// Estimated remaining seconds.
    pub(crate) remaining: Option<u64>,
    /// Whether it is paused.
    pub(crate) paused: bool,
    /// How long the service or the store has not answered, seconds; the run waits. None while they answer.
    pub(crate) away: Option<u64>,
    /// What the user should know although it continues.
    pub(crate) warnings: Vec<Message>,
    /// How many backups wait for it to end.
    pub(crate) waiting: usize,
    /// Its result; none while it is running.
    pub(crate) outcome: Option<Outcome>,
    /// The equivalent command.
    pub(crate) command: String,
}

impl RunView {
    /// A run that starts.
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
            waiting: 0,
            outcome: None,
            command,
        }
    }
}
