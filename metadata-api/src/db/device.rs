//! Devices of an account, and their state in its vaults.

use api_types::{
    AccountId, DeviceId, ErrorCode,
    device::DeviceKeys,
    directory::{DirectoryEntry, DirectoryOp},
    vault::DeviceInfo,
};
use uuid::Uuid;

use super::{
    TenantTx, at, corrupt,
    pre_auth::PreAuthTx,
    tenant_tx::{DeviceGate, device_role, device_role_text, device_state},
};
use crate::{domain::device::CheckedDevice, error::ApiError};

/// Maximum devices of an account, not counting revoked ones.
pub(crate) const MAX_DEVICES: i64 = 50;
/// Maximum including revoked devices, which are kept so that their signatures stay verifiable.
const MAX_DEVICES_EVER: i64 = 1000;

/// Registers a device at sign-in, pending in each of the account's vaults. Idempotent for the same keys.
///
/// # Errors
/// `device_revoked`, `limit_reached`, or `conflict` if the id is registered with other keys.
pub(crate) async fn register(
    tx: &mut PreAuthTx,
    account: AccountId,
    device: &CheckedDevice,
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    let (known, present, ever): (bool, i64, i64) = sqlx::query_as(
        "SELECT COALESCE(bool_or(device_id = $2), false), count(*) FILTER (WHERE revoked_at IS NULL), count(*)
         FROM app.device WHERE account_id = $1",
    )
    .bind(account.0)
    .bind(device.id.0)
    .fetch_one(tx.conn())
    .await?;
    if !known && (present >= MAX_DEVICES || ever >= MAX_DEVICES_EVER) {
        let (used, most) =
            if present >= MAX_DEVICES { (present, MAX_DEVICES) } else { (ever, MAX_DEVICES_EVER) };
        return Err(ApiError::limit(used.unsigned_abs(), most.unsigned_abs()));
    }
    sqlx::query(
        "INSERT INTO app.device (account_id, device_id, name, signing_key, sealing_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, device_id) DO NOTHING",
    )
    .bind(account.0)
    .bind(device.id.0)
    .bind(&device.name)
    .bind(device.signing_key.as_slice())
    .bind(device.sealing_key.as_slice())
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    let (signing_key, sealing_key, revoked): (Vec<u8>, Vec<u8>, bool) = sqlx::query_as(
        "SELECT signing_key, sealing_key, revoked_at IS NOT NULL FROM app.device
         WHERE account_id = $1 AND device_id = $2",
    )
    .bind(account.0)
    .bind(device.id.0)
    .fetch_one(tx.conn())
    .await?;
    if revoked {
        return Err(ErrorCode::DeviceRevoked.into());
    }
    if signing_key != device.signing_key || sealing_key != device.sealing_key {
        return Err(ErrorCode::Conflict.into());
    }
    sqlx::query(
        "INSERT INTO app.vault_device
             (vault_id, device_id, account_id, name, signing_key, sealing_key, state, created_at)
         SELECT m.vault_id, $2, $1, $3, $4, $5, 'pending', $6 FROM app.membership m WHERE m.account_id = $1
         ON CONFLICT (vault_id, device_id) DO NOTHING",
    )
    .bind(account.0)
    .bind(device.id.0)
    .bind(&device.name)
    .bind(device.signing_key.as_slice())
    .bind(device.sealing_key.as_slice())
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether this key belongs to a device that a directory of the account approves.
pub(crate) async fn is_approved(
    tx: &mut PreAuthTx,
    account: AccountId,
    device: &CheckedDevice,
) -> Result<bool, ApiError> {
    tx.set_account(account, None).await?;
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM app.vault_device d JOIN app.device a USING (account_id, device_id)
                        WHERE d.account_id = $1 AND d.device_id = $2 AND d.state = 'active'
                          AND d.signing_key = $3 AND a.signing_key = $3 AND a.revoked_at IS NULL)",
    )
    .bind(account.0)
    .bind(device.id.0)
    .bind(device.signing_key.as_slice())
    .fetch_one(tx.conn())
    .await?;
    Ok(found)
}

