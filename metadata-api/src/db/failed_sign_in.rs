//! Failed sign-ins, recorded before it is known whether the account exists: one insert for any address, so that
//! response times reveal nothing. A job moves them into the trails of their accounts, as one entry with their number.

use api_types::{AccountId, DeviceId};
use uuid::Uuid;

use super::{at, pre_auth::PreAuthTx};
use crate::domain::device::CheckedDevice;

/// Maximum rows taken at once.
const BATCH: i64 = 1000;

/// Records a failed sign-in.
pub(crate) async fn record(
    tx: &mut PreAuthTx,
    account: AccountId,
    device: &CheckedDevice,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO app.failed_sign_in (account_id, device_id, signing_key, failed_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(account.0)
    .bind(device.id.0)
    .bind(device.signing_key.as_slice())
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A recorded failure.
pub(crate) struct Failed {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) signing_key: Vec<u8>,
}

/// Removes and returns the oldest rows, except those of the given accounts; two replicas never get the same row.
pub(crate) async fn take(tx: &mut PreAuthTx, except: &[Uuid]) -> Result<Vec<Failed>, sqlx::Error> {
    let rows: Vec<(Uuid, Uuid, Vec<u8>)> = sqlx::query_as(
        "DELETE FROM app.failed_sign_in WHERE number IN (
             SELECT number FROM app.failed_sign_in WHERE account_id <> ALL ($1)
             ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING account_id, device_id, signing_key",
    )
    .bind(except)
    .bind(BATCH)
    .fetch_all(tx.conn())
    .await?;
    let failed = |(account, device, signing_key)| Failed {
        account: AccountId(account),
        device: DeviceId(device),
        signing_key,
    };
    Ok(rows.into_iter().map(failed).collect())
}
