//! What was attempted, and how it ended.

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

/// Rows per page, at most.
const MAX_PAGE: u32 = 1000;

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Newest {
    /// 1 to 1000, which is the default.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: u32,
}

pub(super) const fn page() -> u32 {
    MAX_PAGE
}

/// Refuses what no page can hold.
pub(super) fn rows(limit: u32) -> Result<i64, ApiError> {
    if (1..=MAX_PAGE).contains(&limit) { Ok(i64::from(limit)) } else { Err(ErrorCode::InvalidRequest.into()) }
}

/// The newest attempts, newest first.
#[utoipa::path(get, path = "/v1/vaults/{vault}/backups", tag = "backups",
    params(("vault" = api_types::VaultId, Path), Newest),
    responses((status = 200, body = Runs), (status = "default", body = Problem)))]
pub async fn list(mut tx: TenantTx, Query(query): Query<Newest>) -> Result<Answer<Runs>, ApiError> {
    tx.require(Right::Read)?;
    let (vault, now) = (tx.vault(), tx.now());
    let runs = backup::newest(tx.conn(), vault, rows(query.limit)?, now).await?;
    tx.commit().await?;
    Ok(Answer(Runs { runs }))
}
