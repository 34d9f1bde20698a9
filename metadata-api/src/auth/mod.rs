//! The gates, in order: token; signature, session and device; vault membership. Plus the exchanges before sign-in.

use axum::{extract::FromRequestParts, http::request::Parts};

pub use crate::domain::caller::{Bearer, Caller, Right, Signed, Tenant};
use crate::{error::ApiError, state::AppState};

pub mod bearer;
pub mod device_signature;
pub mod gate;
pub mod pre_auth;
mod tenant;

pub use pre_auth::PreAuth;

/// Set by [`gate::signed`]; a route without the gate fails closed.
impl FromRequestParts<AppState> for Caller<Signed> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::internal("a handler needs a caller, but its route is not behind the gate")
        })
    }
}
