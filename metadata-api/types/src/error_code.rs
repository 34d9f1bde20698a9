//! One stable code decides, a sentence explains: the same code is the API's JSON, the command's exit
//! status and the app's switch.

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

            /// Every code with a status of its own.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

codes! {
    /// The request is not of the documented form: wrong JSON, an unknown field, a value out of range.
    InvalidRequest = 400,
    /// The request is of the documented form, but a value in it cannot be used: an OPAQUE message, an e-mail address,
    /// a list that does not fit the vault.
    ContentInvalid = 422,
    /// The body is larger than the route allows.
    BodyTooLarge = 413,
    /// Nothing is here, or nothing that this caller may know of.
    NotFound = 404,
    /// The path exists, the method does not.
    MethodNotAllowed = 405,
    /// Too many requests; `retry_after` says when to come back, in seconds.
    RateLimited = 429,
    /// Many sign-ins or sign-ups are being tried: solve `puzzle` and send the request again with the solution.
    PuzzleRequired = 429,
    /// A fault of the service. Nothing was changed.
    Internal = 500,
    /// The database or the object store cannot be reached. Nothing was changed.
    Unavailable = 503,

    /// No device signature on the request.
    SignatureMissing = 401,
    /// The device signature does not fit the request, the profile or the key.
    SignatureInvalid = 401,
    /// The request's time is more than 60 s from the service's; `server_time` tells it.
    ClockSkew = 401,
    /// The nonce was seen before.
    SignatureReplayed = 401,
    /// No access token.
    TokenMissing = 401,
    /// The access token is not ours, or belongs to another device or region.
    TokenInvalid = 401,
    /// The access token is past its hour.
    TokenExpired = 401,
    /// The session was ended.
    SessionRevoked = 401,
    /// The device was revoked.
    DeviceRevoked = 401,
    /// The device is registered, but no directory entry vouches for its keys yet.
    DeviceNotApproved = 403,
    /// A small-order or malformed public key.
    WeakKey = 422,
    /// The role of this caller does not allow it.
    Forbidden = 403,

    /// E-mail, password or both are wrong.
    LoginFailed = 401,
    /// The sign-in took too long, or was used already.
    LoginExpired = 401,
    /// The second factor's code is wrong, old or used.
    MfaFailed = 401,
    /// Too many wrong codes; `retry_after` says when to come back.
    MfaLocked = 429,
    /// This sign-up cannot be completed.
    SignupRefused = 409,
    /// The sign-up took too long, or was completed already.
    SignupExpired = 401,
    /// This deployment does not serve the region.
    RegionUnavailable = 422,
    /// The refresh token is unknown, expired, or of another device.
    RefreshInvalid = 401,
    /// The refresh token was used before: every session of its family has been ended.
    RefreshReused = 401,

    /// The vault has no keys or no device directory yet.
    VaultNotReady = 409,
    /// Somebody stored another version first.
    VersionConflict = 409,
    /// The directory entry does not follow the last one, or its signature does not hold.
    DirectoryInvalid = 409,
    /// The backup's lease ran out, or it was committed or aborted before.
    BackupClosed = 409,
    /// This id was used for something else.
    Conflict = 409,
    /// Packs that the snapshot needs are not stored; `objects` names them.
    MissingObjects = 409,
    /// The snapshot does not follow its device's last head.
    SnapshotConflict = 409,
    /// The snapshot's envelope or signature does not hold.
    SnapshotInvalid = 422,
    /// The vault has no room for it: `used` of `quota` bytes. What is stored is untouched.
    QuotaExceeded = 409,
    /// There are as many of these as there may be: `used` of `quota`.
    LimitReached = 409,
}

/// RFC 9457 problem details; the body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`; [`Problem::code`] is what to switch on.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in a sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// Names this request in the service's log.
    pub request_id: String,
    /// Seconds to wait before another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The service's clock, seconds since 1970, where the caller's was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// What to solve before another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<crate::puzzle::Puzzle>,
    /// How much of `quota` is used: bytes, or a number of things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// How much there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// Objects that the answer is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<crate::ObjectId>,
}
