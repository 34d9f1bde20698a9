//! Wrapped keys: opaque bytes with a version.

use api_types::{
    ErrorCode,
    vault::{WrapKind, WrappedKey},
};

use super::{TenantTx, at, corrupt, tenant_tx::DeviceGate};
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
