//! Requests per network: the outer shield.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{callers, error::ApiError, limiter::Limiter, state::AppState};

/// Whatever comes, known path or not.
pub(crate) async fn every(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    limit(&state, &state.rate().every, request, next).await
}

/// Sign-up, sign-in, refresh: stricter.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    limit(&state, &state.rate().sign_in, request, next).await
}

async fn limit(
    state: &AppState,
    limiter: &Limiter,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let network = callers::of(&parts, &state.limits().callers);
    state.rate().check(limiter, network)?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}
