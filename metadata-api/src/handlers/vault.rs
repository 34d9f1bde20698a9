//! A vault's properties as its members see them, and its first keys.

use api_types::{
    DeviceId, ErrorCode, Problem,
    directory::{DeviceRole, DirectoryOp},
    vault::{VaultInfo, VaultInit, WrapKind},
};
use axum::{Json, extract::State, http::StatusCode};

use super::extract::Body;
use crate::{
    auth::Right,
    db::{AnyDevice, TenantTx, audit, directory, key, vault},
    domain::{device::check_ed25519, wrap::check_size},
    error::ApiError,
    identity::session,
    state::AppState,
};

/// The vault.
#[utoipa::path(get, path = "/v1/vaults/{vault}", operation_id = "get_vault", tag = "vault", params(("vault" = api_types::VaultId, Path)),
    responses((status = 200, body = VaultInfo), (status = "default", body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    tx: TenantTx<AnyDevice>,
) -> Result<Json<VaultInfo>, ApiError> {
    let tenant = &tx.caller().stage;
    // A pending device learned all of this at sign-in.
    if tenant.ready {
        tx.require(Right::Read)?;
    }
    let info = session::vault_info(&state, tenant.vault, tenant.vault_region, tenant.member, tenant.ready)?;
    tx.commit().await?;
    Ok(Json(info))
}

/// Stores the first keys and the first directory entry atomically. Works once.
#[utoipa::path(post, path = "/v1/vaults/{vault}/init", tag = "vault", params(("vault" = api_types::VaultId, Path)),
    request_body = VaultInit, responses((status = 204), (status = "default", body = Problem)))]
pub async fn init(mut tx: TenantTx<AnyDevice>, Body(body): Body<VaultInit>) -> Result<StatusCode, ApiError> {
    tx.require(Right::Initialize)?;
    let root = body.signing_root.to_array::<32>().ok_or(ErrorCode::InvalidRequest)?;
    let verifying = check_ed25519(&root)?;
    let wraps = [
        (WrapKind::Password, &body.password),
        (WrapKind::Recovery, &body.recovery),
        (WrapKind::Keyring, &body.keyring),
    ];
    vault::make_ready(&mut tx, &root).await?;
    for (kind, bytes) in wraps {
        check_size(bytes)?;
        key::add_first(&mut tx, kind, &bytes.0).await?;
    }
    let entry = directory::append(&mut tx, &body.directory, &verifying).await?;
    let me: DeviceId = tx.caller().device;
    if entry.op != DirectoryOp::Add || entry.device != me || entry.role != DeviceRole::Full {
        return Err(ApiError::because(ErrorCode::DirectoryInvalid, "entry 0 adds the calling device, full"));
    }
    audit::record(&mut tx, "vault_created", &[("device", me.to_string())]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
