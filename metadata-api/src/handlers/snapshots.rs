//! Commits a backup as a snapshot, in one transaction; and lists snapshots.

use std::{collections::HashMap, io::Cursor};

use api_types::{
    ErrorCode, HeadHash, ObjectId, ObjectKind, Problem, RunId, VaultId,
    backup::{Commit, Committed},
    envelope::SnapshotEnvelope,
    vault::Snapshots,
};
use axum::{Json, extract::Path};
use ed25519_dalek::VerifyingKey;
use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{
    extract::{Body, Query, path_id},
    page::Page,
};
use crate::{
    auth::{Caller, Right, Tenant},
    db::{
        TenantTx, audit, object,
        run::{self, Backup, BackupState, Ending},
        snapshot::{self, NewSnapshot},
    },
    error::ApiError,
};

/// Maximum length of a signed head, bytes; version 1 has about 350.
const MAX_ENVELOPE: usize = 4096;
/// Maximum number of missing objects listed in a response.
const MAX_NAMED: usize = 1000;

/// Commits a backup as a snapshot. Idempotent for the same snapshot.
#[utoipa::path(post, path = "/v1/vaults/{vault}/runs/{run}/commit", tag = "snapshots",
    params(("vault" = api_types::VaultId, Path), ("run" = api_types::RunId, Path)), request_body = Commit,
    responses((status = 200, body = Committed),
              (status = 422, description = "snapshot_invalid, content_invalid", body = Problem),
              (status = 409, description = "backup_closed, missing_objects, snapshot_conflict, conflict",
               body = Problem)))]
pub async fn commit(
    mut tx: TenantTx,
    Path(path): Path<HashMap<String, String>>,
    Body(body): Body<Commit>,
) -> Result<Json<Committed>, ApiError> {
    tx.require(Right::Backup)?;
    let id: RunId = path_id(&path, "run")?;
    let (vault, now) = (tx.vault(), tx.now());
    let caller = tx.caller().clone();
    let conn = tx.conn();
    let run = run::lock_own(conn, &caller, id).await?;
    if run.state == BackupState::Committed(body.snapshot_id) {
        let (position, _) =
            snapshot::find(conn, vault, body.snapshot_id).await?.ok_or(ErrorCode::BackupClosed)?;
        return Ok(Json(Committed { position }));
    }
    run.check_open(now)?;
    let bytes_read = i64::try_from(body.bytes_read).map_err(|_| ErrorCode::InvalidRequest)?;

    let envelope = verified(conn, &caller, &run, &body).await?;
    let last_object = object::lock_counter(conn, vault).await?.last;
    if snapshot::find(conn, vault, body.snapshot_id).await?.is_some() {
        return Err(ErrorCode::Conflict.into());
    }
    stored_snapshot(conn, vault, body.snapshot_id, &envelope).await?;
    follows(snapshot::head(conn, vault, caller.device).await?, &envelope)?;
    let packs = pack_numbers(&body.packs.0, last_object)?;
    all_stored(conn, vault, &packs, &envelope).await?;

    let mut canonical = Vec::with_capacity(packs.serialized_size());
    packs.serialize_into(&mut canonical).map_err(ApiError::internal)?;
    let new = NewSnapshot {
        id: body.snapshot_id,
        backup: id,
        envelope: &envelope,
        head: &body.head,
        packs: &canonical,
    };
    let position = snapshot::insert(conn, vault, &new, now).await?;
    run::end(conn, vault, id, Ending::Committed(body.snapshot_id), bytes_read, now).await?;
    let details = [("backup", id.to_string()), ("snapshot", body.snapshot_id.to_string())];
    audit::record(&mut tx, "snapshot_committed", &details).await?;
    tx.commit().await?;
    metrics::counter!("sealkeep_snapshots_total").increment(1);
    Ok(Json(Committed { position }))
}

/// The head, verified with the device's key from the directory, and matching vault, device and source.
async fn verified(
    conn: &mut PgConnection,
    caller: &Caller<Tenant>,
    run: &Backup,
    body: &Commit,
) -> Result<SnapshotEnvelope, ApiError> {
    if body.head.envelope.0.len() > MAX_ENVELOPE {
        return Err(ErrorCode::SnapshotInvalid.into());
    }
    let key = snapshot::signing_key(conn, caller.stage.vault, caller.device)
        .await?
        .ok_or(ErrorCode::DeviceNotApproved)?;
    let key = VerifyingKey::from_bytes(&key).map_err(ApiError::internal)?;
    let envelope = body.head.verify(&key).map_err(|e| ApiError::because(ErrorCode::SnapshotInvalid, e))?;
    let same = envelope.vault == caller.stage.vault
        && envelope.device == caller.device
        && envelope.source == run.source
        && i64::try_from(envelope.sequence).is_ok();
    if same { Ok(envelope) } else { Err(ErrorCode::SnapshotInvalid.into()) }
}

/// The snapshot's own object must be stored, and large enough for the body that the head describes.
async fn stored_snapshot(
    conn: &mut PgConnection,
    vault: VaultId,
    id: ObjectId,
    envelope: &SnapshotEnvelope,
) -> Result<(), ApiError> {
    match object::by_ids(conn, vault, &[id]).await?.first() {
        Some(found) if found.row.kind != ObjectKind::Snapshot || found.row.size < envelope.body_len => {
            Err(ErrorCode::SnapshotInvalid.into())
        }
        Some(found) if found.stored => Ok(()),
        _ => Err(ApiError::new(ErrorCode::MissingObjects).objects(vec![id])),
    }
}

