//! Accounts: creation, password record and second factor.

use api_types::{AccountId, ErrorCode, Region, VaultId};

use super::{Db, at, corrupt, pending::SignUp, pre_auth::PreAuthTx};
use crate::{domain::recovery_codes::RecoveryCodes, error::ApiError};

/// What a sign-in needs to know about an existing account.
pub(crate) struct Credential {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) opaque_record: Vec<u8>,
}

/// The account with this lower-case address.
pub(crate) async fn find(db: &Db, email: &str) -> Result<Option<Credential>, ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    let row: Option<(uuid::Uuid, Vec<u8>)> =
        sqlx::query_as("SELECT account_id, opaque_record FROM app.credential WHERE email = $1")
            .bind(email)
            .fetch_optional(tx.conn())
            .await?;
    // The second query also runs for unknown addresses, so that both cases take equally long.
    let (account, opaque_record) = row.unwrap_or_default();
    tx.set_account(AccountId(account), None).await?;
    let region: Option<String> = sqlx::query_scalar("SELECT region FROM app.account WHERE account_id = $1")
        .bind(account)
        .fetch_optional(tx.conn())
        .await?;
    region
        .map(|region| {
            Ok(Credential {
                account: AccountId(account),
                region: region.parse().map_err(|_| corrupt("account.region"))?,
                opaque_record,
            })
        })
        .transpose()
}

/// The second factor of a new account.
pub(crate) struct NewSecondFactor<'a> {
    pub(crate) sealed_secret: &'a [u8],
    pub(crate) used_step: i64,
    pub(crate) codes: &'a RecoveryCodes,
}

