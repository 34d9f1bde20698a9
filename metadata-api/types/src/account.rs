//! Sign-up, sign-in, second factor and tokens. The device signs every request with the key named in the first request
//! of the exchange.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AccountId, Base64, Region, SessionId, SignInId, SignUpId, VaultId,
    device::DeviceKeys,
    puzzle::SolvedPuzzle,
    vault::{VaultInfo, WrappedKey},
};

/// `POST /v1/sign-up/start`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpStart {
    /// At most 254 characters; case-insensitive.
    #[schema(format = "email", max_length = 254)]
    pub email: String,
    /// Immutable.
    pub region: Region,
    /// OPAQUE registration request, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub registration_request: Base64,
    /// The first device.
    pub device: DeviceKeys,
    /// Set if the service asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<SolvedPuzzle>,
}

/// Response to [`SignUpStart`]; identical in form for known and unknown addresses.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpStarted {
    /// Identifies this sign-up for 30 minutes.
    pub sign_up_id: SignUpId,
    /// The account that will exist.
    pub account_id: AccountId,
    /// OPAQUE registration response.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub registration_response: Base64,
}

/// `POST /v1/sign-up/finish`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpFinish {
    /// From [`SignUpStarted`].
    pub sign_up_id: SignUpId,
    /// OPAQUE registration upload, 192 bytes.
    #[schema(schema_with = crate::schema::bytes::<192>)]
    pub registration_upload: Base64,
}

/// Response to [`SignUpFinish`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpFinished {
    /// `otpauth://totp/…`: the client shows it as a QR code, and its secret as text.
    pub otpauth_url: String,
}

/// `POST /v1/sign-up/confirm`: proves the second factor and creates the account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpConfirm {
    /// From [`SignUpStarted`].
    pub sign_up_id: SignUpId,
    /// Six digits.
    #[schema(schema_with = crate::schema::code)]
    pub code: String,
}

/// Response to [`SignUpConfirm`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpConfirmed {
    /// Ten, shown once.
    pub recovery_codes: Vec<String>,
    /// The device is signed in.
    pub session: Session,
}

/// `POST /v1/sign-in/start`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInStart {
    /// Same rules as at sign-up.
    #[schema(format = "email", max_length = 254)]
    pub email: String,
    /// OPAQUE KE1, 96 bytes.
    #[schema(schema_with = crate::schema::bytes::<96>)]
    pub ke1: Base64,
    /// The device that signs in, new or known.
    pub device: DeviceKeys,
    /// Set if the service asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<SolvedPuzzle>,
}

/// Response to [`SignInStart`]; identical in form for known and unknown addresses.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInStarted {
    /// Identifies this sign-in; valid for one attempt and 60 s, then 5 minutes for the second factor.
    pub sign_in_id: SignInId,
    /// Used in OPAQUE's identities.
    pub account_id: AccountId,
    /// Used in OPAQUE's context.
    pub region: Region,
    /// OPAQUE KE2, 320 bytes.
    #[schema(schema_with = crate::schema::bytes::<320>)]
    pub ke2: Base64,
}

/// `POST /v1/sign-in/finish`; 204: the second factor comes next.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInFinish {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// OPAQUE KE3, 64 bytes.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub ke3: Base64,
}

/// A second factor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecondFactor {
    /// Six digits from the authenticator.
    Totp(String),
    /// One of the ten codes; each works once.
    RecoveryCode(String),
}

/// `POST /v1/sign-in/second-factor`; the response is a [`Session`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInSecondFactor {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// The second factor.
    pub second_factor: SecondFactor,
}

/// `POST /v1/token/refresh`; the response is a [`Session`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// 32 bytes; works once. The same request repeated within 30 s gets the same successor.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub refresh_token: Base64,
    /// Chosen by the client per attempt, 16 bytes, so that it can ask again if the response was lost.
    #[schema(schema_with = crate::schema::bytes::<16>)]
    pub attempt: Base64,
}

/// `POST /v1/account/password/start`: after `/v1/sign-in/finish` with the current password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordStart {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// OPAQUE registration request of the new password, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub registration_request: Base64,
}

/// Response to [`PasswordStart`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordStarted {
    /// OPAQUE registration response.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub registration_response: Base64,
}

/// `POST /v1/account/password/finish`; the response is a [`Session`]. Ends every other session of the account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordFinish {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// Proof that the account holder is asking.
    pub second_factor: SecondFactor,
    /// OPAQUE registration upload of the new password, 192 bytes.
    #[schema(schema_with = crate::schema::bytes::<192>)]
    pub registration_upload: Base64,
    /// The master key of each ready vault, wrapped under the new password.
    pub wraps: Vec<PasswordWrap>,
}

/// A vault's master key under a new password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordWrap {
    /// The vault.
    pub vault_id: VaultId,
    /// Its version is one above the stored one.
    pub wrapped: WrappedKey,
}

/// `POST /v1/account/recovery-codes`: after `/v1/sign-in/finish`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewCodes {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// Proof that the account holder is asking.
    pub second_factor: SecondFactor,
}

/// Response to [`RenewCodes`]: the old codes stop working.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewedCodes {
    /// Ten, shown once.
    pub recovery_codes: Vec<String>,
}

/// `POST /v1/account/authenticator/start`: after `/v1/sign-in/finish`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorStart {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// The current second factor, or a recovery code.
    pub second_factor: SecondFactor,
}

/// Response to [`AuthenticatorStart`]. The current authenticator works until the new one is proven, within 5 minutes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorStarted {
    /// `otpauth://totp/…`
    pub otpauth_url: String,
}

/// `POST /v1/account/authenticator/confirm`: the new authenticator replaces the old one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorConfirm {
    /// From [`SignInStarted`].
    pub sign_in_id: SignInId,
    /// Six digits from the new authenticator.
    #[schema(schema_with = crate::schema::code)]
    pub code: String,
}

/// A signed-in device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The session.
    pub session_id: SessionId,
    /// Its account.
    pub account_id: AccountId,
    /// JWT (EdDSA), one hour, useless without the device key.
    pub access_token: String,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// 32 bytes, rotated at each use.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub refresh_token: Base64,
    /// Vaults that this account is a member of.
    pub vaults: Vec<VaultInfo>,
}

/// `GET /v1/service`: what a client needs before it signs in. Not signed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceInfo {
    /// The service's version.
    pub version: String,
    /// Regions that this deployment serves.
    pub regions: Vec<Region>,
    /// Seconds since 1970.
    pub server_time: i64,
}
