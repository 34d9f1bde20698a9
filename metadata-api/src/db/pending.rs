//! Sign-ups and sign-ins in progress.

use api_types::{AccountId, ErrorCode, Region, SignInId, SignUpId};
use uuid::Uuid;

use super::{Db, at, corrupt, pre_auth::PreAuthTx};
use crate::{
    domain::device::{CheckedDevice, Signer},
    error::ApiError,
};

/// Time limit of a sign-up once a password is registered, seconds.
pub(crate) const SIGN_UP_SECS: i64 = 30 * 60;
/// Time limit until then, seconds: the password's key stretching on a slow machine.
pub(crate) const SIGN_UP_START_SECS: i64 = 2 * 60;
/// Time limit between the messages of a password proof, seconds.
pub(crate) const SIGN_IN_SECS: i64 = 60;
/// Time limit for the second factor, seconds.
pub(crate) const SECOND_FACTOR_SECS: i64 = 5 * 60;

fn device(id: Uuid, name: String, signing: &[u8], sealing: &[u8]) -> Result<CheckedDevice, ApiError> {
    Ok(CheckedDevice {
        id: api_types::DeviceId(id),
        name,
        signing_key: signing.try_into().map_err(|_| corrupt("signing_key"))?,
        sealing_key: sealing.try_into().map_err(|_| corrupt("sealing_key"))?,
    })
}

/// A sign-up as stored.
pub(crate) struct SignUp {
    pub(crate) account: AccountId,
    pub(crate) email: String,
    pub(crate) region: Region,
    pub(crate) device: CheckedDevice,
    pub(crate) opaque_record: Vec<u8>,
    pub(crate) totp_secret: Vec<u8>,
    pub(crate) failures: i32,
}

pub(crate) async fn start_sign_up(
    db: &Db,
    id: SignUpId,
    account: AccountId,
    email: &str,
    region: Region,
    device: &CheckedDevice,
    now: i64,
) -> Result<(), ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    sqlx::query("DELETE FROM app.pending_sign_up WHERE expires_at < $1")
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "INSERT INTO app.pending_sign_up (sign_up_id, account_id, email, region, device_id, device_name,
             signing_key, sealing_key, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id.0)
    .bind(account.0)
    .bind(email)
    .bind(region.as_str())
    .bind(device.id.0)
    .bind(&device.name)
    .bind(device.signing_key.as_slice())
    .bind(device.sealing_key.as_slice())
    .bind(at(now))
    .bind(at(now + SIGN_UP_START_SECS))
    .execute(tx.conn())
    .await?;
    Ok(tx.commit().await?)
}

/// Number of sign-ups in progress.
pub(crate) async fn open_sign_ups(tx: &mut PreAuthTx, now: i64) -> Result<i32, ApiError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM app.pending_sign_up WHERE expires_at > $1")
        .bind(at(now))
        .fetch_one(tx.conn())
        .await?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Deletes expired sign-ups and sign-ins.
pub(crate) async fn delete_expired(tx: &mut PreAuthTx, now: i64) -> Result<(), ApiError> {
    for statement in [
        "DELETE FROM app.pending_sign_up WHERE expires_at < $1",
        "DELETE FROM app.pending_sign_in WHERE expires_at < $1",
    ] {
        sqlx::query(statement).bind(at(now)).execute(tx.conn()).await?;
    }
    Ok(())
}

pub(crate) async fn sign_up_signer(db: &Db, id: SignUpId, now: i64) -> Result<Signer, ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    let row: Option<(Uuid, Vec<u8>)> = sqlx::query_as(
        "SELECT device_id, signing_key FROM app.pending_sign_up WHERE sign_up_id = $1 AND expires_at > $2",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?;
    signer(row, ErrorCode::SignUpExpired)
}

fn signer(row: Option<(Uuid, Vec<u8>)>, otherwise: ErrorCode) -> Result<Signer, ApiError> {
    let (device, key) = row.ok_or(otherwise)?;
    Ok(Signer {
        device: api_types::DeviceId(device),
        key: key.try_into().map_err(|_| corrupt("signing_key"))?,
    })
}

