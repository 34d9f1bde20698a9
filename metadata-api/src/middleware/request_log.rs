//! The outermost layer: gives the request an id, times it and writes one log line.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{error::ApiError, sampler::BySignedDevice, state::AppState, telemetry};

/// Identifies a request in responses and in the log. Always generated here, so that callers cannot forge log lines.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().simple().to_string();
    let method = telemetry::method_label(request.method());
    // The route template: paths contain ids, and unknown paths contain anything.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = %id, method, route = %route);
    async move {
        let started = Instant::now();
        let mut response = next.run(request).await;
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        telemetry::record_request(&route, method, status, elapsed.as_secs_f64());
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let cause = response.extensions().get::<Arc<ApiError>>().map(ToString::to_string);
        let known = response.extensions().get::<BySignedDevice>().is_some();
        if status >= 500 {
            tracing::error!(status, micros, cause, "failed");
        } else if known {
            tracing::info!(status, micros, cause, "responded");
        } else if let Some(left_out) = state.sampler().admit() {
            let left_out = (left_out > 0).then_some(left_out);
            tracing::info!(status, micros, cause, left_out, "responded");
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", value);
        }
        response
    }
    .instrument(span)
    .await
}
