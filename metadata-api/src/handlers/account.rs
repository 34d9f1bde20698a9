//! Changes to how a user signs in. Each is a complete sign-in whose last step makes the change instead of opening a
//! session, so a stolen session or an unlocked laptop is not enough.

use std::collections::BTreeSet;

use api_types::{
    ErrorCode, Problem, VaultId,
    account::{
        AuthenticatorConfirm, AuthenticatorStart, AuthenticatorStarted, PasswordFinish, PasswordStart,
        PasswordStarted, RenewCodes, RenewedCodes, Session,
    },
};
use axum::{Json, extract::State, http::StatusCode};

use crate::{
    auth::PreAuth,
    db::{account, audit, key, pending, pre_auth::PreAuthTx, session, vault},
    domain::wrap::check_size,
    error::ApiError,
    identity::{
        opaque,
        proof::prove,
        second_factor::{self, close},
    },
    state::AppState,
};

/// Responds to the OPAQUE registration of a new password.
#[utoipa::path(post, path = "/v1/account/password/start", tag = "account", request_body = PasswordStart,
    responses((status = 200, body = PasswordStarted), (status = "default", body = Problem)))]
pub async fn password_start(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<PasswordStart>,
) -> Result<Json<PasswordStarted>, ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let sign_in = pending::awaiting_second_factor(&mut tx, body.sign_in_id, state.clock().now()).await?;
    let response =
        opaque::register(state.keys(), sign_in.account, sign_in.region, &body.registration_request.0)?;
    Ok(Json(PasswordStarted { registration_response: response.into() }))
}

/// Replaces the password record, adds the vaults' new wraps, and ends all sessions except the new one in the response.
#[utoipa::path(post, path = "/v1/account/password/finish", tag = "account", request_body = PasswordFinish,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
pub async fn password_finish(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<PasswordFinish>,
) -> Result<Json<Session>, ApiError> {
    let now = state.clock().now();
    let record = opaque::record(&body.registration_upload.0)?;
    for wrap in &body.wraps {
        check_size(&wrap.wrapped.bytes)?;
    }
    let mut proven = prove(&state, body.sign_in_id, &body.second_factor, now).await?;
    let account = proven.sign_in.account;
    // All of them: a vault left out could not be opened with the new password.
    let ready = vault::of_account(&mut proven.tx, account).await?.into_iter().filter(|vault| vault.ready);
    let ready: BTreeSet<VaultId> = ready.map(|vault| vault.vault).collect();
    let given: BTreeSet<VaultId> = body.wraps.iter().map(|wrap| wrap.vault_id).collect();
    if ready != given || body.wraps.len() != given.len() {
        return Err(ErrorCode::ContentInvalid.into());
    }
    for wrap in &body.wraps {
        key::add_password(&mut proven.tx, account, wrap.vault_id, &wrap.wrapped, now).await?;
    }
    account::replace_record(&mut proven.tx, account, &record, now).await?;
    session::revoke_all(&mut proven.tx, account, "password_changed", now).await?;
    close(&mut proven.tx, body.sign_in_id).await?;
    let session = proven.open_session(&state, now).await?;
    proven.finish("password_changed", &[("session", session.session_id.to_string())], now).await?;
    Ok(Json(session))
}

/// Replaces all recovery codes.
#[utoipa::path(post, path = "/v1/account/recovery-codes", tag = "account", request_body = RenewCodes,
    responses((status = 200, body = RenewedCodes), (status = "default", body = Problem)))]
pub async fn recovery_codes(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<RenewCodes>,
) -> Result<Json<RenewedCodes>, ApiError> {
    let now = state.clock().now();
    let mut proven = prove(&state, body.sign_in_id, &body.second_factor, now).await?;
    let codes = second_factor::fresh_codes(&state).await?;
    account::replace_codes(&mut proven.tx, proven.sign_in.account, &codes, now).await?;
    close(&mut proven.tx, body.sign_in_id).await?;
    proven.finish("recovery_codes_renewed", &[], now).await?;
    Ok(Json(RenewedCodes { recovery_codes: codes.texts }))
}

/// Creates the key of a new authenticator; the current one stays valid until the new one is confirmed.
#[utoipa::path(post, path = "/v1/account/authenticator/start", tag = "account", request_body = AuthenticatorStart,
    responses((status = 200, body = AuthenticatorStarted), (status = "default", body = Problem)))]
pub async fn authenticator_start(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<AuthenticatorStart>,
) -> Result<Json<AuthenticatorStarted>, ApiError> {
    let now = state.clock().now();
    let mut proven = prove(&state, body.sign_in_id, &body.second_factor, now).await?;
    let account = proven.sign_in.account;
    let email = account::email(&mut proven.tx, account).await?;
    let (sealed, otpauth_url) = second_factor::enroll(state.keys(), account, &email)?;
    pending::set_new_totp(&mut proven.tx, body.sign_in_id, &sealed, now).await?;
    proven.finish("authenticator_change_started", &[], now).await?;
    Ok(Json(AuthenticatorStarted { otpauth_url }))
}

/// Verifies the code of the new authenticator, which then replaces the current one.
#[utoipa::path(post, path = "/v1/account/authenticator/confirm", tag = "account",
    request_body = AuthenticatorConfirm, responses((status = 204), (status = "default", body = Problem)))]
pub async fn authenticator_confirm(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<AuthenticatorConfirm>,
) -> Result<StatusCode, ApiError> {
    let now = state.clock().now();
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let (sign_in, sealed) = pending::new_totp(&mut tx, body.sign_in_id, now).await?;
    let step = second_factor::matching_step(state.keys(), sign_in.account, &sealed, &body.code, now)?;
    let step = step.ok_or(ErrorCode::SecondFactorFailed)?;
    account::replace_totp(&mut tx, sign_in.account, &sealed, step).await?;
    close(&mut tx, body.sign_in_id).await?;
    let device = Some(sign_in.device.id);
    audit::record_account(&mut tx, sign_in.account, device, now, "authenticator_changed", &[]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
