//! Turns every error response into `application/problem+json` with a stable code; the cause goes to the log line.

use std::sync::Arc;

use api_types::ErrorCode;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::request_log::RequestId;
use crate::{error::ApiError, sampler::BySignedDevice, state::AppState};

pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = response
        .extensions()
        .get::<Arc<ApiError>>()
        .cloned()
        .unwrap_or_else(|| Arc::new(ApiError::new(code_of(status))));
    let id = id.map(|id| id.0).unwrap_or_default();
    let problem = error.problem(&id);
    let retry_after = problem.retry_after;
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut problem = (status, axum::Json(problem)).into_response();
    let headers = problem.headers_mut();
    // Keeps the security headers of inner layers.
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(value) = retry_after.and_then(|s| HeaderValue::from_str(&s.to_string()).ok()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(state.clock().now())) {
        headers.insert(header::DATE, date);
    }
    // For the log line of the outermost layer.
    problem.extensions_mut().insert(error);
    if response.extensions().get::<BySignedDevice>().is_some() {
        problem.extensions_mut().insert(BySignedDevice);
    }
    problem
}

/// For responses created by a layer or the framework.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
        status if status.is_client_error() => ErrorCode::InvalidRequest,
        _ => ErrorCode::Internal,
    }
}

fn http_date(seconds: i64) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(&format).ok())
        .unwrap_or_default()
}

pub(crate) async fn not_found() -> ApiError {
    ErrorCode::NotFound.into()
}

pub(crate) async fn method_not_allowed() -> ApiError {
    ErrorCode::MethodNotAllowed.into()
}
