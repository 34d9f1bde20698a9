//! Gate 1: the access token.

use api_types::{AccountId, DeviceId, ErrorCode, SessionId};
use axum::http::{HeaderMap, header::AUTHORIZATION};

use super::{Bearer, Caller};
use crate::{error::ApiError, keys::token::Refused, state::AppState};

pub(crate) fn authenticate(state: &AppState, headers: &HeaderMap) -> Result<Caller<Bearer>, ApiError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let header = all.next().ok_or(ErrorCode::TokenMissing)?;
    if all.next().is_some() {
        return Err(ErrorCode::TokenInvalid.into());
    }
    let authorization = header.to_str().map_err(|_| ErrorCode::TokenInvalid)?;
    let token = authorization.strip_prefix("Bearer ").ok_or(ErrorCode::TokenInvalid)?;
    let claims =
        state.tokens().verify(token, state.stores().regions(), state.clock().now()).map_err(|refused| {
            match refused {
                Refused::Invalid => ErrorCode::TokenInvalid,
                Refused::Expired => ErrorCode::TokenExpired,
            }
        })?;
    Ok(Caller {
        account: AccountId(claims.sub),
        device: DeviceId(claims.device),
        session: SessionId(claims.sid),
        stage: Bearer { region: claims.region, jkt: claims.cnf.jkt, authorization: authorization.to_owned() },
    })
}
