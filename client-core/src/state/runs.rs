//! The journal of runs: every attempt and its result.

use api_types::{BackupId, SnapshotId, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{StateDb, StateError, run_log};

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It is still running, or was interrupted.
    Running,
    /// It created a snapshot.
    Committed,
    /// It failed; one word says why.
    Failed(String),
}

/// One attempt to back up a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id, which the service knows as well.
    pub id: BackupId,
    /// The source's name.
    pub source: String,
    /// The kind of source.
    pub kind: String,
    /// Its result.
    pub state: RunState,
    /// Seconds since 1970.
    pub started_at: i64,
    /// Seconds since 1970.
    pub ended_at: Option<i64>,
    /// Bytes read of the dump.
    pub bytes_read: Option<u64>,
    /// The snapshot that it created.
    pub snapshot: Option<SnapshotId>,
}

/// Number of runs that are kept; older ones are forgotten.
pub const KEPT: u32 = 10_000;

pub(super) fn newest(db: &Connection, most: u32) -> Result<Vec<Run>, rusqlite::Error> {
    let mut query = db.prepare_cached(
        "SELECT name, kind, state, failure, started_at, ended_at, bytes_read, id, snapshot FROM run
         ORDER BY rowid DESC LIMIT ?1",
    )?;
    let rows = query.query_map([most], |row| {
        let state = match row.get::<_, String>(2)?.as_str() {
            "running" => RunState::Running,
            "committed" => RunState::Committed,
            _ => RunState::Failed(row.get::<_, Option<String>>(3)?.unwrap_or_default()),
        };
        Ok(Run {
            id: BackupId::from_bytes(row.get(7)?),
            source: row.get(0)?,
            kind: row.get(1)?,
            state,
            started_at: row.get(4)?,
            ended_at: row.get(5)?,
            bytes_read: row.get(6)?,
            snapshot: row.get::<_, Option<[u8; 32]>>(8)?.map(SnapshotId::new),
        })
    })?;
    rows.collect()
}

impl StateDb {
    /// Newest runs first, at most `most`: in the order of their starts, whatever the clock said.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn runs(&self, most: u32) -> Result<Vec<Run>, StateError> {
        Ok(newest(&self.db(), most)?)
    }

    /// How long a snapshot's run took in seconds, if it ran on this device.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn duration(&self, snapshot: &SnapshotId) -> Result<Option<u64>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached(
            "SELECT ended_at - started_at FROM run WHERE snapshot = ?1 AND ended_at >= started_at",
        )?;
        Ok(query.query_row([snapshot.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Records the start of a run. Earlier runs without an end are marked as interrupted, the oldest are forgotten.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn start_run(
        &self,
        run: BackupId,
        source: SourceId,
        name: &str,
        kind: &str,
        now: i64,
    ) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute(
            "UPDATE run SET state = 'failed', failure = 'interrupted', ended_at = ?1 WHERE state = 'running'",
            [now],
        )?;
        change.execute(
            "INSERT INTO run (id, source, name, kind, state, started_at) VALUES (?1, ?2, ?3, ?4, 'running', ?5)",
            params![run.as_bytes(), source.as_bytes(), name, kind, now],
        )?;
        change.execute(
            "DELETE FROM run WHERE rowid NOT IN (SELECT rowid FROM run ORDER BY rowid DESC LIMIT ?1)",
            [KEPT],
        )?;
        run_log::forget_oldest(&change)?;
        Ok(change.commit()?)
    }

    /// Records that it created a snapshot.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn finish_run(
        &self,
        run: BackupId,
        snapshot: SnapshotId,
        bytes_read: u64,
        now: i64,
    ) -> Result<(), StateError> {
        self.db().execute(
            "UPDATE run SET state = 'committed', snapshot = ?2, bytes_read = ?3, ended_at = ?4 WHERE id = ?1",
            params![run.as_bytes(), snapshot.as_bytes(), bytes_read, now],
        )?;
        Ok(())
    }

    /// Records its failure; `failure` is one word.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn fail_run(
        &self,
        run: BackupId,
        failure: &str,
        bytes_read: u64,
        now: i64,
    ) -> Result<(), StateError> {
        self.db().execute(
            "UPDATE run SET state = 'failed', failure = ?2, bytes_read = ?3, ended_at = ?4 WHERE id = ?1",
            params![run.as_bytes(), failure, bytes_read, now],
        )?;
        Ok(())
    }
}
