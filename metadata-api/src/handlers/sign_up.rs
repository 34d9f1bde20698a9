//! Sign-up: password record, second factor, and only then an account. Known and unknown addresses get the same
//! responses until a second-factor code is proven.

use api_types::{
    AccountId, ErrorCode, Problem, SignUpId, VaultId,
    account::{SignUpConfirm, SignUpConfirmed, SignUpFinish, SignUpFinished, SignUpStart, SignUpStarted},
};
use axum::{Json, extract::State};
use uuid::Uuid;

use crate::{
    auth::PreAuth,
    db::{
        account::{self, NewSecondFactor},
        audit, device, pending,
        pre_auth::PreAuthTx,
    },
    domain::device::CheckedDevice,
    error::ApiError,
    identity::{
        admission::{self, Attempt},
        opaque, second_factor,
        session::{self, NewSession},
    },
    state::AppState,
};

/// Begins a sign-up.
#[utoipa::path(post, path = "/v1/sign-up/start", operation_id = "start_sign_up", tag = "sign-up", request_body = SignUpStart,
    responses((status = 200, body = SignUpStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(state): State<AppState>,
    PreAuth { body, network, nonce }: PreAuth<SignUpStart>,
) -> Result<Json<SignUpStarted>, ApiError> {
    let now = state.clock().now();
    let email = session::normal_email(&body.email)?;
    if state.stores().get(body.region).is_none() {
        return Err(ErrorCode::RegionUnavailable.into());
    }
    let device = CheckedDevice::check(&body.device)?;
    let account_id = AccountId(Uuid::new_v4());
    let sign_up_id = SignUpId(Uuid::new_v4());
    let response = opaque::register(state.keys(), account_id, body.region, &body.registration_request.0)?;
    let attempt = Attempt { email: &email, network, device: &device, puzzle: body.puzzle.as_ref() };
    admission::sign_up(&state, &attempt, now).await?;
    nonce.use_up(&state).await?;
    pending::start_sign_up(state.db(), sign_up_id, account_id, &email, body.region, &device, now).await?;
    Ok(Json(SignUpStarted { sign_up_id, account_id, registration_response: response.into() }))
}

/// Stores the password record and creates the authenticator's key.
#[utoipa::path(post, path = "/v1/sign-up/finish", operation_id = "finish_sign_up", tag = "sign-up", request_body = SignUpFinish,
    responses((status = 200, body = SignUpFinished), (status = "default", body = Problem)))]
pub async fn finish(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<SignUpFinish>,
) -> Result<Json<SignUpFinished>, ApiError> {
    let now = state.clock().now();
    let record = opaque::record(&body.registration_upload.0)?;
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let (account, email) = pending::unfinished_sign_up(&mut tx, body.sign_up_id, now).await?;
    let (sealed, otpauth_url) = second_factor::enroll(state.keys(), account, &email)?;
    pending::finish_sign_up(&mut tx, body.sign_up_id, &record, &sealed, now).await?;
    tx.commit().await?;
    Ok(Json(SignUpFinished { otpauth_url }))
}

/// Verifies the code, creates the account, and signs in its first device.
#[utoipa::path(post, path = "/v1/sign-up/confirm", operation_id = "confirm_sign_up", tag = "sign-up", request_body = SignUpConfirm,
    responses((status = 200, body = SignUpConfirmed), (status = "default", body = Problem)))]
pub async fn confirm(
    State(state): State<AppState>,
    PreAuth { body, network, .. }: PreAuth<SignUpConfirm>,
) -> Result<Json<SignUpConfirmed>, ApiError> {
    let now = state.clock().now();
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let sign_up = pending::finished_sign_up(&mut tx, body.sign_up_id, now).await?;
    if sign_up.failures >= second_factor::MAX_FAILURES {
        return Err(ErrorCode::SignUpExpired.into());
    }
    let step =
        second_factor::matching_step(state.keys(), sign_up.account, &sign_up.totp_secret, &body.code, now)?;
    let Some(used_step) = step else {
        pending::count_sign_up_failure(&mut tx, body.sign_up_id).await?;
        tx.commit().await?;
        return Err(ErrorCode::SecondFactorFailed.into());
    };
    admission::account(&state, &mut tx, network, now).await?;
    let codes = second_factor::fresh_codes(&state).await?;
    let second_factor = NewSecondFactor { sealed_secret: &sign_up.totp_secret, used_step, codes: &codes };
    pending::end_sign_up(&mut tx, body.sign_up_id).await?;
    account::create(&mut tx, &sign_up, VaultId(Uuid::new_v4()), &second_factor, now).await?;
    device::register(&mut tx, sign_up.account, &sign_up.device, now).await?;
    let session = session::open(
        &state,
        &mut tx,
        &NewSession {
            account: sign_up.account,
            region: sign_up.region,
            device: sign_up.device.id,
            signing_key: &sign_up.device.signing_key,
            amr: "pwd+otp",
        },
        now,
    )
    .await?;
    audit::record_account(&mut tx, sign_up.account, Some(sign_up.device.id), now, "account_created", &[])
        .await?;
    tx.commit().await?;
    Ok(Json(SignUpConfirmed { recovery_codes: codes.texts, session }))
}
