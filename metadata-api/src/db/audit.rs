//! The audit trail. One helper writes it, rows are immutable, and each row's hash covers the previous one. Only the
//! newest rows are kept, so that no account's reads can fill the table.

use api_types::{
    AccountId, Base64, DeviceId, VaultId, canonical,
    vault::{AUDIT_KEPT, AuditRow},
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{TenantTx, pre_auth::PreAuthTx, tenant_tx::DeviceGate};
use crate::error::ApiError;

/// The CBOR of an event, in this order: version 1, vault, position, seconds since 1970, action, account, device,
/// details as pairs of texts.
pub type Wire = (u8, VaultId, u64, i64, String, Option<AccountId>, Option<DeviceId>, Vec<(String, String)>);

/// Details of an event: ids, kinds and counts; never an address, a token or user text.
pub type Details<'a> = &'a [(&'static str, String)];

/// An unproven device id with the key that signed: an event is not attributed to a device on its own claim.
pub(crate) fn claimed(device: DeviceId, signing_key: &[u8; 32]) -> [(&'static str, String); 2] {
    let key = Sha256::digest(signing_key);
    [("claimed_device", device.to_string()), ("key", hex::encode(key))]
}

/// Old rows are deleted in batches of this size.
const FORGOTTEN_AT_ONCE: i64 = 64;

/// Who acted.
struct Actor {
    vault: VaultId,
    account: Option<AccountId>,
    device: Option<DeviceId>,
}

/// Records an action of the transaction's caller; takes effect when the transaction commits.
pub async fn record<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    action: &'static str,
    details: Details<'_>,
) -> Result<(), ApiError> {
    let actor =
        Actor { vault: tx.vault(), account: Some(tx.caller().account), device: Some(tx.caller().device) };
    let now = tx.now();
    append(tx.conn(), &actor, now, action, details).await
}

/// Records a sign-in event in each of the account's vaults.
pub(crate) async fn record_account(
    tx: &mut PreAuthTx,
    account: AccountId,
    device: Option<DeviceId>,
    now: i64,
    action: &'static str,
    details: Details<'_>,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    // In a fixed order, so that concurrent sign-ins cannot deadlock.
    let vaults: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT vault_id FROM app.membership WHERE account_id = $1 ORDER BY vault_id")
            .bind(account.0)
            .fetch_all(tx.conn())
            .await?;
    for vault in vaults.into_iter().map(VaultId) {
        tx.set_account(account, Some(vault)).await?;
        let actor = Actor { vault, account: Some(account), device };
        append(tx.conn(), &actor, now, action, details).await?;
    }
    Ok(())
}

async fn append(
    connection: &mut PgConnection,
    actor: &Actor,
    now: i64,
    action: &'static str,
    details: Details<'_>,
) -> Result<(), ApiError> {
    // One writer per vault until the transaction ends, so that the chain cannot fork.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('sealkeep/audit/' || $1::text, 0))")
        .bind(actor.vault.0)
        .execute(&mut *connection)
        .await?;
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT position, hash FROM app.audit_event WHERE vault_id = $1 ORDER BY position DESC LIMIT 1",
    )
    .bind(actor.vault.0)
    .fetch_optional(&mut *connection)
    .await?;
    let (position, previous) = last.unwrap_or((0, vec![0; 32]));
    let position = position + 1;
    let details = details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let wire: Wire = (
        1,
        actor.vault,
        position.unsigned_abs(),
        now,
        action.to_owned(),
        actor.account,
        actor.device,
        details,
    );
    let event = canonical::encode(&wire).map_err(ApiError::internal)?;
    let hash = chain_hash(&previous, &event);
    sqlx::query("INSERT INTO app.audit_event (vault_id, position, event, hash) VALUES ($1, $2, $3, $4)")
        .bind(actor.vault.0)
        .bind(position)
        .bind(event)
        .bind(hash.as_slice())
        .execute(&mut *connection)
        .await?;
    if position % FORGOTTEN_AT_ONCE == 0 {
        sqlx::query("DELETE FROM app.audit_event WHERE vault_id = $1 AND position <= $2")
            .bind(actor.vault.0)
            .bind(position.saturating_sub_unsigned(AUDIT_KEPT))
            .execute(connection)
            .await?;
    }
    Ok(())
}

fn chain_hash(previous: &[u8], event: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(event).finalize().into()
}

/// A page of the trail, oldest first.
pub(crate) async fn list<D: DeviceGate>(
    tx: &mut TenantTx<D>,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, ApiError> {
    let vault = tx.vault();
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT position, event, hash FROM app.audit_event
         WHERE vault_id = $1 AND position > $2 ORDER BY position LIMIT $3",
    )
    .bind(vault.0)
    .bind(after)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(position, event, hash)| AuditRow {
            position: position.unsigned_abs(),
            event: event.into(),
            hash: hash.into(),
        })
        .collect())
}

/// The first row that does not follow the previous one, or has the wrong position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail is broken at position {0}")]
pub struct BrokenAt(pub u64);

/// Verifies a trail. It must begin with row 1, unless it is so long that older rows were deleted.
pub fn verify(vault: VaultId, rows: &[AuditRow]) -> Result<(), BrokenAt> {
    let forgotten =
        rows.first().filter(|_| rows.len() as u64 >= AUDIT_KEPT).map_or(0, |row| row.position - 1);
    let mut previous = Base64(vec![0; 32]);
    for (expected, row) in (forgotten + 1..).zip(rows) {
        let placed = canonical::decode::<Wire>(&row.event.0)
            .is_ok_and(|wire| wire.0 == 1 && wire.1 == vault && wire.2 == expected);
        // The row before the oldest kept one is gone.
        let follows = row.hash.0 == chain_hash(&previous.0, &row.event.0)
            || (forgotten > 0 && expected == forgotten + 1);
        if row.position != expected || !placed || !follows {
            return Err(BrokenAt(expected));
        }
        previous = row.hash.clone();
    }
    Ok(())
}
