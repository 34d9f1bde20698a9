//! Sign-up, sign-in, second factor, tokens. All of it is signed by the device, with the key that the
//! first request of a conversation names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AccountId, Base64, LoginId, Region, SessionId, SignupId, VaultId,
    device::DeviceKeys,
    puzzle::SolvedPuzzle,
    vault::{VaultInfo, WrappedKey},
};

/// `POST /v1/signup/start`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupStart {
    /// At most 254 characters; compared without regard to case.
    #[schema(format = "email", max_length = 254)]
    pub email: String,
    /// Immutable.
    pub region: Region,
    /// OPAQUE registration request, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub registration_request: Base64,
    /// The first device.
    pub device: DeviceKeys,
    /// Where the service asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<SolvedPuzzle>,
}

/// Answer to [`SignupStart`]; alike for known and unknown addresses.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupStarted {
    /// Names this sign-up for 30 minutes.
    pub signup_id: SignupId,
    /// The account that will exist.
    pub account_id: AccountId,
    /// OPAQUE registration response.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub registration_response: Base64,
}

/// `POST /v1/signup/finish`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupFinish {
    /// From [`SignupStarted`].
    pub signup_id: SignupId,
    /// OPAQUE registration upload, 192 bytes.
    #[schema(schema_with = crate::schema::bytes::<192>)]
    pub registration_upload: Base64,
}

/// Answer to [`SignupFinish`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupFinished {
    /// `otpauth://totp/…`: for a QR code drawn by the client, and its secret as text.
    pub otpauth_url: String,
}

/// `POST /v1/signup/confirm`: proves the second factor. Only now does the account exist.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupConfirm {
    /// From [`SignupStarted`].
    pub signup_id: SignupId,
    /// Six digits.
    #[schema(schema_with = crate::schema::code)]
    pub code: String,
}

/// Answer to [`SignupConfirm`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupConfirmed {
    /// Ten, shown once.
    pub recovery_codes: Vec<String>,
    /// The device is signed in.
    pub session: Session,
}

/// `POST /v1/login/start`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginStart {
    /// As at sign-up.
    #[schema(format = "email", max_length = 254)]
    pub email: String,
    /// OPAQUE KE1, 96 bytes.
    #[schema(schema_with = crate::schema::bytes::<96>)]
    pub ke1: Base64,
    /// The device that signs in, new or known.
    pub device: DeviceKeys,
    /// Where the service asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub puzzle: Option<SolvedPuzzle>,
}

/// Answer to [`LoginStart`]; alike for known and unknown addresses.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginStarted {
    /// Names this sign-in; good for one try and 60 s, then 5 minutes for the second factor.
    pub login_id: LoginId,
    /// For OPAQUE's identities.
    pub account_id: AccountId,
    /// For OPAQUE's context.
    pub region: Region,
    /// OPAQUE KE2, 320 bytes.
    #[schema(schema_with = crate::schema::bytes::<320>)]
    pub ke2: Base64,
}

/// `POST /v1/login/finish`; 204: the second factor is next.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFinish {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// OPAQUE KE3, 64 bytes.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub ke3: Base64,
}

/// A second factor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecondFactor {
    /// Six digits of the authenticator.
    Totp(String),
    /// One of the ten codes; works once.
    RecoveryCode(String),
}

/// `POST /v1/login/mfa`, answered by a [`Session`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginMfa {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// What proves it.
    pub factor: SecondFactor,
}

/// `POST /v1/token/refresh`, answered by a [`Session`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// 32 bytes; works once. The same request repeated within 30 s gets the same successor.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub refresh_token: Base64,
    /// Chosen by the client per try, 16 bytes, so that a lost answer can be asked for again.
    #[schema(schema_with = crate::schema::bytes::<16>)]
    pub attempt: Base64,
}

/// `POST /v1/account/password/start`: after `/v1/login/finish`, with the present password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordStart {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// OPAQUE registration request of the new password, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub registration_request: Base64,
}

/// Answer to [`PasswordStart`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordStarted {
    /// OPAQUE registration response.
    #[schema(schema_with = crate::schema::bytes::<64>)]
    pub registration_response: Base64,
}

/// `POST /v1/account/password/finish`, answered by a [`Session`]; every other session of the account ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordFinish {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// What proves that it is the person.
    pub factor: SecondFactor,
    /// OPAQUE registration upload of the new password, 192 bytes.
    #[schema(schema_with = crate::schema::bytes::<192>)]
    pub registration_upload: Base64,
    /// The master key of each vault that is ready, wrapped under the new password.
    pub wraps: Vec<PasswordWrap>,
}

/// A vault's master key under a new password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordWrap {
    /// Whose.
    pub vault_id: VaultId,
    /// The version after the stored one.
    pub wrapped: WrappedKey,
}

/// `POST /v1/account/recovery-codes`: after `/v1/login/finish`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewCodes {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// What proves that it is the person.
    pub factor: SecondFactor,
}

/// Answer to [`RenewCodes`]: the old codes are worthless.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewedCodes {
    /// Ten, shown once.
    pub recovery_codes: Vec<String>,
}

/// `POST /v1/account/authenticator/start`: after `/v1/login/finish`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorStart {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// The present second factor, or a recovery code.
    pub factor: SecondFactor,
}

/// Answer to [`AuthenticatorStart`]. The present authenticator counts until the new one is proven, within 5 minutes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorStarted {
    /// `otpauth://totp/…`
    pub otpauth_url: String,
}

/// `POST /v1/account/authenticator/confirm`: from here on the new one counts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorConfirm {
    /// From [`LoginStarted`].
    pub login_id: LoginId,
    /// Six digits of the new authenticator.
    #[schema(schema_with = crate::schema::code)]
    pub code: String,
}

/// A signed-in device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Which one.
    pub session_id: SessionId,
    /// Whose.
    pub account_id: AccountId,
    /// JWT (EdDSA), one hour, useless without the device key.
    pub access_token: String,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// 32 bytes, rotates at each use.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub refresh_token: Base64,
    /// Vaults that this account is a member of.
    pub vaults: Vec<VaultInfo>,
}

/// `GET /v1/service`: what a client may know before it signs in. Not signed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceInfo {
    /// The service's version.
    pub version: String,
    /// Regions served here.
    pub regions: Vec<Region>,
    /// Seconds since 1970.
    pub server_time: i64,
}
