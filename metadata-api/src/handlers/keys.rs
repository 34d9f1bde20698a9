//! Wrapped keys: stored and given back, never opened.

use std::collections::HashMap;

use api_types::{
    Base64, ErrorCode, Problem,
    vault::{WrapKind, WrappedKey},
};
use axum::{Json as Answer, extract::Path, http::StatusCode};

use super::Json;
use crate::{
    auth::Right,
    db::{ActiveDevice, AnyDevice, TenantTx, audit, key},
    error::ApiError,
};

const MAX_WRAP: usize = 64 * 1024;

pub(super) fn check_size(bytes: &Base64) -> Result<(), ApiError> {
    if (1..=MAX_WRAP).contains(&bytes.0.len()) { Ok(()) } else { Err(ErrorCode::InvalidRequest.into()) }
}

fn kind(path: &HashMap<String, String>) -> Result<WrapKind, ApiError> {
    match path.get("kind").map(String::as_str) {
        Some("password") => Ok(WrapKind::Password),
        Some("recovery") => Ok(WrapKind::Recovery),
        Some("keyring") => Ok(WrapKind::Keyring),
        _ => Err(ErrorCode::NotFound.into()),
    }
}

/// One wrapped key.
#[utoipa::path(get, path = "/v1/vaults/{vault}/keys/{kind}", tag = "keys",
    params(("vault" = api_types::VaultId, Path), ("kind" = WrapKind, Path)),
    responses((status = 200, body = WrappedKey), (status = "default", body = Problem)))]
pub async fn get(
    Path(path): Path<HashMap<String, String>>,
    mut tx: TenantTx<AnyDevice>,
) -> Result<Answer<WrappedKey>, ApiError> {
    let kind = kind(&path)?;
    tx.require(Right::Restore)?;
    let stored = key::get(&mut tx, kind).await?.ok_or(ErrorCode::NotFound)?;
    audit::record(&mut tx, "key_read", &[("kind", kind.as_str().to_owned())]).await?;
    tx.commit().await?;
    Ok(Answer(stored))
}

/// Stores the version after the stored one.
#[utoipa::path(put, path = "/v1/vaults/{vault}/keys/{kind}", tag = "keys",
    params(("vault" = api_types::VaultId, Path), ("kind" = WrapKind, Path)), request_body = WrappedKey,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn put(
    Path(path): Path<HashMap<String, String>>,
    mut tx: TenantTx<ActiveDevice>,
    Json(body): Json<WrappedKey>,
) -> Result<StatusCode, ApiError> {
    let kind = kind(&path)?;
    tx.require(Right::Manage)?;
    check_size(&body.bytes)?;
    if body.version == 0 {
        return Err(ErrorCode::InvalidRequest.into());
    }
    key::put(&mut tx, kind, body.version, &body.bytes.0).await?;
    let details = [("kind", kind.as_str().to_owned()), ("version", body.version.to_string())];
    audit::record(&mut tx, "key_stored", &details).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
