//! Objects: upload grants, confirmation with the store, listing, download grants.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use api_types::{
    ErrorCode, ObjectId, ObjectKey, ObjectKind, Problem, RunId, VaultId,
    backup::{
        Confirm, Confirmed, MAX_BATCH, MAX_OBJECT_SIZE, NewObject, UploadGrant, UploadGrants, UploadState,
        WantUpload,
    },
    vault::{Objects, ReadGrant, ReadGrants, ReadUrls},
};
use axum::{
    Json,
    extract::{Path, State},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    extract::{Body, Query, path_id},
    page::Limit,
};
use crate::{
    auth::{Caller, Right, Signed},
    bucket::{Store, Stores},
    db::{
        TenantTx,
        object::{self, Counter, Known, Object},
        run,
    },
    error::ApiError,
    state::AppState,
};

/// Maximum concurrent HEAD requests to a store.
const HEADS_AT_ONCE: usize = 16;

fn batch(len: usize) -> Result<(), ApiError> {
    if (1..=MAX_BATCH).contains(&len) { Ok(()) } else { Err(ErrorCode::InvalidRequest.into()) }
}

fn store(stores: &Stores, tx: &TenantTx) -> Result<(), ApiError> {
    stores.get(tx.region()).map(drop).ok_or_else(|| ErrorCode::RegionUnavailable.into())
}

/// Issues an upload URL for each object: these bytes, this length, 15 minutes at most.
#[utoipa::path(post, path = "/v1/vaults/{vault}/runs/{run}/objects", tag = "objects",
    params(("vault" = api_types::VaultId, Path), ("run" = api_types::RunId, Path)), request_body = WantUpload,
    responses((status = 200, body = UploadGrants),
              (status = 409, description = "backup_closed, conflict", body = Problem)))]
pub async fn want_upload(
    mut tx: TenantTx,
    State(state): State<AppState>,
    Path(path): Path<HashMap<String, String>>,
    Body(body): Body<WantUpload>,
) -> Result<Json<UploadGrants>, ApiError> {
    tx.require(Right::Backup)?;
    let id: RunId = path_id(&path, "run")?;
    store(state.stores(), &tx)?;
    batch(body.objects.len())?;
    if body.objects.iter().any(|o| o.size == 0 || o.size > MAX_OBJECT_SIZE) {
        return Err(ErrorCode::InvalidRequest.into());
    }
    let (vault, now, region) = (tx.vault(), tx.now(), tx.region());
    let caller = tx.caller().clone();
    run::lock_own(tx.conn(), &caller, id).await?.check_open(now)?;

    let counter = object::lock_counter(tx.conn(), vault).await?;
    let last = counter.last;
    let ids: Vec<_> = body.objects.iter().map(|o| o.id).collect();
    let known: HashMap<ObjectId, Known> =
        object::by_ids(tx.conn(), vault, &ids).await?.into_iter().map(|k| (k.row.id, k)).collect();
    let grants = plan(&body.objects, &known, last)?;
    let new: Vec<NewObject> = grants.new;
    let again: Vec<ObjectId> =
        grants.all.iter().filter(|k| !k.stored && known.contains_key(&k.row.id)).map(|k| k.row.id).collect();
    if !again.is_empty() {
        object::renew_grants(tx.conn(), vault, id, &again, now).await?;
    }
    if !new.is_empty() {
        room(&counter, &new, state.limits().vault_quota)?;
        let first = last.checked_add(1).ok_or_else(|| ApiError::internal("object numbers are used up"))?;
        object::insert_granted(tx.conn(), vault, id, &new, first, now).await?;
    }
    tx.commit().await?;

    let presigner = state.stores().get(region).ok_or(ErrorCode::RegionUnavailable)?.presigner();
    let life = state.limits().url_secs;
    let expires_at = now.saturating_add_unsigned(life);
    let grants = grants
        .all
        .into_iter()
        .map(|known| {
            let Object { number, id, kind, size } = known.row;
            let state = if known.stored {
                UploadState::Stored
            } else {
                let key = ObjectKey { vault, kind, id };
                let put = presigner.put(&key, size, Duration::from_secs(life));
                UploadState::Put { url: put.url.into(), headers: put.headers, expires_at }
            };
            UploadGrant { number, id, state }
        })
        .collect();
    metrics::counter!("sealkeep_upload_urls_total").increment(body.objects.len() as u64);
    Ok(Json(UploadGrants { grants }))
}

/// Maximum objects per vault that are granted but not stored.
const MAX_GRANTED: u64 = 10_000;

