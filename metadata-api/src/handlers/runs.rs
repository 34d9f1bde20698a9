//! The runs of a vault, and how they ended.

use api_types::{Problem, vault::Runs};
use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{extract::Query, page::Limit};
use crate::{
    auth::Right,
    db::{TenantTx, run},
    error::ApiError,
};

/// Page size.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Newest {
    /// 1 to 1000; defaults to 1000.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000)]
    pub limit: Limit,
}

/// The newest runs, newest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/runs", operation_id = "list_runs", tag = "runs",
    params(("vault" = api_types::VaultId, Path), Newest),
    responses((status = 200, body = Runs), (status = "default", body = Problem)))]
pub async fn list(mut tx: TenantTx, Query(query): Query<Newest>) -> Result<Json<Runs>, ApiError> {
    tx.require(Right::Read)?;
    let (vault, now) = (tx.vault(), tx.now());
    let runs = run::newest(tx.conn(), vault, query.limit.rows(), now).await?;
    tx.commit().await?;
    Ok(Json(Runs { runs }))
}
