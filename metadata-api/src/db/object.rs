//! Queries of `app.object` and `app.vault_counter`.

use api_types::{ObjectId, ObjectKind, RunId, VaultId, backup::NewObject, vault::ObjectRow};
use sqlx::PgConnection;

use super::{at, corrupt};
use crate::error::ApiError;

/// An object as stored in the database.
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

/// A vault's counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    /// The last number issued.
    pub(crate) last: u32,
    /// Bytes granted and stored.
    pub(crate) used: u64,
    /// Number of objects granted but not stored.
    pub(crate) granted: u64,
    /// The vault's own quota, bytes.
    pub(crate) quota: Option<u64>,
}

/// Locks the vault's numbers, positions and quota until the transaction ends.
pub(crate) async fn lock_counter(conn: &mut PgConnection, vault: VaultId) -> Result<Counter, ApiError> {
    let (last, used, granted, quota): (i64, i64, i64, Option<i64>) = sqlx::query_as(
        "WITH locked AS (
             INSERT INTO app.vault_counter (vault_id, last_object, last_snapshot) VALUES ($1, 0, 0)
             ON CONFLICT (vault_id) DO UPDATE SET last_object = vault_counter.last_object
             RETURNING vault_id, last_object, granted_bytes + stored_bytes AS used, granted_objects)
         SELECT last_object, used, granted_objects, quota_bytes FROM locked JOIN app.vault USING (vault_id)",
    )
    .bind(vault.0)
    .fetch_one(conn)
    .await?;
    Ok(Counter {
        last: u32::try_from(last).map_err(|_| corrupt("vault_counter.last_object"))?,
        used: u64::try_from(used).map_err(|_| corrupt("vault_counter.granted_bytes"))?,
        granted: u64::try_from(granted).map_err(|_| corrupt("vault_counter.granted_objects"))?,
        quota: quota.map(u64::try_from).transpose().map_err(|_| corrupt("vault.quota_bytes"))?,
    })
}

/// The known ones among these ids, in no particular order.
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

/// The known ones among these numbers, sorted by id.
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

/// Inserts new objects, numbered from `first`. The counter must be locked.
pub(crate) async fn insert_granted(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
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
        "INSERT INTO app.object (vault_id, object_id, number, kind, size, state, run_id, granted_at)
         SELECT $1, id, number, kind, size, 'granted', $2, $3
         FROM UNNEST($4::bytea[], $5::bigint[], $6::text[], $7::bigint[]) AS new (id, number, kind, size)",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(at(now))
    .bind(ids)
    .bind(&numbers)
    .bind(kinds)
    .bind(&sizes)
    .execute(&mut *conn)
    .await?;
    let bytes: i64 = sizes.iter().sum();
    sqlx::query(
        "UPDATE app.vault_counter SET last_object = last_object + $2, granted_objects = granted_objects + $2,
                granted_bytes = granted_bytes + $3
         WHERE vault_id = $1",
    )
    .bind(vault.0)
    .bind(count)
    .bind(bytes)
    .execute(conn)
    .await?;
    Ok(())
}

/// Renews a grant: it now belongs to this run, and its time starts over.
pub(crate) async fn renew_grants(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
    ids: &[ObjectId],
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "UPDATE app.object SET run_id = $2, granted_at = $4
         WHERE vault_id = $1 AND object_id = ANY($3) AND state = 'granted'",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(raw(ids))
    .bind(at(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Records what the store confirmed, for this run. The counter must be locked.
pub(crate) async fn set_stored(
    conn: &mut PgConnection,
    vault: VaultId,
    backup: RunId,
    ids: &[ObjectId],
    now: i64,
) -> Result<(), ApiError> {
    let sizes: Vec<i64> = sqlx::query_scalar(
        "UPDATE app.object SET state = 'stored', stored_at = $4, run_id = $2
         WHERE vault_id = $1 AND object_id = ANY($3) AND state = 'granted' RETURNING size",
    )
    .bind(vault.0)
    .bind(backup.0)
    .bind(raw(ids))
    .bind(at(now))
    .fetch_all(&mut *conn)
    .await?;
    end_grants(conn, vault, &sizes, true).await
}

/// Expired grants of finished runs, oldest first.
pub(crate) async fn expired_grants(
    conn: &mut PgConnection,
    vault: VaultId,
    granted_before: i64,
    now: i64,
    limit: i64,
) -> Result<Vec<(Object, RunId)>, ApiError> {
    #[derive(sqlx::FromRow)]
    struct ExpiredRow {
        #[sqlx(flatten)]
        record: Record,
        run_id: uuid::Uuid,
    }
    let rows: Vec<ExpiredRow> = sqlx::query_as(
        "SELECT o.object_id, o.number, o.kind, o.size, false AS stored, o.run_id
         FROM app.object o JOIN app.run b USING (vault_id, run_id)
         WHERE o.vault_id = $1 AND o.state = 'granted' AND o.granted_at < $2
           AND (b.state <> 'running' OR b.lease_expires_at <= $3)
         ORDER BY o.granted_at LIMIT $4",
    )
    .bind(vault.0)
    .bind(at(granted_before))
    .bind(at(now))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((Known::try_from(row.record)?.row, RunId(row.run_id)))).collect()
}

/// Deletes expired grants unless somebody renewed them meanwhile. The counter must be locked.
pub(crate) async fn delete_expired_grants(
    conn: &mut PgConnection,
    vault: VaultId,
    ids: &[ObjectId],
    granted_before: i64,
) -> Result<(), ApiError> {
    let sizes: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM app.object
         WHERE vault_id = $1 AND object_id = ANY($2) AND state = 'granted' AND granted_at < $3 RETURNING size",
    )
    .bind(vault.0)
    .bind(raw(ids))
    .bind(at(granted_before))
    .fetch_all(&mut *conn)
    .await?;
    end_grants(conn, vault, &sizes, false).await
}

/// Ends grants of these sizes; if `stored`, the bytes now count as stored.
async fn end_grants(
    conn: &mut PgConnection,
    vault: VaultId,
    sizes: &[i64],
    stored: bool,
) -> Result<(), ApiError> {
    let bytes: i64 = sizes.iter().sum();
    sqlx::query(
        "UPDATE app.vault_counter SET granted_bytes = granted_bytes - $2, granted_objects = granted_objects - $3,
                stored_bytes = stored_bytes + CASE WHEN $4 THEN $2 ELSE 0 END
         WHERE vault_id = $1",
    )
    .bind(vault.0)
    .bind(bytes)
    .bind(i64::try_from(sizes.len()).map_err(ApiError::internal)?)
    .bind(stored)
    .execute(conn)
    .await?;
    Ok(())
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
