//! Sign-in: password via OPAQUE, then the second factor, then tokens. Unknown addresses get the same responses as known
//! ones.

use std::time::Duration;

use api_types::{
    AccountId, ErrorCode, Problem, Region, SignInId,
    account::{Session, SignInFinish, SignInSecondFactor, SignInStart, SignInStarted},
};
use axum::{Json, extract::State, http::StatusCode};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    auth::PreAuth,
    db::{
        account, failed_sign_in,
        pending::{self, SignIn},
        pre_auth::PreAuthTx,
        rate_limit,
    },
    domain::device::CheckedDevice,
    error::ApiError,
    identity::{
        admission::{self, Attempt},
        opaque,
        proof::prove,
        second_factor, session,
    },
    keys::SealKind,
    state::AppState,
};

/// Minimum response time for a password proof.
const RESPONSE_FLOOR: Duration = Duration::from_millis(50);

/// Begins a sign-in.
#[utoipa::path(post, path = "/v1/sign-in/start", operation_id = "start_sign_in", tag = "sign-in", request_body = SignInStart,
    responses((status = 200, body = SignInStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(state): State<AppState>,
    PreAuth { body, network, nonce }: PreAuth<SignInStart>,
) -> Result<Json<SignInStarted>, ApiError> {
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
    let (ke2, opaque_state) = opaque::start(state.keys(), account_id, region, record.as_deref(), ke1)?;
    let sign_in_id = SignInId(Uuid::new_v4());
    let sign_in = SignIn {
        account: account_id,
        known: record.is_some(),
        region,
        device,
        opaque_state: state.keys().seal(SealKind::SignIn, sign_in_id.as_bytes(), &opaque_state)?,
        counted,
    };
    pending::start_sign_in(state.db(), sign_in_id, &sign_in, now).await?;
    Ok(Json(SignInStarted { sign_in_id, account_id, region, ke2: ke2.into() }))
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
#[utoipa::path(post, path = "/v1/sign-in/finish", operation_id = "finish_sign_in", tag = "sign-in", request_body = SignInFinish,
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn finish(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<SignInFinish>,
) -> Result<StatusCode, ApiError> {
    // Whether the account exists and the proof is right or not, the work is the same and the response takes at least
    // this long.
    let respond_at = Instant::now() + RESPONSE_FLOOR;
    let proven = prove_password(&state, &body).await;
    tokio::time::sleep_until(respond_at).await;
    proven.map(|()| StatusCode::NO_CONTENT)
}

async fn prove_password(state: &AppState, body: &SignInFinish) -> Result<(), ApiError> {
    let now = state.clock().now();
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let sign_in = pending::take_sign_in_state(&mut tx, body.sign_in_id, now).await?;
    let opened = state.keys().open(SealKind::SignIn, body.sign_in_id.as_bytes(), &sign_in.opaque_state)?;
    let proven = opaque::finish(sign_in.account, sign_in.region, &opened, &body.ke3.0)
        .and_then(|()| if sign_in.known { Ok(()) } else { Err(ErrorCode::SignInFailed.into()) });
    match &proven {
        Ok(()) => {
            rate_limit::give_back(&mut tx, &sign_in.counted).await?;
            pending::password_proven(&mut tx, body.sign_in_id, now).await?;
        }
        // One row for any address; a job moves them into the trails of their accounts, as one entry with their number.
        Err(_) => failed_sign_in::record(&mut tx, sign_in.account, &sign_in.device, now).await?,
    }
    tx.commit().await?;
    proven
}

/// Verifies the code and signs the device in.
#[utoipa::path(post, path = "/v1/sign-in/second-factor", tag = "sign-in", request_body = SignInSecondFactor,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
pub async fn second_factor(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<SignInSecondFactor>,
) -> Result<Json<Session>, ApiError> {
    let now = state.clock().now();
    let mut proven = prove(&state, body.sign_in_id, &body.second_factor, now).await?;
    second_factor::close(&mut proven.tx, body.sign_in_id).await?;
    let session = proven.open_session(&state, now).await?;
    let details = [("amr", proven.amr.to_owned()), ("session", session.session_id.to_string())];
    proven.finish("signed_in", &details, now).await?;
    Ok(Json(session))
}
