//! The audit trail, for clients that verify its chain.

use api_types::{Problem, vault::Audit};
use axum::Json;

use super::{extract::Query, page::Page};
use crate::{
    auth::Right,
    db::{TenantTx, audit},
    error::ApiError,
};

/// A page of the trail, oldest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/audit", operation_id = "list_audit", tag = "audit", params(("vault" = api_types::VaultId, Path), Page),
    responses((status = 200, body = Audit), (status = "default", body = Problem)))]
pub async fn list(Query(page): Query<Page>, mut tx: TenantTx) -> Result<Json<Audit>, ApiError> {
    let (after, limit) = page.bounds()?;
    tx.require(Right::Oversee)?;
    let events = audit::list(&mut tx, after, limit).await?;
    tx.commit().await?;
    Ok(Json(Audit { events }))
}
