//! The API's error type: generic to the caller, with its cause only in the log.

use std::{fmt, sync::Arc};

use api_types::{ErrorCode, ObjectId, Problem, puzzle::Puzzle};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

/// Why a request was refused. `?` converts an [`ErrorCode`], or any error that is an internal failure.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<u64>,
    server_time: Option<i64>,
    puzzle: Option<Box<Puzzle>>,
    used: Option<(u64, u64)>,
    objects: Vec<ObjectId>,
}

impl ApiError {
    /// The code alone.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            cause: None,
            retry_after: None,
            server_time: None,
            puzzle: None,
            used: None,
            objects: Vec::new(),
        }
    }

    /// The code for the caller, the cause for the log. The cause must not contain secrets or addresses.
    pub fn because(code: ErrorCode, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(code) }
    }

    /// An internal error.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::because(ErrorCode::Internal, cause)
    }

    /// Adds the seconds to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds the service's time, for a caller whose clock is wrong.
    #[must_use]
    pub fn server_time(mut self, now: i64) -> Self {
        self.server_time = Some(now);
        self
    }

    /// Adds the puzzle to solve first.
    #[must_use]
    pub fn puzzle(mut self, puzzle: Puzzle) -> Self {
        self.puzzle = Some(Box::new(puzzle));
        self
    }

    /// `limit_reached`, with the count and the maximum.
    #[must_use]
    pub fn limit(used: u64, quota: u64) -> Self {
        Self { used: Some((used, quota)), ..Self::new(ErrorCode::LimitReached) }
    }

    /// `quota_exceeded`, with the bytes used and the quota.
    #[must_use]
    pub fn full(used: u64, quota: u64) -> Self {
        Self { used: Some((used, quota)), ..Self::new(ErrorCode::QuotaExceeded) }
    }

    /// Adds the objects in question.
    #[must_use]
    pub fn objects(mut self, objects: Vec<ObjectId>) -> Self {
        self.objects = objects;
        self
    }

    /// The code for the caller.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The response body.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            kind: "about:blank".into(),
            title: title(self.code).into(),
            status: self.code.status(),
            code: self.code,
            request_id: request_id.into(),
            retry_after: self.retry_after,
            server_time: self.server_time,
            puzzle: self.puzzle.as_deref().cloned(),
            used: self.used.map(|(used, _)| used),
            quota: self.used.map(|(_, quota)| quota),
            objects: self.objects.clone(),
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{:?}: {cause}", self.code),
            None => write!(f, "{:?}", self.code),
        }
    }
}

/// Passes the error to [`crate::middleware::problem`], which knows the request id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

fn title(code: ErrorCode) -> &'static str {
    use ErrorCode as E;
    match code {
        E::InvalidRequest => "The request is malformed.",
        E::ContentInvalid => "A value in the request cannot be used.",
        E::BodyTooLarge => "The request's body is too large.",
        E::NotFound => "Not found.",
        E::MethodNotAllowed => "Method not allowed.",
        E::RateLimited => "Too many requests.",
        E::Unavailable => "The service cannot reach its database or storage.",
        E::SignatureMissing => "The request is not signed by a device.",
        E::SignatureInvalid => "The device's signature is invalid.",
        E::ClockSkew => "The device's clock is more than a minute off.",
        E::SignatureReplayed => "This request was already received.",
        E::TokenMissing => "The request has no access token.",
        E::TokenInvalid => "The access token is invalid.",
        E::TokenExpired => "The access token has expired.",
        E::SessionRevoked => "The session has ended.",
        E::DeviceRevoked => "The device was revoked.",
        E::DeviceNotApproved => "The device is not in the vault's directory yet.",
        E::WeakKey => "The public key is unusable.",
        E::Forbidden => "This role does not allow the request.",
        E::SignInFailed => "Wrong email or password.",
        E::SignInExpired => "The sign-in has expired or was already used.",
        E::SecondFactorFailed => "The code is wrong or was already used.",
        E::SecondFactorLocked => "Too many wrong codes.",
        E::SignUpRefused => "This sign-up cannot be completed.",
        E::SignUpExpired => "The sign-up has expired or was already used.",
        E::RegionUnavailable => "This deployment does not serve the region.",
        E::RefreshInvalid => "The refresh token is invalid.",
        E::RefreshReused => "The refresh token was already used; the session has ended.",
        E::VaultNotReady => "The vault has no keys yet.",
        E::VersionConflict => "Another version was stored first.",
        E::DirectoryInvalid => "The directory entry is out of sequence or not signed with the vault's key.",
        E::BackupClosed => "The backup's lease has expired.",
        E::Conflict => "The ID is already in use.",
        E::MissingObjects => "Objects referenced by the snapshot are missing from storage.",
        E::SnapshotConflict => "The snapshot does not follow its device's last head.",
        E::PuzzleRequired => "Too many attempts. A proof of work is required.",
        E::QuotaExceeded => "The vault is full.",
        E::LimitReached => "The limit has been reached.",
        E::SnapshotInvalid => "The snapshot's envelope or signature is invalid.",
        _ => "The service failed. Nothing was changed.",
    }
}

/// Parses a JSON body.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|e| {
        // serde's message quotes values; its position and category do not.
        let place = format!("{:?} at line {} column {}", e.classify(), e.line(), e.column());
        ApiError::because(ErrorCode::InvalidRequest, place)
    })
}
