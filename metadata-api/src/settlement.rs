//! Expired upload grants: objects that were uploaded but never confirmed count as stored, and the room of the others is
//! freed.

use api_types::{ErrorCode, ObjectId, ObjectKey, RunId, VaultId};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    db::{TenantTx, object},
    domain::caller::{Caller, Signed},
    error::ApiError,
    state::AppState,
};

/// Maximum concurrent HEAD requests to a store.
const HEADS_AT_ONCE: usize = 16;

/// Maximum grants settled at once.
const SETTLE_AT_ONCE: i64 = 256;

/// Settles a vault's expired grants. A new run starts it and does not wait for it.
///
/// # Errors
/// `unavailable` if the store cannot be reached; then no grant is settled.
pub async fn settle(state: &AppState, caller: &Caller<Signed>, vault: VaultId) -> Result<(), ApiError> {
    let now = state.clock().now();
    let ended = now.saturating_sub_unsigned(state.limits().url_secs + 60);
    let mut tx: TenantTx = TenantTx::begin(state.db(), caller, vault, now).await?;
    let region = tx.region();
    let expired = object::expired_grants(tx.conn(), vault, ended, now, SETTLE_AT_ONCE).await?;
    tx.commit().await?;
    if expired.is_empty() {
        return Ok(());
    }
    let store = state.stores().get(region).ok_or(ErrorCode::RegionUnavailable)?;
    let found: Vec<(ObjectId, RunId, bool)> = stream::iter(expired)
        .map(|(object, backup)| async move {
            let key = ObjectKey { vault, kind: object.kind, id: object.id };
            let stored = store.holds(&key, object.size).await;
            let stored = stored.map_err(|e| ApiError::because(ErrorCode::Unavailable, e))?;
            Ok::<_, ApiError>((object.id, backup, stored))
        })
        .buffer_unordered(HEADS_AT_ONCE)
        .try_collect()
        .await?;
    let mut tx: TenantTx = TenantTx::begin(state.db(), caller, vault, now).await?;
    object::lock_counter(tx.conn(), vault).await?;
    let gone: Vec<ObjectId> = found.iter().filter(|(.., stored)| !stored).map(|(id, ..)| *id).collect();
    object::delete_expired_grants(tx.conn(), vault, &gone, ended).await?;
    for (id, backup, _) in found.iter().filter(|(.., stored)| *stored) {
        object::set_stored(tx.conn(), vault, *backup, &[*id], now).await?;
    }
    tx.commit().await
}