/// Checks quota and limit. The counter is locked, so that replicas cannot grant the same room twice.
fn room(counter: &Counter, new: &[NewObject], standard: u64) -> Result<(), ApiError> {
    let granted = counter.granted.saturating_add(new.len() as u64);
    if granted > MAX_GRANTED {
        return Err(ApiError::limit(counter.granted, MAX_GRANTED));
    }
    let quota = counter.quota.unwrap_or(standard);
    let wanted = new.iter().fold(counter.used, |sum, object| sum.saturating_add(object.size));
    if wanted > quota { Err(ApiError::full(counter.used, quota)) } else { Ok(()) }
}

struct Plan {
    /// In request order.
    all: Vec<Known>,
    /// Numbered from the last number, in this order.
    new: Vec<NewObject>,
}

/// Known objects keep their number and must match; new ones get the next numbers.
fn plan(wanted: &[NewObject], known: &HashMap<ObjectId, Known>, last: u32) -> Result<Plan, ApiError> {
    let mut plan = Plan { all: Vec::with_capacity(wanted.len()), new: Vec::new() };
    let mut fresh: HashMap<ObjectId, Known> = HashMap::new();
    for want in wanted {
        if let Some(found) = known.get(&want.id).or_else(|| fresh.get(&want.id)) {
            if (found.row.kind, found.row.size) != (want.kind, want.size) {
                return Err(ApiError::new(ErrorCode::Conflict).objects(vec![want.id]));
            }
            plan.all.push(*found);
            continue;
        }
        plan.new.push(*want);
        let number = u32::try_from(plan.new.len())
            .ok()
            .and_then(|n| last.checked_add(n))
            .ok_or_else(|| ApiError::internal("object numbers are used up"))?;
        let row = Object { number, id: want.id, kind: want.kind, size: want.size };
        let granted = Known { row, stored: false };
        fresh.insert(want.id, granted);
        plan.all.push(granted);
    }
    Ok(plan)
}

/// Asks the store for size and checksum of each object, and how index and key objects begin; holds no transaction.
#[utoipa::path(post, path = "/v1/vaults/{vault}/runs/{run}/confirm", operation_id = "confirm_objects", tag = "objects",
    params(("vault" = api_types::VaultId, Path), ("run" = api_types::RunId, Path)), request_body = Confirm,
    responses((status = 200, body = Confirmed),
              (status = 409, description = "backup_closed", body = Problem),
              (status = 422, description = "content_invalid: `objects` are not of the announced kind; none of the request's objects is confirmed", body = Problem),
              (status = 503, description = "unavailable: the store cannot be reached", body = Problem)))]
pub async fn confirm(
    State(state): State<AppState>,
    signed: Caller<Signed>,
    Path(path): Path<HashMap<String, String>>,
    Body(body): Body<Confirm>,
) -> Result<Json<Confirmed>, ApiError> {
    let (vault, id): (VaultId, RunId) = (path_id(&path, "vault")?, path_id(&path, "run")?);
    batch(body.objects.len())?;
    let now = state.clock().now();
    let mut tx: TenantTx = TenantTx::begin(state.db(), &signed, vault, now).await?;
    tx.require(Right::Backup)?;
    let region = tx.region();
    let caller = tx.caller().clone();
    run::lock_own(tx.conn(), &caller, id).await?.check_open(now)?;
    let known = object::by_ids(tx.conn(), vault, &body.objects).await?;
    tx.commit().await?;

    let store = state.stores().get(region).ok_or(ErrorCode::RegionUnavailable)?;
    let waiting: Vec<Object> = known.iter().filter(|k| !k.stored).map(|k| k.row).collect();
    let found: Vec<ObjectId> =
        stream::iter(waiting.clone())
            .map(|object| async move {
                Ok::<_, ApiError>(is_there(store, vault, object).await?.then_some(object.id))
            })
            .buffer_unordered(HEADS_AT_ONCE)
            .try_filter_map(|id| async move { Ok(id) })
            .try_collect()
            .await?;

    let there: Vec<Object> = waiting.into_iter().filter(|object| found.contains(&object.id)).collect();
    let others: Vec<ObjectId> = stream::iter(there)
        .map(|object| async move {
            Ok::<_, ApiError>((!is_of_its_kind(store, vault, object).await?).then_some(object.id))
        })
        .buffer_unordered(HEADS_AT_ONCE)
        .try_filter_map(|id| async move { Ok(id) })
        .try_collect()
        .await?;
    if !others.is_empty() {
        return Err(ApiError::new(ErrorCode::ContentInvalid).objects(others));
    }

    if !found.is_empty() {
        let now = state.clock().now();
        let mut tx: TenantTx = TenantTx::begin(state.db(), &signed, vault, now).await?;
        tx.require(Right::Backup)?;
        run::lock_own(tx.conn(), &caller, id).await?.check_open(now)?;
        object::lock_counter(tx.conn(), vault).await?;
        object::set_stored(tx.conn(), vault, id, &found, now).await?;
        tx.commit().await?;
        metrics::counter!("sealkeep_objects_stored_total").increment(found.len() as u64);
    }
    let stored: BTreeSet<ObjectId> =
        known.iter().filter(|k| k.stored).map(|k| k.row.id).chain(found).collect();
    let (stored, absent) = body.objects.into_iter().partition(|id| stored.contains(id));
    Ok(Json(Confirmed { stored, absent }))
}