fn follows(head: Option<(u64, HeadHash)>, envelope: &SnapshotEnvelope) -> Result<(), ApiError> {
    let expected = match head {
        None => (0, HeadHash::new([0; 32])),
        Some((sequence, hash)) => (sequence.saturating_add(1), hash),
    };
    if (envelope.sequence, envelope.previous) == expected {
        Ok(())
    } else {
        Err(ErrorCode::SnapshotConflict.into())
    }
}

/// Parses the bitmap. A few bytes can represent 2³² numbers, so the containers are counted before allocating memory.
fn pack_numbers(bytes: &[u8], last_object: u32) -> Result<RoaringBitmap, ApiError> {
    const NO_RUNS: u32 = 12_346;
    const WITH_RUNS: u32 = 12_347;
    let invalid = || ApiError::new(ErrorCode::ContentInvalid);
    let word =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let cookie = word(0).ok_or_else(invalid)?;
    let containers = match cookie {
        NO_RUNS => word(4).ok_or_else(invalid)?,
        _ if cookie & 0xffff == WITH_RUNS => (cookie >> 16) + 1,
        _ => return Err(invalid()),
    };
    if containers > (last_object >> 16) + 1 {
        return Err(invalid());
    }
    let mut rest = Cursor::new(bytes);
    let bitmap = RoaringBitmap::deserialize_from(&mut rest).map_err(|_| invalid())?;
    let read_all = usize::try_from(rest.position()).is_ok_and(|n| n == bytes.len());
    if read_all && bitmap.max().is_none_or(|max| max <= last_object) && !bitmap.contains(0) {
        Ok(bitmap)
    } else {
        Err(invalid())
    }
}

/// Every pack must be stored, and together they must be the set that the device signed.
async fn all_stored(
    conn: &mut PgConnection,
    vault: VaultId,
    packs: &RoaringBitmap,
    envelope: &SnapshotEnvelope,
) -> Result<(), ApiError> {
    let numbers: Vec<i64> = packs.iter().map(i64::from).collect();
    let found = object::by_numbers(conn, vault, numbers).await?;
    if found.iter().any(|k| k.row.kind != ObjectKind::Pack) {
        return Err(ErrorCode::ContentInvalid.into());
    }
    let missing: Vec<ObjectId> =
        found.iter().filter(|k| !k.stored).map(|k| k.row.id).take(MAX_NAMED).collect();
    if !missing.is_empty() || found.len() as u64 != packs.len() {
        return Err(ApiError::new(ErrorCode::MissingObjects).objects(missing));
    }
    let mut hash = Sha256::new();
    for known in &found {
        hash.update(known.row.id.as_bytes());
    }
    if hash.finalize()[..] == envelope.pack_set_hash.as_bytes()[..] {
        Ok(())
    } else {
        Err(ErrorCode::SnapshotInvalid.into())
    }
}

/// Committed snapshots, oldest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/snapshots", operation_id = "list_snapshots", tag = "snapshots",
    params(("vault" = api_types::VaultId, Path), Page), responses((status = 200, body = Snapshots)))]
pub async fn list(mut tx: TenantTx, Query(query): Query<Page>) -> Result<Json<Snapshots>, ApiError> {
    tx.require(Right::Read)?;
    let vault = tx.vault();
    let (after, limit) = query.bounds()?;
    let snapshots = snapshot::after(tx.conn(), vault, after, limit).await?;
    tx.commit().await?;
    Ok(Json(Snapshots { snapshots }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn bytes(bitmap: &RoaringBitmap) -> Vec<u8> {
        let mut out = Vec::new();
        bitmap.serialize_into(&mut out).unwrap();
        out
    }

    #[test]
    fn a_bitmap_is_read_whole_and_within_bounds() {
        let packs: RoaringBitmap = [1, 5, 70_000].into_iter().collect();
        assert_eq!(pack_numbers(&bytes(&packs), 70_000).unwrap(), packs);
        assert!(pack_numbers(&bytes(&packs), 69_999).is_err(), "a number that was never given");
        assert!(pack_numbers(&bytes(&[0, 1].into_iter().collect()), 10).is_err(), "number 0");
        let mut longer = bytes(&packs);
        longer.push(0);
        assert!(pack_numbers(&longer, 70_000).is_err(), "trailing bytes");
        for cut in 0..bytes(&packs).len() {
            assert!(pack_numbers(&bytes(&packs)[..cut], 70_000).is_err(), "cut at {cut}");
        }
        assert_eq!(pack_numbers(&bytes(&RoaringBitmap::new()), 0).unwrap().len(), 0);
    }

    #[test]
    fn a_small_bitmap_of_everything_is_refused_before_it_costs_memory() {
        let mut all = RoaringBitmap::full();
        all.remove(0);
        all.optimize();
        let small = bytes(&all);
        assert!(small.len() < 2_000_000);
        assert!(pack_numbers(&small, 100_000).is_err());
    }
}
