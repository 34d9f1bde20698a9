//! The device directory: the signed chain as stored.

use api_types::{
    ErrorCode, Sha256,
    directory::{DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
};
use ed25519_dalek::VerifyingKey;

use super::{TenantTx, corrupt, device, tenant_tx::DeviceGate};
use crate::error::ApiError;

/// Maximum entries of a chain, which every client reads whole. The last ones are reserved for revocations.
const MAX_ENTRIES: u64 = 1000;
const MAX_ADDS: u64 = 900;

/// The key that signs the vault's directory.
///
/// # Errors
/// `vault_not_ready` if there is none yet.
pub(crate) fn signing_root<D: DeviceGate>(tx: &TenantTx<D>) -> Result<VerifyingKey, ApiError> {
    let root = tx.caller().stage.signing_root.as_deref().ok_or(ErrorCode::VaultNotReady)?;
    let root = root.try_into().map_err(|_| corrupt("vault.signing_root"))?;
    VerifyingKey::from_bytes(root).map_err(ApiError::internal)
}

pub(crate) async fn list<D: DeviceGate>(tx: &mut TenantTx<D>) -> Result<Vec<SignedDirectoryEntry>, ApiError> {
    let vault = tx.vault();
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT entry, signature FROM app.directory_entry WHERE vault_id = $1 ORDER BY number",
    )
    .bind(vault.0)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(entry, signature)| SignedDirectoryEntry { entry: entry.into(), signature: signature.into() })
        .collect())
}

/// Appends an entry that is signed by the vault and follows the last one, and applies it.
///
/// # Errors
/// `directory_invalid`; `vault_not_ready` without a signing root.
pub(crate) async fn append<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    signed: &SignedDirectoryEntry,
    root: &VerifyingKey,
) -> Result<DirectoryEntry, ApiError> {
    let vault = tx.vault();
    // The chain's lock, per vault.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('sealkeep/directory/' || $1::text, 0))")
        .bind(vault.0)
        .execute(tx.conn())
        .await?;
    let last: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT number, entry, signature FROM app.directory_entry
         WHERE vault_id = $1 ORDER BY number DESC LIMIT 1",
    )
    .bind(vault.0)
    .fetch_optional(tx.conn())
    .await?;
    let last: Option<(u64, Sha256)> = last.map(|(number, entry, signature)| {
        let signed = SignedDirectoryEntry { entry: entry.into(), signature: signature.into() };
        (number.unsigned_abs(), signed.hash())
    });
    let entry = signed
        .verify_after(vault, last, root)
        .map_err(|refused| ApiError::because(ErrorCode::DirectoryInvalid, refused))?;
    // The rest is reserved for revocations.
    let most = match entry.op {
        DirectoryOp::Add => MAX_ADDS,
        DirectoryOp::Revoke => MAX_ENTRIES,
    };
    if entry.number >= most {
        return Err(ApiError::limit(entry.number, most));
    }
    let number = i64::try_from(entry.number).map_err(|_| corrupt("directory_entry.number"))?;
    sqlx::query(
        "INSERT INTO app.directory_entry (vault_id, number, entry, signature) VALUES ($1, $2, $3, $4)",
    )
    .bind(vault.0)
    .bind(number)
    .bind(&signed.entry.0)
    .bind(&signed.signature.0)
    .execute(tx.conn())
    .await?;
    device::follow(tx, &entry).await?;
    Ok(entry)
}
