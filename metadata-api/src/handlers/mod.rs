//! The route handlers. A handler gets a proven caller and a transaction, never the pool.

use api_types::ErrorCode;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

use crate::{
    error::{ApiError, parse},
    state::AppState,
};

pub mod account;
pub(crate) mod admission;
pub mod audit;
pub mod backups;
pub mod devices;
pub mod directory;
pub mod health;
pub mod keys;
mod lease;
pub mod login;
pub mod objects;
pub mod runs;
pub mod service;
pub mod session;
pub mod signup;
pub mod snapshots;
pub mod token;
pub mod vault;

/// A JSON body: unknown and repeated fields are refused, nesting is bounded.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|e| ApiError::because(ErrorCode::BodyTooLarge, e))?;
        parse(&bytes).map(Self)
    }
}

/// A query string: `after` and `limit`, at most 1000.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last one seen; the page begins after it.
    #[serde(default)]
    #[param(maximum = 9_223_372_036_854_775_807_i64)]
    pub after: u64,
    /// Maximum number of rows, 1 to 1000.
    #[serde(default = "Page::default_limit")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: u32,
}

impl Page {
    const fn default_limit() -> u32 {
        1000
    }

    /// `after` and `limit` as bound values for the database.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn bounds(self) -> Result<(i64, i64), ApiError> {
        if !(1..=1000).contains(&self.limit) {
            return Err(ErrorCode::InvalidRequest.into());
        }
        let after = i64::try_from(self.after).map_err(|_| ErrorCode::InvalidRequest)?;
        Ok((after, i64::from(self.limit)))
    }
}

/// A strictly parsed query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> axum::extract::FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &AppState,
    ) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_| ErrorCode::InvalidRequest.into())
    }
}

/// A path segment by name; `not_found` if it is not a valid id.
pub(crate) fn path_id<T: std::str::FromStr>(
    path: &std::collections::HashMap<String, String>,
    name: &str,
) -> Result<T, ApiError> {
    path.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| ErrorCode::NotFound.into())
}
