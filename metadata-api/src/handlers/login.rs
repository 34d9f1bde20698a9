//! Sign-in: password via OPAQUE, then the second factor, then tokens. Unknown addresses get the same responses as known
//! ones.

use std::time::Duration;

use api_types::{
    AccountId, DeviceId, ErrorCode, LoginId, Problem, Region,
    account::{LoginFinish, LoginMfa, LoginStart, LoginStarted, SecondFactor, Session},
};
use axum::{Json, extract::State, http::StatusCode};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    admission::{self, Attempt},
    session::{self, NewSession},
};
use crate::{
    auth::{
        PreAuth,
        mfa::{self, Outcome},
        opaque,
    },
    db::{
        account, audit, device, failed_sign_in,
        pending::{self, Login},
        pre_auth::PreAuthTx,
        rate_limit,
    },
    domain::device::CheckedDevice,
    error::ApiError,
    keys::SealKind,
    state::AppState,
};

/// Minimum response time for a password proof.
const ANSWER_FLOOR: Duration = Duration::from_millis(50);

/// Begins a sign-in.
#[utoipa::path(post, path = "/v1/login/start", operation_id = "start_sign_in", tag = "login", request_body = LoginStart,
    responses((status = 200, body = LoginStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(state): State<AppState>,
    PreAuth { body, network, nonce }: PreAuth<LoginStart>,
) -> Result<Json<LoginStarted>, ApiError> {
    let now = state.clock().now();
    let email = session::normal_email(&body.email)?;
    let device = CheckedDevice::check(&body.device)?;
    let ke1 = opaque::ke1(&body.ke1.0)?;
    let found = account::find(state.db(), &email).await?;
    let (stand_in, stand_in_region) = stand_in(&state, &email)?;
    let (account_id, region, record) = match found {
        Some(found) => (found.account, found.region, Some(found.opaque_record)),
        None => (stand_in, stand_in_region, None),
    };
    let attempt = Attempt { email: &email, network, device: &device, puzzle: body.puzzle.as_ref() };
    let counted = admission::sign_in(&state, &attempt, account_id, now).await?;
    nonce.use_up(&state).await?;
    let (ke2, login_state) = opaque::start(state.keys(), account_id, region, record.as_deref(), ke1)?;
    let login_id = LoginId(Uuid::new_v4());
    let login = Login {
        account: account_id,
        known: record.is_some(),
        region,
        device,
        opaque_state: state.keys().seal(SealKind::Login, login_id.as_bytes(), &login_state)?,
        counted,
    };
    pending::start_login(state.db(), login_id, &login, now).await?;
    Ok(Json(LoginStarted { login_id, account_id, region, ke2: ke2.into() }))
}

/// The account and region reported for an address without an account; always the same.
fn stand_in(state: &AppState, email: &str) -> Result<(AccountId, Region), ApiError> {
    let hash = state.keys().unknown_account(email);
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    let account = AccountId(uuid::Builder::from_random_bytes(id).into_uuid());
    let regions: Vec<Region> = state.stores().regions().collect();
    let index = usize::from(hash[16]) % regions.len().max(1);
    let region = regions.get(index).copied().ok_or(ErrorCode::RegionUnavailable)?;
    Ok((account, region))
}

/// Verifies the password; 204: a 6-digit code is required next.
#[utoipa::path(post, path = "/v1/login/finish", operation_id = "finish_sign_in", tag = "login", request_body = LoginFinish,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn finish(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<LoginFinish>,
) -> Result<StatusCode, ApiError> {
    // Whether the account exists and the proof is right or not, the work is the same and the response takes at least
    // this long.
    let answer_at = Instant::now() + ANSWER_FLOOR;
    let proven = prove_password(&state, &body).await;
    tokio::time::sleep_until(answer_at).await;
    proven.map(|()| StatusCode::NO_CONTENT)
}

