//! Wrapped keys: opaque, versioned bytes. All versions are kept; the newest is served.

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
    let row: Option<(i32, Vec<u8>)> = sqlx::query_as(
        "SELECT version, bytes FROM app.wrapped_key WHERE vault_id = $1 AND kind = $2
             ORDER BY version DESC LIMIT 1",
    )
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

/// Adds the master key of one of the account's vaults, wrapped under a new password; its version must be the next one.
///
/// # Errors
/// `version_conflict`.
pub(crate) async fn add_password(
    tx: &mut PreAuthTx,
    account: AccountId,
    vault: VaultId,
    wrapped: &WrappedKey,
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, Some(vault)).await?;
    let version = i32::try_from(wrapped.version).map_err(|_| ErrorCode::InvalidRequest)?;
    let done = sqlx::query(
        "INSERT INTO app.wrapped_key (vault_id, kind, version, bytes, stored_at)
         SELECT $1, 'password', $2, $3, $4
         WHERE (SELECT max(version) FROM app.wrapped_key WHERE vault_id = $1 AND kind = 'password') = $2 - 1
         ON CONFLICT DO NOTHING",
    )
    .bind(vault.0)
    .bind(version)
    .bind(&wrapped.bytes.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ErrorCode::VersionConflict.into()) }
}

/// Stores version 1.
///
/// # Errors
/// `version_conflict` if a version exists.
pub(crate) async fn add_first<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    kind: WrapKind,
    bytes: &[u8],
) -> Result<(), ApiError> {
    let (vault, now) = (tx.vault(), tx.now());
    let done = sqlx::query(
        "INSERT INTO app.wrapped_key (vault_id, kind, version, bytes, stored_at) VALUES ($1, $2, 1, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(vault.0)
    .bind(kind.as_str())
    .bind(bytes)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ErrorCode::VersionConflict.into()) }
}
