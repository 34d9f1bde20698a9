//! Sign-up: password record, second factor, and only then an account. Known and unknown addresses get the same
//! responses until a second-factor code is proven.

use api_types::{
    AccountId, ErrorCode, Problem, SignupId, VaultId,
    account::{SignupConfirm, SignupConfirmed, SignupFinish, SignupFinished, SignupStart, SignupStarted},
};
use axum::{Json, extract::State};
use uuid::Uuid;

use super::{
    admission::{self, Attempt},
    session::{self, NewSession},
};
use crate::{
    auth::{PreAuth, mfa, opaque},
    db::{
        account::{self, NewFactor},
        audit, device, pending,
        pre_auth::PreAuthTx,
    },
    domain::device::CheckedDevice,
    error::ApiError,
    state::AppState,
};

/// Begins a sign-up.
#[utoipa::path(post, path = "/v1/signup/start", operation_id = "start_sign_up", tag = "signup", request_body = SignupStart,
    responses((status = 200, body = SignupStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(state): State<AppState>,
    PreAuth { body, network, nonce }: PreAuth<SignupStart>,
) -> Result<Json<SignupStarted>, ApiError> {
    let now = state.clock().now();
    let email = session::normal_email(&body.email)?;
    if state.stores().get(body.region).is_none() {
        return Err(ErrorCode::RegionUnavailable.into());
    }
    let device = CheckedDevice::check(&body.device)?;
    let account_id = AccountId(Uuid::new_v4());
    let signup_id = SignupId(Uuid::new_v4());
    let response = opaque::register(state.keys(), account_id, body.region, &body.registration_request.0)?;
    let attempt = Attempt { email: &email, network, device: &device, puzzle: body.puzzle.as_ref() };
    admission::sign_up(&state, &attempt, now).await?;
    nonce.use_up(&state).await?;
    pending::start_signup(state.db(), signup_id, account_id, &email, body.region, &device, now).await?;
    Ok(Json(SignupStarted { signup_id, account_id, registration_response: response.into() }))
}

/// Stores the password record and creates the authenticator's key.
#[utoipa::path(post, path = "/v1/signup/finish", operation_id = "finish_sign_up", tag = "signup", request_body = SignupFinish,
    responses((status = 200, body = SignupFinished), (status = "default", body = Problem)))]
pub async fn finish(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<SignupFinish>,
) -> Result<Json<SignupFinished>, ApiError> {
    let now = state.clock().now();
    let record = opaque::record(&body.registration_upload.0)?;
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let (account, email) = pending::unfinished_signup(&mut tx, body.signup_id, now).await?;
    let (sealed, otpauth_url) = mfa::enroll(state.keys(), account, &email)?;
    pending::finish_signup(&mut tx, body.signup_id, &record, &sealed, now).await?;
    tx.commit().await?;
    Ok(Json(SignupFinished { otpauth_url }))
}

/// Verifies the code, creates the account, and signs in its first device.
#[utoipa::path(post, path = "/v1/signup/confirm", operation_id = "confirm_sign_up", tag = "signup", request_body = SignupConfirm,
    responses((status = 200, body = SignupConfirmed), (status = "default", body = Problem)))]
pub async fn confirm(
    State(state): State<AppState>,
    PreAuth { body, network, .. }: PreAuth<SignupConfirm>,
) -> Result<Json<SignupConfirmed>, ApiError> {
    let now = state.clock().now();
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let signup = pending::finished_signup(&mut tx, body.signup_id, now).await?;
    if signup.failures >= mfa::MAX_FAILURES {
        return Err(ErrorCode::SignupExpired.into());
    }
    let step = mfa::matching_step(state.keys(), signup.account, &signup.totp_secret, &body.code, now)?;
    let Some(used_step) = step else {
        pending::count_signup_failure(&mut tx, body.signup_id).await?;
        tx.commit().await?;
        return Err(ErrorCode::MfaFailed.into());
    };
    admission::account(&state, &mut tx, network, now).await?;
    let codes = mfa::fresh_codes(&state).await?;
    let factor = NewFactor { sealed_secret: &signup.totp_secret, used_step, codes: &codes };
    pending::end_signup(&mut tx, body.signup_id).await?;
    account::create(&mut tx, &signup, VaultId(Uuid::new_v4()), &factor, now).await?;
    device::register(&mut tx, signup.account, &signup.device, now).await?;
    let session = session::open(
        &state,
        &mut tx,
        &NewSession {
            account: signup.account,
            region: signup.region,
            device: signup.device.id,
            signing_key: &signup.device.signing_key,
            amr: "pwd+otp",
        },
        now,
    )
    .await?;
    audit::record_account(&mut tx, signup.account, Some(signup.device.id), now, "account_created", &[])
        .await?;
    tx.commit().await?;
    Ok(Json(SignupConfirmed { recovery_codes: codes.texts, session }))
}