/// Creates account, credential, second factor and first vault.
///
/// # Errors
/// `sign_up_refused` if the address already has an account.
pub(crate) async fn create(
    tx: &mut PreAuthTx,
    sign_up: &SignUp,
    vault: VaultId,
    second_factor: &NewSecondFactor<'_>,
    now: i64,
) -> Result<(), ApiError> {
    let account = sign_up.account;
    tx.set_account(account, None).await?;
    sqlx::query("INSERT INTO app.account (account_id, region, created_at) VALUES ($1, $2, $3)")
        .bind(account.0)
        .bind(sign_up.region.as_str())
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    let stored = sqlx::query(
        "INSERT INTO app.credential (account_id, email, opaque_record, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO NOTHING",
    )
    .bind(account.0)
    .bind(&sign_up.email)
    .bind(&sign_up.opaque_record)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 0 {
        return Err(ErrorCode::SignUpRefused.into());
    }
    sqlx::query(
        "INSERT INTO app.totp (account_id, secret, last_step, recovery_salt) VALUES ($1, $2, $3, $4)",
    )
    .bind(account.0)
    .bind(second_factor.sealed_secret)
    .bind(second_factor.used_step)
    .bind(second_factor.codes.salt.as_slice())
    .execute(tx.conn())
    .await?;
    add_codes(tx, account, second_factor.codes).await?;
    sqlx::query("INSERT INTO app.vault (vault_id, region, created_at) VALUES ($1, $2, $3)")
        .bind(vault.0)
        .bind(sign_up.region.as_str())
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "INSERT INTO app.membership (vault_id, account_id, role, created_at) VALUES ($1, $2, 'owner', $3)",
    )
    .bind(vault.0)
    .bind(account.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn add_codes(tx: &mut PreAuthTx, account: AccountId, codes: &RecoveryCodes) -> Result<(), ApiError> {
    let hashes: Vec<&[u8]> = codes.hashes.iter().map(<[u8; 32]>::as_slice).collect();
    sqlx::query("INSERT INTO app.recovery_code (account_id, hash) SELECT $1, UNNEST($2::bytea[])")
        .bind(account.0)
        .bind(hashes)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The account's email address.
pub(crate) async fn email(tx: &mut PreAuthTx, account: AccountId) -> Result<String, ApiError> {
    let email = sqlx::query_scalar("SELECT email FROM app.credential WHERE account_id = $1")
        .bind(account.0)
        .fetch_one(tx.conn())
        .await?;
    Ok(email)
}

/// Replaces the password record.
pub(crate) async fn replace_record(
    tx: &mut PreAuthTx,
    account: AccountId,
    record: &[u8],
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    let done =
        sqlx::query("UPDATE app.credential SET opaque_record = $2, updated_at = $3 WHERE account_id = $1")
            .bind(account.0)
            .bind(record)
            .bind(at(now))
            .execute(tx.conn())
            .await?;
    changed_one(done.rows_affected(), "credential")
}

/// Replaces the recovery codes.
pub(crate) async fn replace_codes(
    tx: &mut PreAuthTx,
    account: AccountId,
    codes: &RecoveryCodes,
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    sqlx::query("UPDATE app.recovery_code SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL")
        .bind(account.0)
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    let done = sqlx::query("UPDATE app.totp SET recovery_salt = $2 WHERE account_id = $1")
        .bind(account.0)
        .bind(codes.salt.as_slice())
        .execute(tx.conn())
        .await?;
    changed_one(done.rows_affected(), "totp")?;
    add_codes(tx, account, codes).await
}

/// Replaces the second factor; `step` is the time step of its first code.
pub(crate) async fn replace_totp(
    tx: &mut PreAuthTx,
    account: AccountId,
    sealed: &[u8],
    step: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    let done = sqlx::query("UPDATE app.totp SET secret = $2, last_step = $3 WHERE account_id = $1")
        .bind(account.0)
        .bind(sealed)
        .bind(step)
        .execute(tx.conn())
        .await?;
    changed_one(done.rows_affected(), "totp")
}

fn changed_one(rows: u64, what: &'static str) -> Result<(), ApiError> {
    if rows == 1 { Ok(()) } else { Err(corrupt(what)) }
}

/// A second factor as stored.
#[derive(sqlx::FromRow)]
pub(crate) struct StoredSecondFactor {
    pub(crate) sealed_secret: Vec<u8>,
    pub(crate) recovery_salt: Vec<u8>,
}

/// The account's second factor, locked until the transaction ends, so that attempts run one at a time.
pub(crate) async fn second_factor(
    tx: &mut PreAuthTx,
    account: AccountId,
) -> Result<StoredSecondFactor, ApiError> {
    tx.set_account(account, None).await?;
    let row: Option<StoredSecondFactor> = sqlx::query_as(
        "SELECT secret AS sealed_secret, recovery_salt FROM app.totp WHERE account_id = $1 FOR UPDATE",
    )
    .bind(account.0)
    .fetch_optional(tx.conn())
    .await?;
    row.ok_or_else(|| corrupt("an account without TOTP"))
}

/// Accepts a time step once; false if it or a later one was accepted before.
pub(crate) async fn accept_step(tx: &mut PreAuthTx, account: AccountId, step: i64) -> Result<bool, ApiError> {
    let done = sqlx::query("UPDATE app.totp SET last_step = $2 WHERE account_id = $1 AND last_step < $2")
        .bind(account.0)
        .bind(step)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Accepts a recovery code once.
pub(crate) async fn accept_recovery(
    tx: &mut PreAuthTx,
    account: AccountId,
    hash: &[u8; 32],
    now: i64,
) -> Result<bool, ApiError> {
    let done = sqlx::query(
        "UPDATE app.recovery_code SET used_at = $3 WHERE account_id = $1 AND hash = $2 AND used_at IS NULL",
    )
    .bind(account.0)
    .bind(hash.as_slice())
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A counter of wrong codes.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub(crate) struct Failures {
    pub(crate) failures: i32,
    /// First failure that counts, seconds since 1970.
    pub(crate) since: i64,
    /// Consecutive locks.
    pub(crate) locks: i32,
    /// Seconds since 1970.
    pub(crate) locked_until: i64,
}

pub(crate) async fn failures(
    tx: &mut PreAuthTx,
    account: AccountId,
    counter: &str,
) -> Result<Option<Failures>, ApiError> {
    let row = sqlx::query_as(
        "SELECT failures, EXTRACT(EPOCH FROM since)::bigint AS since, locks,
                EXTRACT(EPOCH FROM locked_until)::bigint AS locked_until
         FROM app.second_factor_failure WHERE account_id = $1 AND counter = $2",
    )
    .bind(account.0)
    .bind(counter)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}

/// Stores the counter. The factor's row is locked, so nobody else counts meanwhile.
pub(crate) async fn set_failures(
    tx: &mut PreAuthTx,
    account: AccountId,
    counter: &str,
    failures: &Failures,
) -> Result<(), ApiError> {
    sqlx::query(
        "INSERT INTO app.second_factor_failure (account_id, counter, failures, since, locks, locked_until)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id, counter) DO UPDATE SET
             failures = EXCLUDED.failures, since = EXCLUDED.since, locks = EXCLUDED.locks,
             locked_until = EXCLUDED.locked_until",
    )
    .bind(account.0)
    .bind(counter)
    .bind(failures.failures)
    .bind(at(failures.since))
    .bind(failures.locks)
    .bind(at(failures.locked_until))
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn reset_failures(
    tx: &mut PreAuthTx,
    account: AccountId,
    counter: &str,
) -> Result<(), ApiError> {
    sqlx::query("DELETE FROM app.second_factor_failure WHERE account_id = $1 AND counter = $2")
        .bind(account.0)
        .bind(counter)
        .execute(tx.conn())
        .await?;
    Ok(())
}
