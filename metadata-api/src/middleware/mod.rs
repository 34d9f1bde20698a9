//! The layers around every request, including unknown paths, outermost first: request id and log, error bodies, panics,
//! limits per network, time limit, security headers.

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer};

use crate::{auth::gate::MAX_BODY, state::AppState};

pub mod problem;
pub mod rate_limit;
pub mod request_log;

const HEADERS: [(HeaderName, &str); 6] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(crate) fn around(mut routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    let timeout: Duration = state.limits().timeout;
    for (name, value) in HEADERS {
        routes = routes.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
    }
    routes.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), request_log::layer))
            .layer(from_fn_with_state(state.clone(), problem::layer))
            .layer(CatchPanicLayer::new())
            .layer(from_fn_with_state(state.clone(), rate_limit::all_routes))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, timeout))
            .layer(DefaultBodyLimit::max(MAX_BODY)),
    )
}
