//! Queries of `app.object` and `app.vault_counter`.

use api_types::{BackupId, ObjectId, ObjectKind, VaultId, backup::NewObject, vault::ObjectRow};
use sqlx::PgConnection;

use super::{at, corrupt};
use crate::error::ApiError;

/// An object as the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) row: Object,
    pub(crate) stored: bool,
}

/// Number, name, kind and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) number: u32,
    pub(crate) id: ObjectId,
    pub(crate) kind: ObjectKind,
    pub(crate) size: u64,
}

impl From<Object> for ObjectRow {
    fn from(object: Object) -> Self {
        let Object { number, id, kind, size } = object;
        Self { number, id, kind, size }
    }
}

#[derive(sqlx::FromRow)]
struct Record {
    object_id: Vec<u8>,
    number: i64,
    kind: String,
    size: i64,
    stored: bool,
}

impl TryFrom<Record> for Known {
    type Error = ApiError;
    fn try_from(record: Record) -> Result<Self, ApiError> {
        Ok(Self {
            row: Object {
                number: u32::try_from(record.number).map_err(|_| corrupt("object.number"))?,
                id: ObjectId::try_from(record.object_id.as_slice())
                    .map_err(|_| corrupt("object.object_id"))?,
                kind: record.kind.parse().map_err(|_| corrupt("object.kind"))?,
                size: u64::try_from(record.size).map_err(|_| corrupt("object.size"))?,
            },
            stored: record.stored,
        })
    }
}

fn raw(ids: &[ObjectId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.as_bytes().to_vec()).collect()
}

/// Keeps others from taking numbers or positions in this vault until the transaction ends. Answers the last
/// number taken.
pub(crate) async fn lock_counter(conn: &mut PgConnection, vault: VaultId) -> Result<u32, ApiError> {
    let last: i64 = sqlx::query_scalar(
        "INSERT INTO app.vault_counter (vault_id, last_object, last_snapshot) VALUES ($1, 0, 0)
         ON CONFLICT (vault_id) DO UPDATE SET last_object = vault_counter.last_object RETURNING last_object",
    )
    .bind(vault.0)
    .fetch_one(conn)
    .await?;
    u32::try_from(last).map_err(|_| corrupt("vault_counter.last_object"))
}

/// Those of the ids that are known, in no order.
pub(crate) async fn by_ids(
    conn: &mut PgConnection,
    vault: VaultId,
    ids: &[ObjectId],
) -> Result<Vec<Known>, ApiError> {
    let records: Vec<Record> = sqlx::query_as(
        "SELECT object_id, number, kind, size, state = 'stored' AS stored
         FROM app.object WHERE vault_id = $1 AND object_id = ANY($2)",
    )
    .bind(vault.0)
    .bind(raw(ids))
    .fetch_all(conn)
    .await?;
    records.into_iter().map(Known::try_from).collect()
}

/// Those of the numbers that are known, sorted by id.
pub(crate) async fn by_numbers(
    conn: &mut PgConnection,
    vault: VaultId,
    numbers: Vec<i64>,
) -> Result<Vec<Known>, ApiError> {
    let records: Vec<Record> = sqlx::query_as(
        "SELECT object_id, number, kind, size, state = 'stored' AS stored
         FROM app.object WHERE vault_id = $1 AND number = ANY($2) ORDER BY object_id",
    )
    .bind(vault.0)
    .bind(numbers)
    .fetch_all(conn)
    .await?;
    records.into_iter().map(Known::try_from).collect()
}

/// Numbers new objects from `first` on. The counter has to be locked.
pub(crate) async fn insert_granted(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: BackupId,
    objects: &[NewObject],
    first: u32,
    now: i64,
) -> Result<(), ApiError> {
    let count = i64::try_from(objects.len()).map_err(ApiError::internal)?;
    let ids: Vec<_> = objects.iter().map(|o| o.id.as_bytes().to_vec()).collect();
    let kinds: Vec<_> = objects.iter().map(|o| o.kind.as_str()).collect();
    let sizes: Vec<i64> = objects
        .iter()
        .map(|o| i64::try_from(o.size))
        .collect::<Result<_, _>>()
        .map_err(ApiError::internal)?;
    let numbers: Vec<i64> = (0..count).map(|i| i64::from(first) + i).collect();
    sqlx::query(
        "INSERT INTO app.object (vault_id, object_id, number, kind, size, state, backup_id, granted_at)
         SELECT $1, id, number, kind, size, 'granted', $2, $3
         FROM UNNEST($4::bytea[], $5::bigint[], $6::text[], $7::bigint[]) AS new (id, number, kind, size)",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(at(now))
    .bind(ids)
    .bind(&numbers)
    .bind(kinds)
    .bind(sizes)
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE app.vault_counter SET last_object = last_object + $2 WHERE vault_id = $1")
        .bind(vault.0)
        .bind(count)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes what the store confirmed; it counts for this attempt from now on.
pub(crate) async fn set_stored(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: BackupId,
    ids: &[ObjectId],
    now: i64,
) -> Result<u64, ApiError> {
    let done = sqlx::query(
        "UPDATE app.object SET state = 'stored', stored_at = $4, backup_id = $2
         WHERE vault_id = $1 AND object_id = ANY($3) AND state = 'granted'",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(raw(ids))
    .bind(at(now))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Stored objects after a number, oldest first.
pub(crate) async fn stored_after(
    conn: &mut PgConnection,
    vault: VaultId,
    kind: Option<ObjectKind>,
    after: u32,
    limit: i64,
) -> Result<Vec<ObjectRow>, ApiError> {
    let records: Vec<Record> = sqlx::query_as(
        "SELECT object_id, number, kind, size, true AS stored FROM app.object
         WHERE vault_id = $1 AND state = 'stored' AND ($2::text IS NULL OR kind = $2) AND number > $3
         ORDER BY number LIMIT $4",
    )
    .bind(vault.0)
    .bind(kind.map(ObjectKind::as_str))
    .bind(i64::from(after))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    records.into_iter().map(|record| Ok(Known::try_from(record)?.row.into())).collect()
}
