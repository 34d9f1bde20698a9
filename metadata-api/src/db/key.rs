//! Wrapped keys: opaque bytes with a version.

use api_types::{
    AccountId, ErrorCode, VaultId,
    vault::{WrapKind, WrappedKey},
};

use super::{TenantTx, at, corrupt, pre_auth::PreAuthTx, tenant_tx::DeviceGate};
use crate::error::ApiError;

pub(crate) async fn get<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    kind: WrapKind,
) -> Result<Option<WrappedKey>, ApiError> {
    let vault = tx.vault();
    let row: Option<(i32, Vec<u8>)> =
        sqlx::query_as("SELECT version, bytes FROM app.wrapped_key WHERE vault_id = $1 AND kind = $2")
            .bind(vault.0)
            .bind(kind.as_str())
            .fetch_optional(tx.conn())
            .await?;
    row.map(|(version, bytes)| {
        let version = version.try_into().map_err(|_| corrupt("wrapped_key.version"))?;
        Ok(WrappedKey { version, bytes: bytes.into() })
    })
    .transpose()
}

/// The master key of one of the account's vaults under a new password; the version after the stored one.
///
/// # Errors
/// `version_conflict`.
pub(crate) async fn replace_password(
    tx: &mut PreAuthTx,
    account: AccountId,
    vault: VaultId,
    wrapped: &WrappedKey,
    now: i64,
) -> Result<(), ApiError> {
    tx.speak_for(account, Some(vault)).await?;
    let version = i32::try_from(wrapped.version).map_err(|_| ErrorCode::InvalidRequest)?;
    let done = sqlx::query(
        "UPDATE app.wrapped_key SET version = $2, bytes = $3, updated_at = $4
         WHERE vault_id = $1 AND kind = 'password' AND version = $2 - 1",
    )
    .bind(vault.0)
    .bind(version)
    .bind(&wrapped.bytes.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ErrorCode::VersionConflict.into()) }
}

/// Stores the version after the stored one.
///
/// # Errors
/// `version_conflict`.
pub(crate) async fn put<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    kind: WrapKind,
    version: u32,
    bytes: &[u8],
) -> Result<(), ApiError> {
    let (vault, now) = (tx.vault(), tx.now());
    let version = i32::try_from(version).map_err(|_| ErrorCode::InvalidRequest)?;
    let statement = if version == 1 {
        "INSERT INTO app.wrapped_key (vault_id, kind, version, bytes, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (vault_id, kind) DO NOTHING"
    } else {
        "UPDATE app.wrapped_key SET version = $3, bytes = $4, updated_at = $5
         WHERE vault_id = $1 AND kind = $2 AND version = $3 - 1"
    };
    let done = sqlx::query(statement)
        .bind(vault.0)
        .bind(kind.as_str())
        .bind(version)
        .bind(bytes)
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ErrorCode::VersionConflict.into()) }
}