/// Applies a directory entry: an added device becomes active, a revoked one is locked out.
///
/// # Errors
/// `directory_invalid` if the device does not exist, was revoked before, or registered other keys than the entry's.
pub(crate) async fn follow<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    entry: &DirectoryEntry,
) -> Result<(), ApiError> {
    match entry.op {
        DirectoryOp::Add => {
            let vault = tx.vault();
            let done = sqlx::query(
                "UPDATE app.vault_device SET state = 'active', role = $3
                 WHERE vault_id = $1 AND device_id = $2 AND state = 'pending'
                   AND signing_key = $4 AND sealing_key = $5",
            )
            .bind(vault.0)
            .bind(entry.device.0)
            .bind(device_role_text(entry.role))
            .bind(entry.signing_key.as_slice())
            .bind(entry.sealing_key.as_slice())
            .execute(tx.conn())
            .await?;
            if done.rows_affected() == 1 {
                Ok(())
            } else {
                Err(ApiError::because(ErrorCode::DirectoryInvalid, "no pending device with these keys"))
            }
        }
        DirectoryOp::Revoke => revoke(tx, entry.device, Some(&entry.signing_key)).await.map_err(|refused| {
            if refused.code() == ErrorCode::NotFound {
                ApiError::because(ErrorCode::DirectoryInvalid, "no device with this key")
            } else {
                refused
            }
        }),
    }
}

/// Revokes a device in the vault; if it belongs to the caller's account, its sessions end too.
///
/// # Errors
/// `not_found`.
pub(crate) async fn revoke<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    device: DeviceId,
    signing_key: Option<&[u8; 32]>,
) -> Result<(), ApiError> {
    let (vault, account, now) = (tx.vault(), tx.caller().account, tx.now());
    let done = sqlx::query(
        "UPDATE app.vault_device SET state = 'revoked'
         WHERE vault_id = $1 AND device_id = $2 AND ($3::bytea IS NULL OR signing_key = $3)",
    )
    .bind(vault.0)
    .bind(device.0)
    .bind(signing_key.map(<[u8; 32]>::as_slice))
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 0 {
        return Err(ErrorCode::NotFound.into());
    }
    sqlx::query(
        "UPDATE app.device SET revoked_at = COALESCE(revoked_at, $3) WHERE account_id = $1 AND device_id = $2",
    )
    .bind(account.0)
    .bind(device.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "UPDATE app.session SET revoked_at = $3, revoke_reason = 'device_revoked'
         WHERE account_id = $1 AND device_id = $2 AND revoked_at IS NULL",
    )
    .bind(account.0)
    .bind(device.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether the vault knows the device, and whether the device was ever in the directory.
pub(crate) async fn was_approved<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    device: DeviceId,
) -> Result<bool, ApiError> {
    let vault = tx.vault();
    let role: Option<Option<String>> =
        sqlx::query_scalar("SELECT role FROM app.vault_device WHERE vault_id = $1 AND device_id = $2")
            .bind(vault.0)
            .bind(device.0)
            .fetch_optional(tx.conn())
            .await?;
    Ok(role.ok_or(ErrorCode::NotFound)?.is_some())
}

#[derive(sqlx::FromRow)]
struct Row {
    device_id: Uuid,
    name: String,
    signing_key: Vec<u8>,
    sealing_key: Vec<u8>,
    state: String,
    role: Option<String>,
    created_at: i64,
    last_seen_at: Option<i64>,
}

pub(crate) async fn list<D: DeviceGate>(tx: &mut TenantTx<D>) -> Result<Vec<DeviceInfo>, ApiError> {
    let vault = tx.vault();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT device_id, name, signing_key, sealing_key, state, role,
                EXTRACT(EPOCH FROM created_at)::bigint AS created_at,
                EXTRACT(EPOCH FROM last_seen_at)::bigint AS last_seen_at
         FROM app.vault_device WHERE vault_id = $1 ORDER BY created_at, device_id",
    )
    .bind(vault.0)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DeviceInfo {
                keys: DeviceKeys {
                    device_id: DeviceId(row.device_id),
                    name: row.name,
                    signing_key: row.signing_key.into(),
                    sealing_key: row.sealing_key.into(),
                },
                role: row.role.as_deref().and_then(device_role),
                state: device_state(&row.state).ok_or_else(|| corrupt("vault_device.state"))?,
                created_at: row.created_at,
                last_seen_at: row.last_seen_at,
            })
        })
        .collect()
}
