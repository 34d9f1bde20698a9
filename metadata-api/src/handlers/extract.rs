//! What handlers read from a request: strictly parsed JSON, query strings and path segments.

use std::{collections::HashMap, str::FromStr};

use api_types::ErrorCode;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{
    error::{ApiError, parse},
    state::AppState,
};

/// A JSON body: unknown and repeated fields are refused, nesting is bounded.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|e| ApiError::because(ErrorCode::BodyTooLarge, e))?;
        parse(&bytes).map(Self)
    }
}

/// A query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_| ErrorCode::InvalidRequest.into())
    }
}

/// A path segment by name; `not_found` if it is not a valid id.
pub(crate) fn path_id<T: FromStr>(path: &HashMap<String, String>, name: &str) -> Result<T, ApiError> {
    path.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| ErrorCode::NotFound.into())
}
