//! A run's lease: take, renew, end. `objects` and `snapshots` work under it.

use std::collections::HashMap;

use api_types::{
    ErrorCode, Problem, RunId,
    backup::{Abort, LEASE_SECS, Lease, RunStart},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::extract::{Body, path_id};
use crate::{
    auth::{Right, Signed},
    db::{
        TenantTx, audit, object,
        run::{self, BackupState, Ending},
    },
    error::ApiError,
    settlement::settle,
    state::AppState,
};

/// Maximum open runs per vault.
const MAX_OPEN: u64 = 100;
/// Maximum sources per vault.
const MAX_SOURCES: u64 = 10_000;

/// Takes or renews a backup's lease.
#[utoipa::path(post, path = "/v1/vaults/{vault}/runs", operation_id = "start_run", tag = "runs",
    params(("vault" = api_types::VaultId, Path)), request_body = RunStart,
    responses((status = 200, body = Lease),
              (status = 409, description = "backup_closed, conflict, vault_not_ready", body = Problem)))]
pub async fn start(
    mut tx: TenantTx,
    State(state): State<AppState>,
    Body(body): Body<RunStart>,
) -> Result<Json<Lease>, ApiError> {
    tx.require(Right::Backup)?;
    let (vault, now, device) = (tx.vault(), tx.now(), tx.caller().device);
    let expires_at = now + LEASE_SECS;
    run::ensure_source(tx.conn(), vault, body.source_id, now).await?;
    let new = run::insert(tx.conn(), vault, body.run_id, body.source_id, device, now, expires_at).await?;
    if new {
        // Serialized: otherwise two requests could both take the last free slot.
        object::lock_counter(tx.conn(), vault).await?;
        let (open, sources) = run::open_and_sources(tx.conn(), vault, now).await?;
        for (used, most) in [(open, MAX_OPEN), (sources, MAX_SOURCES)] {
            if used > most {
                return Err(ApiError::limit(used - 1, most));
            }
        }
        run::delete_old(tx.conn(), vault, now).await?;
        let details = [("backup", body.run_id.to_string()), ("source", body.source_id.to_string())];
        audit::record(&mut tx, "backup_started", &details).await?;
    } else {
        let found = run::lock(tx.conn(), vault, body.run_id).await?.ok_or(ErrorCode::Conflict)?;
        if found.device != device || found.source != body.source_id {
            return Err(ErrorCode::Conflict.into());
        }
        found.check_open(now)?;
        run::renew(tx.conn(), vault, body.run_id, expires_at).await?;
    }
    let caller = tx.caller().advance(Signed { region: tx.region() });
    tx.commit().await?;
    if new {
        tokio::spawn(async move {
            if let Err(error) = settle(&state, &caller, vault).await {
                tracing::warn!(%error, "expired grants were not settled; the next run tries again");
            }
        });
    }
    Ok(Json(Lease { run_id: body.run_id, expires_at }))
}

/// Ends a backup without a snapshot.
#[utoipa::path(post, path = "/v1/vaults/{vault}/runs/{run}/abort", tag = "runs",
    params(("vault" = api_types::VaultId, Path), ("run" = api_types::RunId, Path)), request_body = Abort,
    responses((status = 204), (status = 409, description = "backup_closed", body = Problem)))]
pub async fn abort(
    mut tx: TenantTx,
    Path(path): Path<HashMap<String, String>>,
    Body(body): Body<Abort>,
) -> Result<StatusCode, ApiError> {
    tx.require(Right::Backup)?;
    let id: RunId = path_id(&path, "run")?;
    let word = !body.failure.is_empty()
        && body.failure.len() <= 40
        && body.failure.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let bytes_read = i64::try_from(body.bytes_read).map_err(|_| ErrorCode::InvalidRequest)?;
    if !word {
        return Err(ErrorCode::InvalidRequest.into());
    }
    let (vault, now) = (tx.vault(), tx.now());
    let caller = tx.caller().clone();
    let found = run::lock_own(tx.conn(), &caller, id).await?;
    match found.state {
        // An expired lease is over too; the reason is still worth recording.
        BackupState::Running { .. } => {
            run::end(tx.conn(), vault, id, Ending::Failed(&body.failure), bytes_read, now).await?;
            let details = [("backup", id.to_string()), ("failure", body.failure)];
            audit::record(&mut tx, "backup_failed", &details).await?;
            tx.commit().await?;
            Ok(StatusCode::NO_CONTENT)
        }
        BackupState::Failed => Ok(StatusCode::NO_CONTENT),
        BackupState::Committed(_) => Err(ErrorCode::BackupClosed.into()),
    }
}
