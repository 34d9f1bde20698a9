//! Sessions and their refresh tokens.

use api_types::{AccountId, DeviceId, ErrorCode, Region, SessionId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Db, at, corrupt, pre_auth::PreAuthTx, tenant_tx::set_scope};
use crate::{
    domain::{
        caller::{Caller, Signed},
        device::Signer,
    },
    error::ApiError,
};

/// Maximum lifetime of a session, seconds.
pub(crate) const SESSION_SECS: i64 = 90 * 86_400;
/// Maximum idle time of a refresh token, seconds.
pub(crate) const IDLE_SECS: i64 = 30 * 86_400;

/// Maximum sessions kept per account, whatever their state.
const KEPT: i64 = 200;
/// Maximum refresh tokens kept per session, so that reuse of a stolen one is noticed.
const TOKENS_KEPT: i64 = 1_000;

/// The state of a session; read on every request.
pub(crate) struct SessionState {
    pub(crate) device: DeviceId,
    pub(crate) signing_key: [u8; 32],
    pub(crate) region: Region,
    pub(crate) device_revoked: bool,
    pub(crate) session_revoked: bool,
    pub(crate) session_expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct StateRow {
    device_id: Uuid,
    signing_key: Vec<u8>,
    region: String,
    device_revoked: bool,
    session_revoked: bool,
    session_expires_at: i64,
}

/// `None` if there is no such session.
pub(crate) async fn state(
    db: &Db,
    account: AccountId,
    session: SessionId,
) -> Result<Option<SessionState>, ApiError> {
    let mut tx = db.pool.begin().await?;
    set_scope(&mut tx, account, None, None).await?;
    let row: Option<StateRow> = sqlx::query_as(
        "SELECT s.device_id, d.signing_key, a.region, d.revoked_at IS NOT NULL AS device_revoked,
                s.revoked_at IS NOT NULL AS session_revoked,
                EXTRACT(EPOCH FROM s.expires_at)::bigint AS session_expires_at
         FROM app.session s JOIN app.device d USING (account_id, device_id) JOIN app.account a USING (account_id)
         WHERE s.account_id = $1 AND s.session_id = $2",
    )
    .bind(account.0)
    .bind(session.0)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    row.map(|row| {
        Ok(SessionState {
            device: DeviceId(row.device_id),
            signing_key: row.signing_key.try_into().map_err(|_| corrupt("device.signing_key"))?,
            region: row.region.parse().map_err(|_| corrupt("account.region"))?,
            device_revoked: row.device_revoked,
            session_revoked: row.session_revoked,
            session_expires_at: row.session_expires_at,
        })
    })
    .transpose()
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Creates a session and its first refresh token.
pub(crate) async fn open(
    tx: &mut PreAuthTx,
    account: AccountId,
    session: SessionId,
    device: DeviceId,
    amr: &'static str,
    refresh_token: &[u8; 32],
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    sqlx::query(
        "INSERT INTO app.session (account_id, session_id, device_id, amr, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(account.0)
    .bind(session.0)
    .bind(device.0)
    .bind(amr)
    .bind(at(now))
    .bind(at(now + SESSION_SECS))
    .execute(tx.conn())
    .await?;
    delete_old(tx, account, now).await?;
    add_refresh_token(tx, account, session, refresh_token, now).await
}

/// Deletes expired sessions and all but the newest, so that nobody can fill the table by signing in.
async fn delete_old(tx: &mut PreAuthTx, account: AccountId, now: i64) -> Result<(), ApiError> {
    sqlx::query(
        "DELETE FROM app.session WHERE account_id = $1 AND (expires_at <= $2 OR session_id IN
            (SELECT session_id FROM app.session WHERE account_id = $1
             ORDER BY created_at DESC, session_id OFFSET $3))",
    )
    .bind(account.0)
    .bind(at(now))
    .bind(KEPT)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(crate) async fn add_refresh_token(
    tx: &mut PreAuthTx,
    account: AccountId,
    session: SessionId,
    refresh_token: &[u8; 32],
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "INSERT INTO app.refresh_token (account_id, session_id, token_hash, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(account.0)
    .bind(session.0)
    .bind(hash(refresh_token).as_slice())
    .bind(at(now))
    .bind(at(now + IDLE_SECS))
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "DELETE FROM app.refresh_token WHERE account_id = $1 AND session_id = $2
         AND consumed_at IS NOT NULL AND (expires_at <= $3 OR token_hash IN
            (SELECT token_hash FROM app.refresh_token WHERE account_id = $1 AND session_id = $2
             ORDER BY issued_at DESC, token_hash OFFSET $4))",
    )
    .bind(account.0)
    .bind(session.0)
    .bind(at(now))
    .bind(TOKENS_KEPT)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends every session of an account.
pub(crate) async fn revoke_all(
    tx: &mut PreAuthTx,
    account: AccountId,
    reason: &'static str,
    now: i64,
) -> Result<(), ApiError> {
    tx.set_account(account, None).await?;
    sqlx::query(
        "UPDATE app.session SET revoked_at = $2, revoke_reason = $3 WHERE account_id = $1 AND revoked_at IS NULL",
    )
    .bind(account.0)
    .bind(at(now))
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The key that must sign a refresh.
pub(crate) async fn refresh_signer(db: &Db, token: &[u8; 32]) -> Result<Signer, ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    let (account, session) = refresh_owner(&mut tx, token).await?.ok_or(ErrorCode::RefreshInvalid)?;
    tx.set_account(account, None).await?;
    let (device, key): (Uuid, Vec<u8>) = sqlx::query_as(
        "SELECT d.device_id, d.signing_key FROM app.session s JOIN app.device d USING (account_id, device_id)
         WHERE s.account_id = $1 AND s.session_id = $2",
    )
    .bind(account.0)
    .bind(session.0)
    .fetch_one(tx.conn())
    .await?;
    Ok(Signer { device: DeviceId(device), key: key.try_into().map_err(|_| corrupt("device.signing_key"))? })
}

async fn refresh_owner(
    tx: &mut PreAuthTx,
    token: &[u8; 32],
) -> Result<Option<(AccountId, SessionId)>, ApiError> {
    let row: Option<(Uuid, Uuid)> =
        sqlx::query_as("SELECT account_id, session_id FROM app.refresh_token WHERE token_hash = $1")
            .bind(hash(token).as_slice())
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.map(|(account, session)| (AccountId(account), SessionId(session))))
}

/// A refresh token and its session, both locked.
pub(crate) struct Refreshable {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) device: DeviceId,
    pub(crate) signing_key: [u8; 32],
    pub(crate) region: Region,
    pub(crate) amr: String,
    pub(crate) session_revoked: bool,
    pub(crate) device_revoked: bool,
    /// Seconds since 1970; the earlier of the session's and the token's expiry.
    pub(crate) expires_at: i64,
    pub(crate) consumed_at: Option<i64>,
    pub(crate) attempt_hash: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    device_id: Uuid,
    signing_key: Vec<u8>,
    region: String,
    amr: String,
    session_revoked: bool,
    device_revoked: bool,
    expires_at: i64,
    consumed_at: Option<i64>,
    attempt_hash: Option<Vec<u8>>,
}

pub(crate) async fn lock_refresh(tx: &mut PreAuthTx, token: &[u8; 32]) -> Result<Refreshable, ApiError> {
    let (account, session) = refresh_owner(tx, token).await?.ok_or(ErrorCode::RefreshInvalid)?;
    tx.set_account(account, None).await?;
    // Locks the whole family, so that concurrent refreshes run one at a time.
    sqlx::query("SELECT 1 FROM app.session WHERE account_id = $1 AND session_id = $2 FOR UPDATE")
        .bind(account.0)
        .bind(session.0)
        .execute(tx.conn())
        .await?;
    let row: RefreshRow = sqlx::query_as(
        "SELECT s.device_id, d.signing_key, a.region, s.amr, s.revoked_at IS NOT NULL AS session_revoked,
                d.revoked_at IS NOT NULL AS device_revoked,
                EXTRACT(EPOCH FROM LEAST(s.expires_at, r.expires_at))::bigint AS expires_at,
                EXTRACT(EPOCH FROM r.consumed_at)::bigint AS consumed_at, r.attempt_hash
         FROM app.refresh_token r JOIN app.session s USING (account_id, session_id)
         JOIN app.device d USING (account_id, device_id) JOIN app.account a USING (account_id)
         WHERE r.account_id = $1 AND r.session_id = $2 AND r.token_hash = $3",
    )
    .bind(account.0)
    .bind(session.0)
    .bind(hash(token).as_slice())
    .fetch_one(tx.conn())
    .await?;
    Ok(Refreshable {
        account,
        session,
        device: DeviceId(row.device_id),
        signing_key: row.signing_key.try_into().map_err(|_| corrupt("device.signing_key"))?,
        region: row.region.parse().map_err(|_| corrupt("account.region"))?,
        amr: row.amr,
        session_revoked: row.session_revoked,
        device_revoked: row.device_revoked,
        expires_at: row.expires_at,
        consumed_at: row.consumed_at,
        attempt_hash: row.attempt_hash,
    })
}

pub(crate) async fn consume(
    tx: &mut PreAuthTx,
    of: &Refreshable,
    token: &[u8; 32],
    attempt: &[u8; 16],
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "UPDATE app.refresh_token SET consumed_at = $4, attempt_hash = $5
         WHERE account_id = $1 AND session_id = $2 AND token_hash = $3 AND consumed_at IS NULL",
    )
    .bind(of.account.0)
    .bind(of.session.0)
    .bind(hash(token).as_slice())
    .bind(at(now))
    .bind(hash(attempt).as_slice())
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl Refreshable {
    /// Whether this is the attempt that used the token up, asking again because the response was lost.
    pub(crate) fn repeats(&self, attempt: &[u8; 16], within: i64, now: i64) -> bool {
        self.consumed_at.is_some_and(|at| now - at <= within)
            && self.attempt_hash.as_deref() == Some(hash(attempt).as_slice())
    }
}

/// Ends the family: the session that the token belongs to.
pub(crate) async fn revoke_family(
    tx: &mut PreAuthTx,
    of: &Refreshable,
    reason: &'static str,
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query(
        "UPDATE app.session SET revoked_at = $3, revoke_reason = $4
         WHERE account_id = $1 AND session_id = $2 AND revoked_at IS NULL",
    )
    .bind(of.account.0)
    .bind(of.session.0)
    .bind(at(now))
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the caller's own session.
pub(crate) async fn sign_out(db: &Db, caller: &Caller<Signed>, now: i64) -> Result<(), ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    super::audit::record_account(&mut tx, caller.account, Some(caller.device), now, "signed_out", &[])
        .await?;
    sqlx::query(
        "UPDATE app.session SET revoked_at = $3, revoke_reason = 'sign_out'
         WHERE account_id = $1 AND session_id = $2 AND revoked_at IS NULL",
    )
    .bind(caller.account.0)
    .bind(caller.session.0)
    .bind(at(now))
    .execute(tx.conn())
    .await?;
    Ok(tx.commit().await?)
}
