//! For who runs the service: alive, ready, measured.

use api_types::{ErrorCode, Problem};
use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};

use crate::{error::ApiError, state::AppState, telemetry};

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()), responses((status = 200)))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Database and object stores answer.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses((status = 200), (status = 503, body = Problem)))]
pub async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    state.db().ping().await?;
    for (_, store) in state.stores().iter() {
        store.ping().await.map_err(|e| ApiError::because(ErrorCode::Unavailable, e))?;
    }
    Ok("ready\n")
}

/// Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()), responses((status = 200)))]
pub async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::render())
}
