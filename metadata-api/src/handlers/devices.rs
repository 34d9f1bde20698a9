//! The vault's devices. None is ever deleted, so that its signatures stay verifiable.

use std::collections::HashMap;

use api_types::{
    DeviceId, ErrorCode, Problem,
    directory::DirectoryOp,
    vault::{Devices, RevokeDevice},
};
use axum::{Json, extract::Path, http::StatusCode};

use super::extract::{Body, path_id};
use crate::{
    auth::Right,
    db::{TenantTx, audit, device, directory},
    error::ApiError,
};

/// All devices, including revoked ones.
#[utoipa::path(get, path = "/v1/vaults/{vault}/devices", operation_id = "list_devices", tag = "devices", params(("vault" = api_types::VaultId, Path)),
    responses((status = 200, body = Devices), (status = "default", body = Problem)))]
pub async fn list(mut tx: TenantTx) -> Result<Json<Devices>, ApiError> {
    tx.require(Right::Oversee)?;
    let devices = device::list(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(Devices { devices }))
}

/// Revokes a device and ends its sessions at once. A device in the directory needs a directory entry that revokes it.
#[utoipa::path(post, path = "/v1/vaults/{vault}/devices/{device}/revoke", tag = "devices",
    params(("vault" = api_types::VaultId, Path), ("device" = api_types::DeviceId, Path)), request_body = RevokeDevice,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn revoke(
    Path(path): Path<HashMap<String, String>>,
    mut tx: TenantTx,
    Body(body): Body<RevokeDevice>,
) -> Result<StatusCode, ApiError> {
    let target: DeviceId = path_id(&path, "device")?;
    tx.require(Right::Manage)?;
    let approved = device::was_approved(&mut tx, target).await?;
    match (&body.directory, approved) {
        (Some(signed), _) => {
            let root = directory::signing_root(&tx)?;
            let entry = directory::append(&mut tx, signed, &root).await?;
            if entry.op != DirectoryOp::Revoke || entry.device != target {
                return Err(ApiError::because(
                    ErrorCode::DirectoryInvalid,
                    "the entry revokes another device",
                ));
            }
        }
        (None, true) => {
            return Err(ApiError::because(ErrorCode::DirectoryInvalid, "an approved device needs an entry"));
        }
        (None, false) => device::revoke(&mut tx, target, None).await?,
    }
    audit::record(&mut tx, "device_revoked", &[("device", target.to_string())]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
