//! For the operator: liveness, readiness, metrics.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};

use crate::{state::AppState, telemetry};

/// Interval between two checks of database and stores.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// A check that takes longer counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks database and stores once.
pub async fn check(state: &AppState) {
    let found = tokio::time::timeout(CHECK_TIMEOUT, ask(state)).await;
    let found = found.unwrap_or_else(|_| Err("database and storage do not respond in time".into()));
    if let Err(why) = &found
        && state.readiness().get().is_ok()
    {
        tracing::error!(why, "not ready");
    }
    state.readiness().set(found);
}

async fn ask(state: &AppState) -> Result<(), String> {
    state.db().ping().await.map_err(|_| "the database does not respond".to_owned())?;
    for (region, store) in state.stores().iter() {
        store.ping().await.map_err(|_| format!("the storage of {region} does not respond"))?;
    }
    Ok(())
}

/// Checks in a loop, so that readiness requests cost the database nothing. Ends with its task.
pub async fn watch(state: AppState) {
    loop {
        check(&state).await;
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// The process responds.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()), responses((status = 200)))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Result of the last check of database and object stores; served on the operations listener.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, String) {
    match state.readiness().get() {
        Ok(()) => (StatusCode::OK, "ready\n".into()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Metrics in Prometheus format; served on the operations listener.
pub async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::render())
}
