//! The journal of runs: every attempt, with how it ended.

use api_types::{BackupId, SnapshotId, SourceId};
use rusqlite::params;

use super::{StateDb, StateError};

impl StateDb {
    /// A run begins. Runs that never ended were cut off and are marked so.
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
        Ok(change.commit()?)
    }

    /// It became a snapshot.
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

    /// It ended without one; `failure` is one word.
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
