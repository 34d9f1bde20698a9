//! Requests per network: the outer protection.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::{callers, error::ApiError, rate_limiter::Limiter, state::AppState};

/// For all requests, including unknown paths.
pub(crate) async fn all_routes(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    limit(&state, &state.rate().all_routes, request, next).await
}

/// The stricter limit for sign-up, sign-in and refresh.
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
