//! Verifies the device's signature on a request: valid, fresh and not seen before. Used by gate 2.

use api_types::{
    DeviceId, ErrorCode,
    signature::{
        CanonicalRequest, MAX_SKEW_SECS, NONCE_MEMORY_SECS, Parameters, Refused, SignatureHeaders,
        content_digest,
    },
};
use axum::http::{HeaderMap, request::Parts};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::{db::replay, error::ApiError, state::AppState};

/// A signature as presented: its form and the body's digest are valid, its key is still unknown.
pub(crate) struct Presented {
    headers: SignatureHeaders,
    parameters: Parameters,
}

impl Presented {
    /// Requires exactly one of each header, our profile, and the digest of this body, before the body is parsed.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8], with_session: bool) -> Result<Self, ApiError> {
        let headers = SignatureHeaders {
            content_digest: single(headers, "content-digest")?,
            signature_input: single(headers, "signature-input")?,
            signature: single(headers, "signature")?,
        };
        let invalid = |refused: Refused| ApiError::because(ErrorCode::SignatureInvalid, refused);
        if headers.content_digest != content_digest(body) {
            return Err(invalid(Refused::Digest));
        }
        let parameters = Parameters::parse(&headers.signature_input, with_session).map_err(invalid)?;
        Ok(Self { headers, parameters })
    }

    /// The device that the request claims to come from.
    pub(crate) fn device(&self) -> DeviceId {
        self.parameters.device
    }

    /// Checks the signature before the clock: only the key's holder learns about clocks and gets a nonce to use up.
    pub(crate) fn verify(
        &self,
        state: &AppState,
        parts: &Parts,
        body: &[u8],
        authorization: Option<&str>,
        key: &[u8; 32],
    ) -> Result<Nonce, ApiError> {
        let refused = |refused: Refused| ApiError::because(ErrorCode::SignatureInvalid, refused);
        let verifying = VerifyingKey::from_bytes(key).map_err(|_| refused(Refused::Signature))?;
        let request = CanonicalRequest {
            method: parts.method.as_str(),
            authority: state.authority(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            body,
            authorization,
        };
        request.verify(&self.headers, &verifying).map_err(refused)?;

        let now = state.clock().now();
        if self.parameters.created.abs_diff(now) > MAX_SKEW_SECS.unsigned_abs() {
            return Err(ApiError::new(ErrorCode::ClockSkew).server_time(now));
        }
        let mut nonce = [0; 16];
        Base64UrlUnpadded::decode(&self.parameters.nonce, &mut nonce)
            .map_err(|_| refused(Refused::Profile))?;
        let key_hash: [u8; 32] = Sha256::digest(key).into();
        Ok(Nonce { key_hash, nonce })
    }
}

/// The nonce of a request with a valid signature. Using it up makes the request count once.
#[must_use]
pub(crate) struct Nonce {
    key_hash: [u8; 32],
    nonce: [u8; 16],
}

impl Nonce {
    /// Stores the nonce.
    ///
    /// # Errors
    /// `signature_replayed`.
    pub(crate) async fn use_up(&self, state: &AppState) -> Result<(), ApiError> {
        let now = state.clock().now();
        let until = now + NONCE_MEMORY_SECS;
        if replay::first_use(state.db(), &self.key_hash, &self.nonce, now, until).await? {
            Ok(())
        } else {
            Err(ErrorCode::SignatureReplayed.into())
        }
    }

    /// Checks that the nonce is unused, without storing anything for a request that may be refused.
    ///
    /// # Errors
    /// `signature_replayed`.
    pub(crate) async fn check_unused(&self, state: &AppState) -> Result<(), ApiError> {
        if replay::known(state.db(), &self.key_hash, &self.nonce).await? {
            Err(ErrorCode::SignatureReplayed.into())
        } else {
            Ok(())
        }
    }
}

fn single(headers: &HeaderMap, name: &str) -> Result<String, ApiError> {
    let mut all = headers.get_all(name).iter();
    let first = all.next().ok_or(ErrorCode::SignatureMissing)?;
    if all.next().is_some() {
        return Err(ApiError::because(ErrorCode::SignatureInvalid, format!("more than one {name}")));
    }
    Ok(first.to_str().map_err(|_| ErrorCode::SignatureInvalid)?.to_owned())
}
