//! Refresh with rotation and reuse detection, and sign-out.

use api_types::{
    ErrorCode, Problem,
    account::{Refresh, Session},
};
use axum::{Json, extract::State, http::StatusCode};

use crate::{
    auth::{Caller, PreAuth, Signed},
    db::{audit, pre_auth::PreAuthTx, session as sessions},
    error::ApiError,
    identity::session,
    keys::token::Subject,
    state::AppState,
};

/// Time in which the same attempt may repeat its request because the response was lost, seconds.
const REPEAT_SECS: i64 = 30;

/// Rotates a refresh token. Reusing one ends the session, unless the same attempt repeats it within 30 s.
#[utoipa::path(post, path = "/v1/token/refresh", tag = "session", request_body = Refresh,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
pub async fn refresh(
    State(state): State<AppState>,
    PreAuth { body, .. }: PreAuth<Refresh>,
) -> Result<Json<Session>, ApiError> {
    let now = state.clock().now();
    let token = body.refresh_token.to_array::<32>().ok_or(ErrorCode::InvalidRequest)?;
    let attempt = body.attempt.to_array::<16>().ok_or(ErrorCode::InvalidRequest)?;
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let kept = sessions::lock_refresh(&mut tx, &token).await?;
    if kept.device_revoked {
        return Err(ErrorCode::DeviceRevoked.into());
    }
    if kept.session_revoked {
        return Err(ErrorCode::SessionRevoked.into());
    }
    if kept.expires_at <= now {
        return Err(ErrorCode::RefreshInvalid.into());
    }
    let successor = state.keys().successor(&token, &attempt);
    if kept.consumed_at.is_none() {
        sessions::consume(&mut tx, &kept, &token, &attempt, now).await?;
        sessions::add_refresh_token(&mut tx, kept.account, kept.session, &successor, now).await?;
    } else if !kept.repeats(&attempt, REPEAT_SECS, now) {
        sessions::revoke_family(&mut tx, &kept, "refresh_reused", now).await?;
        let details = [("session", kept.session.to_string())];
        audit::record_account(&mut tx, kept.account, Some(kept.device), now, "refresh_reused", &details)
            .await?;
        tx.commit().await?;
        return Err(ErrorCode::RefreshReused.into());
    }
    let subject = Subject {
        account: kept.account,
        session: kept.session,
        device: kept.device,
        region: kept.region,
        signing_key: &kept.signing_key,
        amr: &kept.amr,
    };
    let session = session::respond(&state, &mut tx, &subject, &successor, now).await?;
    tx.commit().await?;
    Ok(Json(session))
}

/// Ends the session: its access token and refresh tokens stop working.
#[utoipa::path(post, path = "/v1/sign-out", tag = "session",
    responses((status = 204), (status = "default", body = Problem)))]
pub async fn sign_out(State(state): State<AppState>, caller: Caller<Signed>) -> Result<StatusCode, ApiError> {
    sessions::sign_out(state.db(), &caller, state.clock().now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
