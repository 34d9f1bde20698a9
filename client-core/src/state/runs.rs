//! The journal of runs: every backup, restore and verification, and its result.

use api_types::{RunId, SnapshotId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{StateDb, StateError, run_log};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// It backs up a source.
    Backup,
    /// It restores a snapshot.
    Restore,
    /// It reads and compares stored data, of a snapshot or of everything.
    Verify,
}

impl RunKind {
    const ALL: [Self; 3] = [Self::Backup, Self::Restore, Self::Verify];

    /// One word, as stored and as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Verify => "verify",
        }
    }
}

/// Where a restore wrote to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunTarget {
    /// A path.
    File(String),
    /// An address without secrets.
    Database(String),
    /// Standard output.
    Output,
}

impl RunTarget {
    /// One word, as stored and as in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Database(_) => "database",
            Self::Output => "stdout",
        }
    }

    /// The path or the address.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::File(name) | Self::Database(name) => Some(name),
            Self::Output => None,
        }
    }
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It is still running, or was interrupted.
    Running,
    /// It did what it was for: a backup created its snapshot.
    Done,
    /// It failed; one word says why.
    Failed(String),
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id; the service knows that of a backup as well.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// The source's name; `None` if it ended before that was known, or if it was about all sources.
    pub source: Option<String>,
    /// The kind of source.
    pub source_kind: Option<String>,
    /// Where a restore wrote to.
    pub target: Option<RunTarget>,
    /// Its result.
    pub state: RunState,
    /// Seconds since 1970.
    pub started_at: i64,
    /// Seconds since 1970.
    pub ended_at: Option<i64>,
    /// Bytes of the dump read or restored, or stored bytes verified.
    pub bytes_read: Option<u64>,
    /// The snapshot that it created, restored or verified.
    pub snapshot: Option<SnapshotId>,
}

/// A run that starts, as far as it is known by then.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// Its id.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// The source's name.
    pub source: Option<&'a str>,
    /// The kind of source.
    pub source_kind: Option<&'a str>,
    /// Where a restore writes to.
    pub target: Option<&'a RunTarget>,
}

/// Number of runs that are kept; older ones are forgotten.
pub const KEPT: u32 = 10_000;

/// Newest first, in the order of their starts, whatever the clock said.
pub(super) fn newest(db: &Connection, kind: Option<RunKind>, most: u32) -> Result<Vec<Run>, rusqlite::Error> {
    let mut query = db.prepare_cached(
        "SELECT id, kind, name, source_kind, target_kind, target, state, failure, started_at, ended_at, bytes_read,
            snapshot
         FROM run WHERE ?1 IS NULL OR kind = ?1 ORDER BY rowid DESC LIMIT ?2",
    )?;
    let rows = query.query_map(params![kind.map(RunKind::as_str), most], read)?;
    rows.collect()
}

impl StateDb {
    /// Newest runs first, at most `most`, if `kind` only of that one: in the order of their starts, whatever the clock
    /// said.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn runs(&self, kind: Option<RunKind>, most: u32) -> Result<Vec<Run>, StateError> {
        Ok(newest(&self.db(), kind, most)?)
    }

    /// Those without an end: still running, or interrupted.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn runs_without_end(&self) -> Result<Vec<RunId>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT id FROM run WHERE state = 'running'")?;
        let rows = query.query_map([], |row| Ok(RunId::from_bytes(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How long a snapshot's backup took in seconds, if it ran on this device.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn duration(&self, snapshot: &SnapshotId) -> Result<Option<u64>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached(
            "SELECT ended_at - started_at FROM run
             WHERE snapshot = ?1 AND kind = 'backup' AND ended_at >= started_at",
        )?;
        Ok(query.query_row([snapshot.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Records the start of a run. The oldest runs are forgotten.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn start_run(&self, run: &NewRun<'_>, now: i64) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute(
            "INSERT INTO run (id, kind, name, source_kind, target_kind, target, state, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7)",
            params![
                run.id.as_bytes(),
                run.kind.as_str(),
                run.source,
                run.source_kind,
                run.target.map(RunTarget::kind),
                run.target.and_then(RunTarget::name),
                now
            ],
        )?;
        change.execute(
            "DELETE FROM run WHERE rowid NOT IN (SELECT rowid FROM run ORDER BY rowid DESC LIMIT ?1)",
            [KEPT],
        )?;
        run_log::forget_oldest(&change)?;
        Ok(change.commit()?)
    }

    /// Records which snapshot a run is about, once that is known.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn run_is_about(
        &self,
        run: RunId,
        snapshot: SnapshotId,
        source: &str,
        source_kind: &str,
    ) -> Result<(), StateError> {
        self.db().execute(
            "UPDATE run SET snapshot = ?2, name = ?3, source_kind = ?4 WHERE id = ?1",
            params![run.as_bytes(), snapshot.as_bytes(), source, source_kind],
        )?;
        Ok(())
    }

    /// Marks those of these runs that have no end as interrupted.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn interrupt_runs(&self, runs: &[RunId], now: i64) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        for run in runs {
            change.execute(
                "UPDATE run SET state = 'failed', failure = 'interrupted', ended_at = ?2
                 WHERE id = ?1 AND state = 'running'",
                params![run.as_bytes(), now],
            )?;
        }
        Ok(change.commit()?)
    }

    /// Records that a run did what it was for, with the snapshot that it created, if it is a backup.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn finish_run(
        &self,
        run: RunId,
        snapshot: Option<SnapshotId>,
        bytes_read: u64,
        now: i64,
    ) -> Result<(), StateError> {
        self.db().execute(
            "UPDATE run SET state = 'done', snapshot = coalesce(?2, snapshot), bytes_read = ?3, ended_at = ?4
             WHERE id = ?1",
            params![run.as_bytes(), snapshot.as_ref().map(SnapshotId::as_bytes), bytes_read, now],
        )?;
        Ok(())
    }

    /// Records its failure; `failure` is one word.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn fail_run(&self, run: RunId, failure: &str, bytes_read: u64, now: i64) -> Result<(), StateError> {
        self.db().execute(
            "UPDATE run SET state = 'failed', failure = ?2, bytes_read = ?3, ended_at = ?4 WHERE id = ?1",
            params![run.as_bytes(), failure, bytes_read, now],
        )?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let kind: String = row.get(1)?;
    let target = match (row.get::<_, Option<String>>(4)?.as_deref(), row.get(5)?) {
        (Some("file"), Some(name)) => Some(RunTarget::File(name)),
        (Some("database"), Some(name)) => Some(RunTarget::Database(name)),
        (Some(_), _) => Some(RunTarget::Output),
        (None, _) => None,
    };
    let state = match row.get::<_, String>(6)?.as_str() {
        "running" => RunState::Running,
        "done" => RunState::Done,
        _ => RunState::Failed(row.get::<_, Option<String>>(7)?.unwrap_or_default()),
    };
    Ok(Run {
        id: RunId::from_bytes(row.get(0)?),
        kind: RunKind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or(RunKind::Backup),
        source: row.get(2)?,
        source_kind: row.get(3)?,
        target,
        state,
        started_at: row.get(8)?,
        ended_at: row.get(9)?,
        bytes_read: row.get(10)?,
        snapshot: row.get::<_, Option<[u8; 32]>>(11)?.map(SnapshotId::new),
    })
}
