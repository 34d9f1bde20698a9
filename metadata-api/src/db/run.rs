//! Queries of `app.source` and `app.run`.

use api_types::{
    DeviceId, ErrorCode, RunId, SnapshotId, SourceId, VaultId,
    vault::{RunRow, RunState},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{at, corrupt};
use crate::{
    domain::caller::{Caller, Tenant},
    error::ApiError,
};

/// Failure code of a run whose device stopped renewing the lease.
const LEASE_EXPIRED: &str = "lease_expired";

/// A run, with its row locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) source: SourceId,
    pub(crate) device: DeviceId,
    pub(crate) state: BackupState,
}

/// Its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupState {
    Running { lease_expires_at: i64 },
    Committed(SnapshotId),
    Failed,
}

impl Backup {
    /// Refuses a run that has ended or whose lease has expired.
    pub(crate) fn check_open(&self, now: i64) -> Result<(), ErrorCode> {
        match self.state {
            BackupState::Running { lease_expires_at } if lease_expires_at > now => Ok(()),
            BackupState::Running { .. } | BackupState::Committed(_) | BackupState::Failed => {
                Err(ErrorCode::BackupClosed)
            }
        }
    }
}

/// Inserts a source unless it is already known.
pub(crate) async fn ensure_source(
    conn: &mut PgConnection,
    vault: VaultId,
    source: SourceId,
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "INSERT INTO app.source (vault_id, source_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(vault.0)
    .bind(source.0)
    .bind(at(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a run; no effect if the id exists.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
    source: SourceId,
    device: DeviceId,
    now: i64,
    lease_expires_at: i64,
) -> Result<bool, ApiError> {
    let done = sqlx::query(
        "INSERT INTO app.run (vault_id, run_id, source_id, device_id, state, started_at, lease_expires_at)
         VALUES ($1, $2, $3, $4, 'running', $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(source.0)
    .bind(device.0)
    .bind(at(now))
    .bind(at(lease_expires_at))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Maximum runs per vault that are kept although they left nothing.
const KEPT: i64 = 1_000;

/// Deletes old, finished runs that left neither snapshot nor object.
pub(crate) async fn delete_old(conn: &mut PgConnection, vault: VaultId, now: i64) -> Result<(), ApiError> {
    sqlx::query(
        "DELETE FROM app.run b WHERE vault_id = $1 AND (state = 'failed' OR (state = 'running' AND lease_expires_at <= $2))
         AND NOT EXISTS (SELECT FROM app.object o WHERE o.vault_id = b.vault_id AND o.run_id = b.run_id)
         AND run_id IN (SELECT run_id FROM app.run WHERE vault_id = $1
                           ORDER BY started_at DESC, ordinal DESC OFFSET $3)",
    )
    .bind(vault.0)
    .bind(at(now))
    .bind(KEPT)
    .execute(conn)
    .await?;
    Ok(())
}

/// The vault's number of open runs and of sources.
pub(crate) async fn open_and_sources(
    conn: &mut PgConnection,
    vault: VaultId,
    now: i64,
) -> Result<(u64, u64), ApiError> {
    let (open, sources): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM app.run
                 WHERE vault_id = $1 AND state = 'running' AND lease_expires_at > $2),
                (SELECT count(*) FROM app.source WHERE vault_id = $1)",
    )
    .bind(vault.0)
    .bind(at(now))
    .fetch_one(conn)
    .await?;
    Ok((open.unsigned_abs(), sources.unsigned_abs()))
}

#[derive(sqlx::FromRow)]
struct LockedRow {
    source_id: Uuid,
    device_id: Uuid,
    state: String,
    lease_expires_at: OffsetDateTime,
    snapshot_id: Option<Vec<u8>>,
}

/// Reads a run and locks it until the transaction ends.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
) -> Result<Option<Backup>, ApiError> {
    let row: Option<LockedRow> = sqlx::query_as(
        "SELECT source_id, device_id, state, lease_expires_at, snapshot_id
         FROM app.run WHERE vault_id = $1 AND run_id = $2 FOR UPDATE",
    )
    .bind(vault.0)
    .bind(backup.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let state = match (row.state.as_str(), row.snapshot_id) {
            ("running", None) => {
                BackupState::Running { lease_expires_at: row.lease_expires_at.unix_timestamp() }
            }
            ("committed", Some(id)) => BackupState::Committed(
                SnapshotId::try_from(id.as_slice()).map_err(|_| corrupt("backup.snapshot_id"))?,
            ),
            ("failed", None) => BackupState::Failed,
            _ => return Err(corrupt("backup.state")),
        };
        Ok(Backup { source: SourceId(row.source_id), device: DeviceId(row.device_id), state })
    })
    .transpose()
}

/// The device's own run, locked. Another device's run is `forbidden`; that it exists is no secret.
pub(crate) async fn lock_own(
    conn: &mut PgConnection,
    caller: &Caller<Tenant>,
    id: RunId,
) -> Result<Backup, ApiError> {
    let found = lock(conn, caller.stage.vault, id).await?.ok_or(ErrorCode::NotFound)?;
    if found.device == caller.device { Ok(found) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Extends the lease.
pub(crate) async fn renew(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
    lease_expires_at: i64,
) -> Result<(), ApiError> {
    sqlx::query("UPDATE app.run SET lease_expires_at = $3 WHERE vault_id = $1 AND run_id = $2")
        .bind(vault.0)
        .bind(backup.0)
        .bind(at(lease_expires_at))
        .execute(conn)
        .await?;
    Ok(())
}

/// How a run ended.
pub(crate) enum Ending<'a> {
    Committed(SnapshotId),
    Failed(&'a str),
}

/// Ends a run.
pub(crate) async fn end(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
    ending: Ending<'_>,
    bytes_read: i64,
    now: i64,
) -> Result<(), ApiError> {
    let (state, failure, snapshot) = match ending {
        Ending::Committed(id) => ("committed", None, Some(id.as_bytes().to_vec())),
        Ending::Failed(word) => ("failed", Some(word), None),
    };
    sqlx::query(
        "UPDATE app.run SET state = $3, failure = $4, snapshot_id = $5, bytes_read = $6, ended_at = $7
         WHERE vault_id = $1 AND run_id = $2",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(state)
    .bind(failure)
    .bind(snapshot)
    .bind(bytes_read)
    .bind(at(now))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct RunRecord {
    run_id: Uuid,
    source_id: Uuid,
    device_id: Uuid,
    state: String,
    started_at: OffsetDateTime,
    lease_expires_at: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
    bytes_read: Option<i64>,
    bytes_stored: i64,
    failure: Option<String>,
    snapshot_id: Option<Vec<u8>>,
}

/// The newest runs. A run whose lease expired shows as failed.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    vault: VaultId,
    limit: i64,
    now: i64,
) -> Result<Vec<RunRow>, ApiError> {
    let rows: Vec<RunRecord> = sqlx::query_as(
        "SELECT b.run_id, b.source_id, b.device_id, b.state, b.started_at, b.lease_expires_at, b.ended_at,
                b.bytes_read, b.failure, b.snapshot_id,
                COALESCE((SELECT sum(o.size) FROM app.object o
                          WHERE o.vault_id = b.vault_id AND o.run_id = b.run_id AND o.state = 'stored'),
                         0)::bigint AS bytes_stored
         FROM app.run b WHERE b.vault_id = $1 ORDER BY b.started_at DESC, b.ordinal DESC LIMIT $2",
    )
    .bind(vault.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| run_row(row, now)).collect()
}

fn run_row(row: RunRecord, now: i64) -> Result<RunRow, ApiError> {
    let lease_end = row.lease_expires_at.unix_timestamp();
    let silent = row.state == "running" && lease_end <= now;
    let state = match row.state.as_str() {
        "running" if silent => RunState::Failed,
        "running" => RunState::Running,
        "committed" => RunState::Committed,
        "failed" => RunState::Failed,
        _ => return Err(corrupt("backup.state")),
    };
    Ok(RunRow {
        run_id: RunId(row.run_id),
        source_id: SourceId(row.source_id),
        device_id: DeviceId(row.device_id),
        state,
        started_at: row.started_at.unix_timestamp(),
        ended_at: if silent { Some(lease_end) } else { row.ended_at.map(OffsetDateTime::unix_timestamp) },
        bytes_read: row.bytes_read.and_then(|n| u64::try_from(n).ok()),
        bytes_stored: u64::try_from(row.bytes_stored).map_err(|_| corrupt("object.size"))?,
        failure: if silent { Some(LEASE_EXPIRED.into()) } else { row.failure },
        snapshot_id: row
            .snapshot_id
            .map(|id| SnapshotId::try_from(id.as_slice()).map_err(|_| corrupt("backup.snapshot_id")))
            .transpose()?,
    })
}
