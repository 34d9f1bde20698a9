//! The runs of a vault, and how they ended.

use api_types::{ErrorCode, Problem, vault::Runs};
use axum::Json as Answer;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Query;
use crate::{
    auth::Right,
    db::{TenantTx, backup},
    error::ApiError,
};

/// Maximum rows per page.
const MAX_PAGE: u32 = 1000;

/// Page size.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Newest {
    /// 1 to 1000; defaults to 1000.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: u32,
}

pub(super) const fn page() -> u32 {
    MAX_PAGE
}

/// Refuses limits outside 1 to 1000.
pub(super) fn rows(limit: u32) -> Result<i64, ApiError> {
    if (1..=MAX_PAGE).contains(&limit) { Ok(i64::from(limit)) } else { Err(ErrorCode::InvalidRequest.into()) }
}

/// The newest runs, newest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/backups", operation_id = "list_runs", tag = "backups",
    params(("vault" = api_types::VaultId, Path), Newest),
    responses((status = 200, body = Runs), (status = "default", body = Problem)))]
pub async fn list(mut tx: TenantTx, Query(query): Query<Newest>) -> Result<Answer<Runs>, ApiError> {
    tx.require(Right::Read)?;
    let (vault, now) = (tx.vault(), tx.now());
    let runs = backup::newest(tx.conn(), vault, rows(query.limit)?, now).await?;
    tx.commit().await?;
    Ok(Answer(Runs { runs }))
}
