//! Sources: results of a connection test, and the state of each.

use api_types::SnapshotId;
use client_core::{
    ops::{
        overview::{Overview, Protection, SourceOverview},
        runs::{self, Run, RunState, RunTarget},
    },
    source::{DatabaseFacts, Preflight},
};
use serde::Serialize;
use uuid::Uuid;

use super::{RunKind, ScheduleInput, SnapshotView};
use crate::error::UiError;

/// Result of a connection test.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum ProbeView {
    /// A database.
    Database {
        /// Suggested name.
        name: String,
        /// Its location, without a password.
        place: String,
        /// `PostgreSQL 15.20`
        server: String,
        /// Whether the connection is encrypted.
        tls: bool,
        /// Whether the connection stays on this machine.
        local: bool,
        /// Bytes on the server's disk.
        size: u64,
        /// Number of readable tables.
        readable: u64,
        /// Unreadable tables: a dump would fail.
        unreadable: Vec<String>,
        /// The program that would dump it: `pg_dump 15.20`.
        tool: String,
        /// SQL that creates a role that can read everything and change nothing.
        read_only_role: String,
        /// Whether a backup would succeed as things are.
        passes: bool,
    },
    /// A file.
    File {
        /// Suggested name.
        name: String,
        /// Its path.
        place: String,
        /// Size in bytes.
        size: Option<u64>,
    },
}

impl ProbeView {
    pub(crate) fn new(preflight: Preflight, name: String, place: String) -> Self {
        let passes = preflight.passes();
        match preflight {
            Preflight::Database(facts) => {
                let DatabaseFacts {
                    server,
                    tls,
                    local,
                    size,
                    readable_tables: readable,
                    unreadable,
                    tool,
                    read_only_role,
                } = *facts;
                Self::Database {
                    name,
                    place,
                    server,
                    tls,
                    local,
                    size,
                    readable,
                    unreadable,
                    tool,
                    read_only_role,
                    passes,
                }
            }
            Preflight::Bytes { size } => Self::File { name, place, size },
        }
    }
}

/// The result of a past run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum PastRunState {
    /// It is running.
    Running,
    /// It did what it was for.
    Done,
    /// It failed, or was interrupted.
    Failed,
}

/// Where a past restore wrote to.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum PastTargetView {
    /// A file.
    File {
        /// Its path.
        path: String,
    },
    /// A database.
    Database {
        /// Its address, without a password.
        url: String,
    },
    /// Standard output of the command.
    Output,
}

/// A past run of a source on this device.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct PastRunView {
    /// Its id.
    pub(crate) id: String,
    /// What it did.
    pub(crate) kind: RunKind,
    /// Where a restore wrote to.
    pub(crate) target: Option<PastTargetView>,
    /// Its result.
    pub(crate) state: PastRunState,
    /// Why it failed, one word.
    pub(crate) failure: Option<String>,
    /// Seconds since 1970.
    pub(crate) started_at: i64,
    /// Seconds since 1970.
    pub(crate) ended_at: Option<i64>,
    /// Bytes of the dump read or restored.
    pub(crate) bytes_read: Option<u64>,
    /// The snapshot that it created, restored or verified.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub(crate) snapshot: Option<SnapshotId>,
}

impl From<Run> for PastRunView {
    fn from(run: Run) -> Self {
        let Run { id, kind, target, state, started_at, ended_at, bytes_read, snapshot, .. } = run;
        let (state, failure) = match state {
            RunState::Running => (PastRunState::Running, None),
            RunState::Done => (PastRunState::Done, None),
            RunState::Failed(why) => (PastRunState::Failed, Some(why)),
        };
        let kind = match kind {
            runs::RunKind::Backup => RunKind::Backup,
            runs::RunKind::Restore => RunKind::Restore,
            runs::RunKind::Verify => RunKind::Verify,
        };
        let target = target.map(|target| match target {
            RunTarget::File(path) => PastTargetView::File { path },
            RunTarget::Database(url) => PastTargetView::Database { url },
            RunTarget::Output => PastTargetView::Output,
        });
        Self { id: id.to_string(), kind, target, state, failure, started_at, ended_at, bytes_read, snapshot }
    }
}

/// The state of a source.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum ProtectionView {
    /// Its last backup is recent enough.
    Current,
    /// Nothing has been stored yet.
    Never,
    /// A backup is late.
    Overdue,
    /// The last attempt failed.
    Failing,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SourceView {
    /// Set if it was saved on this device.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub(crate) id: Option<Uuid>,
    /// Its name.
    pub(crate) name: String,
    /// `postgres`, `file` or `stdin`.
    pub(crate) kind: String,
    /// Its location, without a password.
    pub(crate) place: Option<String>,
    /// When it is backed up.
    pub(crate) schedule: ScheduleInput,
    /// Its state.
    pub(crate) protection: ProtectionView,
    /// When the next backup is due, seconds since 1970.
    pub(crate) due: Option<i64>,
    /// After a failure: when the next attempt starts, seconds since 1970.
    pub(crate) attempt: Option<i64>,
    /// Why the last attempt failed, one word.
    pub(crate) failure: Option<String>,
    /// When it failed, seconds since 1970.
    pub(crate) failed_at: Option<i64>,
    /// When attempts here failed in the last year, newest first, seconds since 1970.
    pub(crate) failures: Vec<i64>,
    /// When backups were due in the last year on days without one, and none came late, seconds since 1970.
    pub(crate) missed: Vec<i64>,
    /// When one of its snapshots was last opened or restored here, seconds since 1970.
    pub(crate) verified_at: Option<i64>,
    /// Newest first.
    pub(crate) snapshots: Vec<SnapshotView>,
}

impl From<SourceOverview> for SourceView {
    fn from(source: SourceOverview) -> Self {
        let failure = source.failure.as_ref();
        let why = failure.and_then(|run| match &run.state {
            RunState::Failed(why) => Some(why.clone()),
            RunState::Running | RunState::Done => None,
        });
        Self {
            id: source.saved.as_ref().map(|saved| saved.id),
            // Two sources of one name are distinguished by location.
            place: match &source.saved {
                Some(saved) => Some(saved.address.shown()),
                None => source.last().map(|last| last.place.clone()),
            },
            schedule: source.saved.as_ref().map_or(ScheduleInput::Manual, |saved| saved.schedule.into()),
            protection: match source.protection {
                Protection::Current => ProtectionView::Current,
                Protection::Never => ProtectionView::Never,
                Protection::Overdue => ProtectionView::Overdue,
                Protection::Failing => ProtectionView::Failing,
            },
            due: source.due,
            attempt: source.attempt,
            failed_at: failure.map(|run| run.started_at),
            failure: why,
            verified_at: source.verified_at(),
            snapshots: source.snapshots.iter().map(SnapshotView::from).collect(),
            failures: source.failures,
            missed: source.missed,
            name: source.name,
            kind: source.kind,
        }
    }
}

/// All sources.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct OverviewView {
    /// Saved sources first.
    pub(crate) sources: Vec<SourceView>,
    /// Why only what this device knows is shown.
    pub(crate) problem: Option<UiError>,
}

impl From<Overview> for OverviewView {
    fn from(overview: Overview) -> Self {
        Self {
            sources: overview.sources.into_iter().map(SourceView::from).collect(),
            problem: overview.problem.map(UiError::from),
        }
    }
}
