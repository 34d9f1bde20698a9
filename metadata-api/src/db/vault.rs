//! An account's vaults, and marking one as ready.

use api_types::{AccountId, ErrorCode, Region, VaultId, vault::MemberRole};
use uuid::Uuid;

use super::{
    TenantTx, at, corrupt,
    pre_auth::PreAuthTx,
    tenant_tx::{DeviceGate, member_role},
};
use crate::error::ApiError;

/// A vault as its member sees it.
pub(crate) struct Membership {
    pub(crate) vault: VaultId,
    pub(crate) region: Region,
    pub(crate) role: MemberRole,
    pub(crate) ready: bool,
}

pub(crate) async fn of_account(tx: &mut PreAuthTx, account: AccountId) -> Result<Vec<Membership>, ApiError> {
    tx.set_account(account, None).await?;
    let rows: Vec<(Uuid, String, String, bool)> = sqlx::query_as(
        "SELECT v.vault_id, v.region, m.role, v.ready_at IS NOT NULL
         FROM app.membership m JOIN app.vault v USING (vault_id)
         WHERE m.account_id = $1 ORDER BY v.created_at, v.vault_id",
    )
    .bind(account.0)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|(vault, region, role, ready)| {
            Ok(Membership {
                vault: VaultId(vault),
                region: region.parse().map_err(|_| corrupt("vault.region"))?,
                role: member_role(&role).ok_or_else(|| corrupt("membership.role"))?,
                ready,
            })
        })
        .collect()
}

/// Stores the signing root and marks the vault as ready.
///
/// # Errors
/// `version_conflict` if the vault is already ready.
pub(crate) async fn make_ready<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    signing_root: &[u8; 32],
) -> Result<(), ApiError> {
    let (vault, now) = (tx.vault(), tx.now());
    let done = sqlx::query(
        "UPDATE app.vault SET ready_at = $2, signing_root = $3 WHERE vault_id = $1 AND ready_at IS NULL",
    )
    .bind(vault.0)
    .bind(at(now))
    .bind(signing_root.as_slice())
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(ErrorCode::VersionConflict.into()) }
}
