//! Wrapped keys: returned, never opened. They change only with a new password, after a fresh second factor: see
//! `account`. No route replaces one, and no row is ever overwritten.

use std::collections::HashMap;

use api_types::{
    ErrorCode, Problem,
    vault::{WrapKind, WrappedKey},
};
use axum::{Json, extract::Path};

use crate::{
    auth::Right,
    db::{AnyDevice, TenantTx, audit, key},
    error::ApiError,
};

fn kind(path: &HashMap<String, String>) -> Result<WrapKind, ApiError> {
    match path.get("kind").map(String::as_str) {
        Some("password") => Ok(WrapKind::Password),
        Some("recovery") => Ok(WrapKind::Recovery),
        Some("keyring") => Ok(WrapKind::Keyring),
        _ => Err(ErrorCode::NotFound.into()),
    }
}

/// One wrapped key.
#[utoipa::path(get, path = "/v1/vaults/{vault}/keys/{kind}", operation_id = "get_wrapped_key", tag = "keys",
    params(("vault" = api_types::VaultId, Path), ("kind" = WrapKind, Path)),
    responses((status = 200, body = WrappedKey), (status = "default", body = Problem)))]
pub async fn get(
    Path(path): Path<HashMap<String, String>>,
    mut tx: TenantTx<AnyDevice>,
) -> Result<Json<WrappedKey>, ApiError> {
    let kind = kind(&path)?;
    // A pending device may fetch only the recovery wrap, which it opens with the recovery words.
    tx.require(if kind == WrapKind::Recovery { Right::Join } else { Right::Restore })?;
    let stored = key::get(&mut tx, kind).await?.ok_or(ErrorCode::NotFound)?;
    audit::record(&mut tx, "key_read", &[("kind", kind.as_str().to_owned())]).await?;
    tx.commit().await?;
    Ok(Json(stored))
}
