//! The last gate: a transaction for a member of the vault named in the path.

use std::collections::HashMap;

use api_types::{ErrorCode, VaultId};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use tracing::{Instrument, debug_span};

use crate::{
    db::{TenantTx, tenant_tx::DeviceGate},
    domain::caller::{Caller, Signed},
    error::ApiError,
    state::AppState,
};

impl<D: DeviceGate> FromRequestParts<AppState> for TenantTx<D> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::<Signed>::from_request_parts(parts, state).await?;
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| ErrorCode::NotFound)?;
        let vault: VaultId =
            path.get("vault").and_then(|text| text.parse().ok()).ok_or(ErrorCode::NotFound)?;
        Self::begin(state.db(), &caller, vault, state.clock().now()).instrument(debug_span!("tenant")).await
    }
}
