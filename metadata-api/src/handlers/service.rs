//! Public information about the service.

use api_types::account::ServiceInfo;
use axum::{Json, extract::State};

use crate::state::AppState;

/// Version, regions, clock.
#[utoipa::path(get, path = "/v1/service", tag = "service", security(()), responses((status = 200, body = ServiceInfo)))]
pub async fn info(State(state): State<AppState>) -> Json<ServiceInfo> {
    Json(ServiceInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        regions: state.stores().regions().collect(),
        server_time: state.clock().now(),
    })
}
