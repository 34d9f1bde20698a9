//! Requests before sign-in. [`PreAuth`] is the only way to read their bodies, and it verifies the signature first. The
//! key comes from the first request of the exchange, or from the session that the refresh token belongs to.

use std::future::Future;

use api_types::{
    ErrorCode,
    account::{
        AuthenticatorConfirm, AuthenticatorStart, PasswordFinish, PasswordStart, Refresh, RenewCodes,
        SignInFinish, SignInSecondFactor, SignInStart, SignUpConfirm, SignUpFinish, SignUpStart,
    },
};
use axum::{
    extract::{FromRequest, Request},
    http::header::AUTHORIZATION,
};
use serde::de::DeserializeOwned;

use super::{
    device_signature::{Nonce, Presented},
    gate,
};
use crate::{
    callers,
    db::{pending, session},
    domain::device::{CheckedDevice, Signer},
    error::{ApiError, parse},
    network::Network,
    state::AppState,
};

/// A body that determines which key must have signed it.
pub trait Conversation: DeserializeOwned + Send {
    /// Maximum body size, bytes; the body is read before anything is proven.
    const MAX_BODY: usize = 16 * 1024;

    /// Whether a stranger can forge such a request, key included. Its nonce is then stored only once the handler admits
    /// it, so that strangers cannot fill the table.
    const BY_STRANGERS: bool = false;

    /// Looks up the key.
    fn signer(&self, state: &AppState) -> impl Future<Output = Result<Signer, ApiError>> + Send;
}

/// A body with a valid signature.
pub struct PreAuth<T> {
    /// The body.
    pub body: T,
    /// Already used up, unless strangers can forge such a request; then the handler uses it up on admission.
    pub(crate) nonce: Nonce,
    /// The caller's network, for limits; `None` if callers cannot be told apart.
    pub network: Option<Network>,
}

impl<T: Conversation> FromRequest<AppState> for PreAuth<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if parts.headers.contains_key(AUTHORIZATION) {
            return Err(ApiError::because(ErrorCode::SignatureInvalid, "authorization before sign-in"));
        }
        let bytes = gate::read(body, T::MAX_BODY).await?;
        let presented = Presented::read(&parts.headers, &bytes, false)?;
        let body: T = parse(&bytes)?;
        let signer = body.signer(state).await?;
        if presented.device() != signer.device {
            return Err(ApiError::because(ErrorCode::SignatureInvalid, "another device"));
        }
        let nonce = presented.verify(state, &parts, &bytes, None, &signer.key)?;
        if T::BY_STRANGERS {
            nonce.check_unused(state).await?;
        } else {
            nonce.use_up(state).await?;
        }
        Ok(Self { body, nonce, network: callers::of(&parts, &state.limits().callers) })
    }
}

impl Conversation for SignUpStart {
    const BY_STRANGERS: bool = true;

    async fn signer(&self, _: &AppState) -> Result<Signer, ApiError> {
        Ok(CheckedDevice::check(&self.device)?.signer())
    }
}

impl Conversation for SignUpFinish {
    async fn signer(&self, state: &AppState) -> Result<Signer, ApiError> {
        pending::sign_up_signer(state.db(), self.sign_up_id, state.clock().now()).await
    }
}

impl Conversation for SignUpConfirm {
    async fn signer(&self, state: &AppState) -> Result<Signer, ApiError> {
        pending::sign_up_signer(state.db(), self.sign_up_id, state.clock().now()).await
    }
}

impl Conversation for SignInStart {
    const BY_STRANGERS: bool = true;

    async fn signer(&self, _: &AppState) -> Result<Signer, ApiError> {
        Ok(CheckedDevice::check(&self.device)?.signer())
    }
}

/// The requests of a sign-in that follow the password.
macro_rules! sign_in_bodies {
    ($($body:ty),+ $(,)?) => {
        $(impl Conversation for $body {
            async fn signer(&self, state: &AppState) -> Result<Signer, ApiError> {
                pending::sign_in_signer(state.db(), self.sign_in_id, state.clock().now()).await
            }
        })+
    };
}
sign_in_bodies!(
    SignInFinish,
    SignInSecondFactor,
    PasswordStart,
    RenewCodes,
    AuthenticatorStart,
    AuthenticatorConfirm,
);

impl Conversation for PasswordFinish {
    /// Carries one wrap per vault.
    const MAX_BODY: usize = 256 * 1024;

    async fn signer(&self, state: &AppState) -> Result<Signer, ApiError> {
        pending::sign_in_signer(state.db(), self.sign_in_id, state.clock().now()).await
    }
}

impl Conversation for Refresh {
    async fn signer(&self, state: &AppState) -> Result<Signer, ApiError> {
        let token = self.refresh_token.to_array::<32>().ok_or(ErrorCode::InvalidRequest)?;
        session::refresh_signer(state.db(), &token).await
    }
}
