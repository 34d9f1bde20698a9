//! The device directory: a chain that the service stores and verifies, but cannot extend.

use api_types::{
    ErrorCode, Problem,
    directory::{DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::Directory,
};
use axum::{Json, http::StatusCode};

use super::extract::Body;
use crate::{
    auth::Right,
    db::{AnyDevice, TenantTx, audit, directory},
    error::ApiError,
};

/// The whole chain.
#[utoipa::path(get, path = "/v1/vaults/{vault}/directory", operation_id = "get_directory", tag = "directory", params(("vault" = api_types::VaultId, Path)),
    responses((status = 200, body = Directory), (status = "default", body = Problem)))]
pub async fn get(mut tx: TenantTx<AnyDevice>) -> Result<Json<Directory>, ApiError> {
    let entries = directory::list(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(Directory { entries }))
}

/// Appends an entry. The vault's signature is the permission: a pending device that holds the signing root adds itself.
#[utoipa::path(post, path = "/v1/vaults/{vault}/directory", tag = "directory", params(("vault" = api_types::VaultId, Path)),
    request_body = SignedDirectoryEntry, responses((status = 204), (status = "default", body = Problem)))]
pub async fn append(
    mut tx: TenantTx<AnyDevice>,
    Body(body): Body<SignedDirectoryEntry>,
) -> Result<StatusCode, ApiError> {
    let tenant = &tx.caller().stage;
    let waits = tenant.waits();
    if waits {
        if !tenant.manages() {
            return Err(ErrorCode::Forbidden.into());
        }
    } else {
        tx.require(Right::Manage)?;
    }
    let root = directory::signing_root(&tx)?;
    if waits {
        // A pending device may add itself, signed by the vault, and nothing else. `append` verifies the same bytes
        // below.
        let entry = DirectoryEntry::from_bytes(&body.entry.0)
            .map_err(|refused| ApiError::because(ErrorCode::DirectoryInvalid, refused))?;
        if entry.op != DirectoryOp::Add || entry.device != tx.caller().device {
            return Err(ErrorCode::DeviceNotApproved.into());
        }
    }
    let entry = directory::append(&mut tx, &body, &root).await?;
    let action = match entry.op {
        DirectoryOp::Add => "device_added",
        DirectoryOp::Revoke => "device_revoked",
    };
    audit::record(&mut tx, action, &[("device", entry.device.to_string())]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