/// The account and address of a sign-up without a password record.
pub(crate) async fn unfinished_sign_up(
    tx: &mut PreAuthTx,
    id: SignUpId,
    now: i64,
) -> Result<(AccountId, String), ApiError> {
    let row: Option<(Uuid, String)> = sqlx::query_as(
        "SELECT account_id, email FROM app.pending_sign_up
         WHERE sign_up_id = $1 AND expires_at > $2 AND opaque_record IS NULL FOR UPDATE",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?;
    let (account, email) = row.ok_or(ErrorCode::SignUpExpired)?;
    Ok((AccountId(account), email))
}

pub(crate) async fn finish_sign_up(
    tx: &mut PreAuthTx,
    id: SignUpId,
    opaque_record: &[u8],
    totp_secret: &[u8],
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "UPDATE app.pending_sign_up SET opaque_record = $2, totp_secret = $3, expires_at = $4 WHERE sign_up_id = $1",
    )
        .bind(id.0)
        .bind(opaque_record)
        .bind(totp_secret)
        .bind(at(now + SIGN_UP_SECS))
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct SignUpRow {
    account_id: Uuid,
    email: String,
    region: String,
    device_id: Uuid,
    device_name: String,
    signing_key: Vec<u8>,
    sealing_key: Vec<u8>,
    opaque_record: Vec<u8>,
    totp_secret: Vec<u8>,
    failures: i32,
}

/// A sign-up that is waiting for its first code, locked.
pub(crate) async fn finished_sign_up(tx: &mut PreAuthTx, id: SignUpId, now: i64) -> Result<SignUp, ApiError> {
    let row: SignUpRow = sqlx::query_as(
        "SELECT account_id, email, region, device_id, device_name, signing_key, sealing_key,
                opaque_record, totp_secret, failures
         FROM app.pending_sign_up
         WHERE sign_up_id = $1 AND expires_at > $2 AND opaque_record IS NOT NULL AND totp_secret IS NOT NULL
         FOR UPDATE",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?
    .ok_or(ErrorCode::SignUpExpired)?;
    Ok(SignUp {
        account: AccountId(row.account_id),
        email: row.email,
        region: row.region.parse().map_err(|_| corrupt("pending_sign_up.region"))?,
        device: device(row.device_id, row.device_name, &row.signing_key, &row.sealing_key)?,
        opaque_record: row.opaque_record,
        totp_secret: row.totp_secret,
        failures: row.failures,
    })
}

pub(crate) async fn count_sign_up_failure(tx: &mut PreAuthTx, id: SignUpId) -> Result<(), ApiError> {
    sqlx::query("UPDATE app.pending_sign_up SET failures = failures + 1 WHERE sign_up_id = $1")
        .bind(id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn end_sign_up(tx: &mut PreAuthTx, id: SignUpId) -> Result<(), ApiError> {
    sqlx::query("DELETE FROM app.pending_sign_up WHERE sign_up_id = $1")
        .bind(id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A sign-in as stored.
pub(crate) struct SignIn {
    pub(crate) account: AccountId,
    pub(crate) known: bool,
    pub(crate) region: Region,
    pub(crate) device: CheckedDevice,
    /// Sealed; empty once the password is proven.
    pub(crate) opaque_state: Vec<u8>,
    /// Counters, by kind and key, to decrement if the password is right.
    pub(crate) counted: Vec<(String, Vec<u8>)>,
}

pub(crate) async fn start_sign_in(db: &Db, id: SignInId, sign_in: &SignIn, now: i64) -> Result<(), ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    sqlx::query("DELETE FROM app.pending_sign_in WHERE expires_at < $1")
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "INSERT INTO app.pending_sign_in (sign_in_id, account_id, known, region, device_id, device_name,
             signing_key, sealing_key, opaque_state, created_at, expires_at, counted_kinds, counted_keys)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(id.0)
    .bind(sign_in.account.0)
    .bind(sign_in.known)
    .bind(sign_in.region.as_str())
    .bind(sign_in.device.id.0)
    .bind(&sign_in.device.name)
    .bind(sign_in.device.signing_key.as_slice())
    .bind(sign_in.device.sealing_key.as_slice())
    .bind(&sign_in.opaque_state)
    .bind(at(now))
    .bind(at(now + SIGN_IN_SECS))
    .bind(sign_in.counted.iter().map(|(kind, _)| kind.clone()).collect::<Vec<_>>())
    .bind(sign_in.counted.iter().map(|(_, key)| key.clone()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(tx.commit().await?)
}

pub(crate) async fn sign_in_signer(db: &Db, id: SignInId, now: i64) -> Result<Signer, ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    let row: Option<(Uuid, Vec<u8>)> = sqlx::query_as(
        "SELECT device_id, signing_key FROM app.pending_sign_in WHERE sign_in_id = $1 AND expires_at > $2",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?;
    signer(row, ErrorCode::SignInExpired)
}

#[derive(sqlx::FromRow)]
struct SignInRow {
    account_id: Uuid,
    known: bool,
    region: String,
    device_id: Uuid,
    device_name: String,
    signing_key: Vec<u8>,
    sealing_key: Vec<u8>,
    opaque_state: Option<Vec<u8>>,
    counted_kinds: Vec<String>,
    counted_keys: Vec<Vec<u8>>,
}

impl SignInRow {
    fn read(self) -> Result<SignIn, ApiError> {
        Ok(SignIn {
            account: AccountId(self.account_id),
            known: self.known,
            region: self.region.parse().map_err(|_| corrupt("pending_sign_in.region"))?,
            device: device(self.device_id, self.device_name, &self.signing_key, &self.sealing_key)?,
            opaque_state: self.opaque_state.unwrap_or_default(),
            counted: self.counted_kinds.into_iter().zip(self.counted_keys).collect(),
        })
    }
}

/// Removes and returns OPAQUE's state: there is no second attempt with it.
pub(crate) async fn take_sign_in_state(
    tx: &mut PreAuthTx,
    id: SignInId,
    now: i64,
) -> Result<SignIn, ApiError> {
    let row: SignInRow = sqlx::query_as(
        "WITH taken AS (
             SELECT * FROM app.pending_sign_in
             WHERE sign_in_id = $1 AND expires_at > $2 AND opaque_state IS NOT NULL FOR UPDATE
         ), emptied AS (
             UPDATE app.pending_sign_in SET opaque_state = NULL WHERE sign_in_id IN (SELECT sign_in_id FROM taken)
         )
         SELECT account_id, known, region, device_id, device_name, signing_key, sealing_key, opaque_state,
                counted_kinds, counted_keys
         FROM taken",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?
    .ok_or(ErrorCode::SignInExpired)?;
    row.read()
}

/// Records that the password was proven; the second factor must follow within five minutes.
pub(crate) async fn password_proven(tx: &mut PreAuthTx, id: SignInId, now: i64) -> Result<(), ApiError> {
    sqlx::query("UPDATE app.pending_sign_in SET password_ok = true, expires_at = $2 WHERE sign_in_id = $1")
        .bind(id.0)
        .bind(at(now + SECOND_FACTOR_SECS))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A sign-in that is waiting for its second factor, locked.
pub(crate) async fn awaiting_second_factor(
    tx: &mut PreAuthTx,
    id: SignInId,
    now: i64,
) -> Result<SignIn, ApiError> {
    let row: SignInRow = sqlx::query_as(
        "SELECT account_id, known, region, device_id, device_name, signing_key, sealing_key, opaque_state,
                counted_kinds, counted_keys
         FROM app.pending_sign_in
         WHERE sign_in_id = $1 AND expires_at > $2 AND password_ok AND known FOR UPDATE",
    )
    .bind(id.0)
    .bind(at(now))
    .fetch_optional(tx.conn())
    .await?
    .ok_or(ErrorCode::SignInExpired)?;
    row.read()
}

/// Stores the new second factor until its first code arrives, for five minutes.
pub(crate) async fn set_new_totp(
    tx: &mut PreAuthTx,
    id: SignInId,
    sealed: &[u8],
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query("UPDATE app.pending_sign_in SET new_totp = $2, expires_at = $3 WHERE sign_in_id = $1")
        .bind(id.0)
        .bind(sealed)
        .bind(at(now + SECOND_FACTOR_SECS))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The sign-in that replaces a second factor, locked, and the new factor.
pub(crate) async fn new_totp(
    tx: &mut PreAuthTx,
    id: SignInId,
    now: i64,
) -> Result<(SignIn, Vec<u8>), ApiError> {
    let sign_in = awaiting_second_factor(tx, id, now).await?;
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT new_totp FROM app.pending_sign_in WHERE sign_in_id = $1")
            .bind(id.0)
            .fetch_one(tx.conn())
            .await?;
    Ok((sign_in, sealed.ok_or(ErrorCode::SignInExpired)?))
}

pub(crate) async fn end_sign_in(tx: &mut PreAuthTx, id: SignInId) -> Result<(), ApiError> {
    sqlx::query("DELETE FROM app.pending_sign_in WHERE sign_in_id = $1")
        .bind(id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}