async fn prove_password(state: &AppState, body: &LoginFinish) -> Result<(), ApiError> {
    let now = state.clock().now();
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let login = pending::take_login_state(&mut tx, body.login_id, now).await?;
    let opened = state.keys().open(SealKind::Login, body.login_id.as_bytes(), &login.opaque_state)?;
    let proven = opaque::finish(login.account, login.region, &opened, &body.ke3.0)
        .and_then(|()| if login.known { Ok(()) } else { Err(ErrorCode::LoginFailed.into()) });
    match &proven {
        Ok(()) => {
            rate_limit::give_back(&mut tx, &login.counted).await?;
            pending::password_proven(&mut tx, body.login_id, now).await?;
        }
        // One row for any address; a job moves them into the trails of their accounts, as one entry with their number.
        Err(_) => failed_sign_in::note(&mut tx, login.account, &login.device, now).await?,
    }
    tx.commit().await?;
    proven
}

/// Verifies the code and signs the device in.
#[utoipa::path(post, path = "/v1/login/mfa", tag = "login", request_body = LoginMfa,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
pub async fn mfa(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<LoginMfa>,
) -> Result<Json<Session>, ApiError> {
    let now = state.clock().now();
    let mut proven = prove(&state, body.login_id, &body.factor, now).await?;
    mfa::close(&mut proven.tx, body.login_id).await?;
    let session = proven.open_session(&state, now).await?;
    let details = [("amr", proven.amr.to_owned()), ("session", session.session_id.to_string())];
    proven.finish("login", &details, now).await?;
    Ok(Json(session))
}

/// An unproven device id with the key that signed: an event is not attributed to a device on its own claim.
pub(crate) fn claimed(device: DeviceId, signing_key: &[u8; 32]) -> [(&'static str, String); 2] {
    let key = Sha256::digest(signing_key);
    [("claimed_device", device.to_string()), ("key", hex::encode(key))]
}

/// A caller with proven password and second factor, in the transaction that accepted the factor.
pub(super) struct Proven {
    pub(super) tx: PreAuthTx,
    pub(super) login: Login,
    amr: &'static str,
}

/// Proves the second factor of a sign-in whose password was proven, on a device that is not revoked.
pub(super) async fn prove(
    state: &AppState,
    login_id: LoginId,
    factor: &SecondFactor,
    now: i64,
) -> Result<Proven, ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let login = pending::awaiting_second_factor(&mut tx, login_id, now).await?;
    let amr = match mfa::prove(state.keys(), &mut tx, &login, factor, now).await? {
        Outcome::Proven(amr) => amr,
        Outcome::Refused { retry_after, locks } => {
            let claimed = claimed(login.device.id, &login.device.signing_key);
            // Attempts during a lock are not recorded: whoever makes them could choose their number.
            if retry_after.is_none() {
                audit::record_account(&mut tx, login.account, None, now, "second_factor_failed", &claimed)
                    .await?;
            }
            if locks {
                audit::record_account(&mut tx, login.account, None, now, "second_factor_locked", &claimed)
                    .await?;
            }
            tx.commit().await?;
            return Err(mfa::refusal(retry_after));
        }
    };
    if let Err(refused) = device::register(&mut tx, login.account, &login.device, now).await {
        // Code and sign-in are used up even if this fails.
        mfa::close(&mut tx, login_id).await?;
        tx.commit().await?;
        return Err(refused);
    }
    Ok(Proven { tx, login, amr })
}

impl Proven {
    pub(super) async fn open_session(&mut self, state: &AppState, now: i64) -> Result<Session, ApiError> {
        let new = NewSession {
            account: self.login.account,
            region: self.login.region,
            device: self.login.device.id,
            signing_key: &self.login.device.signing_key,
            amr: self.amr,
        };
        session::open(state, &mut self.tx, &new, now).await
    }

    /// Records the action and commits.
    pub(super) async fn finish(
        mut self,
        action: &'static str,
        details: audit::Details<'_>,
        now: i64,
    ) -> Result<(), ApiError> {
        let device = Some(self.login.device.id);
        audit::record_account(&mut self.tx, self.login.account, device, now, action, details).await?;
        Ok(self.tx.commit().await?)
    }
}
