//! What `--json` and `--progress=json` print, as types. Their JSON Schema is published: `sealkeep schema` prints it, and
//! `json-schema.json` is the same as a file, which a test compares.
//!
//! A schema's `description` is the comment here. A key that can be `null` is an `Option`.

mod account;
mod data;
mod local;
mod progress;
mod schema;

use std::time::Duration;

use client_core::ops::list;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use self::{
    account::{
        Account, Device, DeviceKeys, DeviceRole, DeviceState, Devices, Dialog, Index, Logout, Revoked,
        SourceStatus, Status,
    },
    data::{
        Backup, Check, CleanedUp, Damaged, IndexRebuilt, LeftOut, Problem, RecordsRebuilt, Restored,
        Snapshot, Snapshots, Unreadable, UnreadableId, Unwrapped,
    },
    local::{
        Bundle, Config, LogEntry, Logged, Run, RunState, RunTarget, Runs, Schedule, ScheduleAdded,
        ScheduleRemoved, Scheduled, Schedules, Setting, Skipped, Source, SourceRemoved, SourceWithTimer,
        Sources, Tested, TestedBytes, TestedDatabase, Timer, TimerFiles,
    },
    progress::{Line, Sums},
    schema::text as schema,
};

/// The command failed. It is printed on standard output, instead of the result or after it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "error")]
pub(crate) struct Failed {
    /// Why.
    pub(crate) error: Failure,
}

/// An error in its three parts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "failure")]
pub(crate) struct Failure {
    /// One word. The troubleshooting page of the user guide lists all of them.
    pub(crate) kind: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// What it means for the backups.
    pub(crate) meaning: String,
    /// What to do next.
    pub(crate) next_step: String,
}

/// What to know about a snapshot before choosing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "mark")]
pub(crate) enum Mark {
    /// Less than a tenth of its source's usual size.
    SmallerThanUsual,
    /// Another format than the previous snapshot.
    OtherFormat,
    /// The file changed while it was read.
    ChangedWhileRead,
    /// The format is unknown, so nothing shows whether the dump is complete.
    UnknownFormat,
    /// The format is known but does not mark its end.
    EndNotChecked,
}

impl From<list::Mark> for Mark {
    fn from(mark: list::Mark) -> Self {
        match mark {
            list::Mark::Smaller => Self::SmallerThanUsual,
            list::Mark::OtherFormat => Self::OtherFormat,
            list::Mark::ChangedWhileRead => Self::ChangedWhileRead,
            list::Mark::UnknownFormat => Self::UnknownFormat,
            list::Mark::EndNotChecked => Self::EndNotChecked,
        }
    }
}

/// Several of them.
pub(crate) fn marks(marks: &[list::Mark]) -> Vec<Mark> {
    marks.iter().copied().map(Mark::from).collect()
}

/// Ids as text.
pub(crate) fn ids<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
