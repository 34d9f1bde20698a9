//! Queries of `app.snapshot`, which is append-only.

use api_types::{
    Base64, DeviceId, HeadHash, RunId, SnapshotId, VaultId,
    envelope::{SignedEnvelope, SnapshotEnvelope},
    vault::SnapshotRow,
};
use sqlx::PgConnection;

use super::{at, corrupt};
use crate::error::ApiError;

/// The device's key from the vault's directory; `None` if the device is not active there.
pub(crate) async fn signing_key(
    conn: &mut PgConnection,
    vault: VaultId,
    device: DeviceId,
) -> Result<Option<[u8; 32]>, ApiError> {
    let key: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT signing_key FROM app.vault_device WHERE vault_id = $1 AND device_id = $2 AND state = 'active'",
    )
    .bind(vault.0)
    .bind(device.0)
    .fetch_optional(conn)
    .await?;
    key.map(|key| key.as_slice().try_into().map_err(|_| corrupt("vault_device.signing_key"))).transpose()
}

/// A device's last sequence number and head.
pub(crate) async fn head(
    conn: &mut PgConnection,
    vault: VaultId,
    device: DeviceId,
) -> Result<Option<(u64, HeadHash)>, ApiError> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, head_hash FROM app.snapshot WHERE vault_id = $1 AND device_id = $2
         ORDER BY sequence DESC LIMIT 1",
    )
    .bind(vault.0)
    .bind(device.0)
    .fetch_optional(conn)
    .await?;
    row.map(|(sequence, hash)| {
        Ok((
            u64::try_from(sequence).map_err(|_| corrupt("snapshot.sequence"))?,
            HeadHash::try_from(hash.as_slice()).map_err(|_| corrupt("snapshot.head_hash"))?,
        ))
    })
    .transpose()
}

/// A snapshot's position and the run that created it.
pub(crate) async fn find(
    conn: &mut PgConnection,
    vault: VaultId,
    snapshot: SnapshotId,
) -> Result<Option<(u64, RunId)>, ApiError> {
    let row: Option<(i64, uuid::Uuid)> =
        sqlx::query_as("SELECT position, run_id FROM app.snapshot WHERE vault_id = $1 AND snapshot_id = $2")
            .bind(vault.0)
            .bind(snapshot.as_bytes().to_vec())
            .fetch_optional(conn)
            .await?;
    row.map(|(position, backup)| {
        Ok((u64::try_from(position).map_err(|_| corrupt("snapshot.position"))?, RunId(backup)))
    })
    .transpose()
}

/// A snapshot to insert.
pub(crate) struct NewSnapshot<'a> {
    pub(crate) id: SnapshotId,
    pub(crate) backup: RunId,
    pub(crate) envelope: &'a SnapshotEnvelope,
    pub(crate) head: &'a SignedEnvelope,
    /// In the portable format.
    pub(crate) packs: &'a [u8],
}

/// Inserts it at the vault's next position. The counter must be locked.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    vault: VaultId,
    new: &NewSnapshot<'_>,
    now: i64,
) -> Result<u64, ApiError> {
    let position: i64 = sqlx::query_scalar(
        "UPDATE app.vault_counter SET last_snapshot = last_snapshot + 1 WHERE vault_id = $1 RETURNING last_snapshot",
    )
    .bind(vault.0)
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO app.snapshot (vault_id, position, snapshot_id, run_id, source_id, device_id, sequence,
                                   previous, head_hash, envelope, signature, packs, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(vault.0)
    .bind(position)
    .bind(new.id.as_bytes().to_vec())
    .bind(new.backup.0)
    .bind(new.envelope.source.0)
    .bind(new.envelope.device.0)
    .bind(i64::try_from(new.envelope.sequence).map_err(ApiError::internal)?)
    .bind(new.envelope.previous.as_bytes().to_vec())
    .bind(new.head.head_hash().as_bytes().to_vec())
    .bind(&new.head.envelope.0)
    .bind(&new.head.signature.0)
    .bind(new.packs)
    .bind(at(now))
    .execute(conn)
    .await?;
    u64::try_from(position).map_err(|_| corrupt("snapshot.position"))
}

#[derive(sqlx::FromRow)]
struct Row {
    position: i64,
    snapshot_id: Vec<u8>,
    envelope: Vec<u8>,
    signature: Vec<u8>,
}

impl TryFrom<Row> for SnapshotRow {
    type Error = ApiError;
    fn try_from(row: Row) -> Result<Self, ApiError> {
        Ok(Self {
            snapshot_id: SnapshotId::try_from(row.snapshot_id.as_slice())
                .map_err(|_| corrupt("snapshot.snapshot_id"))?,
            head: SignedEnvelope { envelope: Base64(row.envelope), signature: Base64(row.signature) },
            position: u64::try_from(row.position).map_err(|_| corrupt("snapshot.position"))?,
        })
    }
}

/// Snapshots after a position, oldest first.
pub(crate) async fn after(
    conn: &mut PgConnection,
    vault: VaultId,
    after: i64,
    limit: i64,
) -> Result<Vec<SnapshotRow>, ApiError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, snapshot_id, envelope, signature FROM app.snapshot
         WHERE vault_id = $1 AND position > $2 ORDER BY position LIMIT $3",
    )
    .bind(vault.0)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(SnapshotRow::try_from).collect()
}
