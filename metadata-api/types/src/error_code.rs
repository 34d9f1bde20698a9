//! Stable error codes. The same code appears in the API's JSON, decides the command's exit status and selects the app's
//! error message.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal),+ $(,)?) => {
        /// Stable error codes of the service. Codes are added, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
            /// A code that this version does not know.
            #[serde(other)]
            Unknown,
        }

        impl ErrorCode {
            /// The HTTP status that carries this code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                    Self::Unknown => 500,
                }
            }

            /// Every code that the service sends.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

codes! {
    /// The request does not have the documented form: wrong JSON, an unknown field, a value out of range.
    InvalidRequest = 400,
    /// The request has the documented form, but a value in it is unusable: an OPAQUE message, an email address, a list
    /// that does not match the vault.
    ContentInvalid = 422,
    /// The body is larger than the route allows.
    BodyTooLarge = 413,
    /// Nothing exists here, or nothing that this caller may know about.
    NotFound = 404,
    /// The path exists, but not with this method.
    MethodNotAllowed = 405,
    /// Too many requests; `retry_after` gives the seconds to wait.
    RateLimited = 429,
    /// Too many recent failed sign-ins, or too many sign-ups: solve `puzzle` and repeat the request with the solution.
    PuzzleRequired = 429,
    /// An error in the service. Nothing was changed.
    Internal = 500,
    /// The database or the storage is unreachable. Nothing was changed.
    Unavailable = 503,

    /// The request has no device signature.
    SignatureMissing = 401,
    /// The device signature does not match the request, the profile or the key.
    SignatureInvalid = 401,
    /// The request's time is more than 60 s off the service's, which `server_time` gives.
    ClockSkew = 401,
    /// The nonce was used before.
    SignatureReplayed = 401,
    /// The request has no access token.
    TokenMissing = 401,
    /// The access token was not issued here, or belongs to another device or region.
    TokenInvalid = 401,
    /// The access token has expired.
    TokenExpired = 401,
    /// The session was ended.
    SessionRevoked = 401,
    /// The device was revoked.
    DeviceRevoked = 401,
    /// The device is registered, but not yet approved by a directory entry.
    DeviceNotApproved = 403,
    /// A small-order or malformed public key.
    WeakKey = 422,
    /// The caller's role does not allow this.
    Forbidden = 403,

    /// Email, password or both are wrong.
    SignInFailed = 401,
    /// The sign-in took too long, or was already used.
    SignInExpired = 401,
    /// The second-factor code is wrong, expired or already used.
    SecondFactorFailed = 401,
    /// Too many wrong codes; `retry_after` gives the seconds to wait.
    SecondFactorLocked = 429,
    /// This sign-up cannot be completed.
    SignUpRefused = 409,
    /// The sign-up took too long, or is already complete.
    SignUpExpired = 401,
    /// This deployment does not serve the region.
    RegionUnavailable = 422,
    /// The refresh token is unknown, expired, or belongs to another device.
    RefreshInvalid = 401,
    /// The refresh token was already used: its session has ended.
    RefreshReused = 401,

    /// The vault has no keys or no device directory yet.
    VaultNotReady = 409,
    /// Another version was stored first.
    VersionConflict = 409,
    /// The directory entry does not follow the last one, or its signature is invalid.
    DirectoryInvalid = 409,
    /// The backup's lease has expired, or it was already committed or aborted.
    BackupClosed = 409,
    /// This id is already in use for something else.
    Conflict = 409,
    /// Packs that the snapshot needs are not stored; `objects` lists them.
    MissingObjects = 409,
    /// The snapshot does not follow its device's last head.
    SnapshotConflict = 409,
    /// The snapshot's envelope or signature is invalid.
    SnapshotInvalid = 422,
    /// The vault is full: `used` of `quota` bytes. Stored data is not affected.
    QuotaExceeded = 409,
    /// The maximum number is reached: `used` of `quota`.
    LimitReached = 409,
}

/// RFC 9457 problem details; the body of every error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`; clients switch on [`Problem::code`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in one sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// Identifies this request in the service's log.
    pub request_id: String,
    /// Seconds to wait before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The service's clock, seconds since 1970, if the caller's was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// The puzzle to solve before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<crate::puzzle::Puzzle>,
    /// How much of `quota` is used: bytes, or a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// The maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// The objects in question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<crate::ObjectId>,
}