async fn is_there(store: &Store, vault: VaultId, object: Object) -> Result<bool, ApiError> {
    let key = ObjectKey { vault, kind: object.kind, id: object.id };
    store.holds(&key, object.size).await.map_err(|e| ApiError::because(ErrorCode::Unavailable, e))
}

/// Catches accidents, not attacks: the reader verifies everything after the first bytes.
async fn is_of_its_kind(store: &Store, vault: VaultId, object: Object) -> Result<bool, ApiError> {
    let Some((beginning, least)) = object.kind.beginning() else { return Ok(true) };
    if object.size < least {
        return Ok(false);
    }
    let key = ObjectKey { vault, kind: object.kind, id: object.id };
    let first = store.first(&key, beginning.len()).await;
    let first = first.map_err(|e| ApiError::because(ErrorCode::Unavailable, e))?;
    Ok(first.is_some_and(|first| first == beginning))
}

/// Filter and page of a listing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StoredAfter {
    /// Only objects of this kind.
    pub kind: Option<ObjectKind>,
    /// The last number seen; 0 for the first page.
    #[serde(default)]
    #[param(maximum = 4_294_967_295_u32)]
    pub after: u32,
    /// 1 to 1000; defaults to 1000.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000)]
    pub limit: Limit,
}

/// Stored objects, oldest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/objects", operation_id = "list_objects", tag = "objects",
    params(("vault" = api_types::VaultId, Path), StoredAfter), responses((status = 200, body = Objects)))]
pub async fn list(mut tx: TenantTx, Query(query): Query<StoredAfter>) -> Result<Json<Objects>, ApiError> {
    tx.require(Right::Read)?;
    let vault = tx.vault();
    let objects = object::stored_after(tx.conn(), vault, query.kind, query.after, query.limit.rows()).await?;
    tx.commit().await?;
    Ok(Json(Objects { objects }))
}

/// Issues a download URL for each stored object; ids that are not stored in this vault are omitted.
#[utoipa::path(post, path = "/v1/vaults/{vault}/objects/read-urls", tag = "objects",
    params(("vault" = api_types::VaultId, Path)), request_body = ReadUrls,
    responses((status = 200, body = ReadGrants)))]
pub async fn read_urls(
    mut tx: TenantTx,
    State(state): State<AppState>,
    Body(body): Body<ReadUrls>,
) -> Result<Json<ReadGrants>, ApiError> {
    tx.require(Right::Restore)?;
    store(state.stores(), &tx)?;
    batch(body.objects.len())?;
    let (vault, now, region) = (tx.vault(), tx.now(), tx.region());
    let known: HashMap<ObjectId, Object> = object::by_ids(tx.conn(), vault, &body.objects)
        .await?
        .into_iter()
        .filter(|k| k.stored)
        .map(|k| (k.row.id, k.row))
        .collect();
    tx.commit().await?;

    let presigner = state.stores().get(region).ok_or(ErrorCode::RegionUnavailable)?.presigner();
    let life = state.limits().url_secs;
    let expires_at = now.saturating_add_unsigned(life);
    let grants: Vec<ReadGrant> = body
        .objects
        .iter()
        .filter_map(|id| known.get(id))
        .map(|object| {
            let key = ObjectKey { vault, kind: object.kind, id: object.id };
            let url = presigner.get(&key, Duration::from_secs(life)).into();
            ReadGrant { object: (*object).into(), url, expires_at }
        })
        .collect();
    metrics::counter!("sealkeep_read_urls_total").increment(grants.len() as u64);
    Ok(Json(ReadGrants { grants }))
}
