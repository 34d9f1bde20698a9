//! Gates 1 and 2 as one layer: token, body, signature, session and device. Behind it a request carries a
//! `Caller<Signed>` and its size-limited body.

use api_types::ErrorCode;
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, debug_span};

use super::{Signed, bearer, device_signature::Presented};
use crate::{
    db::session, error::ApiError, keys::token::thumbprint, listener::Proven, sampler::BySignedDevice,
    state::AppState,
};

/// Maximum body size of any route, bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// Admits requests signed by the device of a live session.
///
/// # Errors
/// The code of the first proof that is missing or wrong.
pub async fn signed(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let request = admit(&state, request).instrument(debug_span!("gate")).await?;
    let mut response = next.run(request).instrument(debug_span!("handler")).await;
    response.extensions_mut().insert(BySignedDevice);
    response.extensions_mut().insert(Proven);
    Ok(response)
}

async fn admit(state: &AppState, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let bearer = bearer::authenticate(state, &parts.headers)?;
    let body = read(body, MAX_BODY).await?;
    let presented = Presented::read(&parts.headers, &body, true)?;

    let session_state =
        session::state(state.db(), bearer.account, bearer.session).await?.ok_or(ErrorCode::TokenInvalid)?;
    // Token, session and signature must all name the same device, and the token that device's key.
    let bound = session_state.device == bearer.device
        && presented.device() == bearer.device
        && session_state.region == bearer.stage.region
        && thumbprint(&session_state.signing_key) == bearer.stage.jkt;
    if !bound {
        return Err(ErrorCode::TokenInvalid.into());
    }
    let nonce = presented.verify(
        state,
        &parts,
        &body,
        Some(&bearer.stage.authorization),
        &session_state.signing_key,
    )?;
    nonce.use_up(state).await?;
    if session_state.device_revoked {
        return Err(ErrorCode::DeviceRevoked.into());
    }
    if session_state.session_revoked || session_state.session_expires_at <= state.clock().now() {
        return Err(ErrorCode::SessionRevoked.into());
    }
    parts.extensions.insert(bearer.advance(Signed { region: bearer.stage.region }));
    Ok(Request::from_parts(parts, Body::from(body)))
}

pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, ApiError> {
    to_bytes(body, most).await.map_err(|e| ApiError::because(ErrorCode::BodyTooLarge, e))
}
