//! Changes how a user signs in. Each change begins like a sign-in ([`HttpApi::sign_in`]) and replaces its last step.

use api_types::account::{
    AuthenticatorConfirm, AuthenticatorStart, AuthenticatorStarted, PasswordFinish, PasswordStart,
    PasswordStarted, PasswordWrap, RenewCodes, RenewedCodes, SecondFactor, Session,
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    ApiError, HttpApi, PendingSignIn,
    opaque::Registration,
    sign_in::{before_session, digits, tidy},
};
use crate::device::SignedIn;

/// A new password that the service has answered but not stored yet.
pub struct NewPassword {
    /// Wraps the vault's master key.
    pub export_key: Zeroizing<Vec<u8>>,
    upload: api_types::Base64,
}

impl HttpApi {
    /// Starts replacing the password.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn new_password(
        &self,
        pending: &PendingSignIn,
        password: &SecretString,
    ) -> Result<NewPassword, ApiError> {
        let (registration, registration_request) = Registration::start(password)?;
        let request = PasswordStart { sign_in_id: pending.sign_in_id, registration_request };
        let started: PasswordStarted =
            self.call_with(before_session("/v1/account/password/start"), &request).await?;
        let response = &started.registration_response;
        let done = registration.finish(password, pending.account_id, pending.region, response).await?;
        Ok(NewPassword { export_key: done.export_key, upload: done.message })
    }

    /// Replaces the password and adds its new wraps; every other session of the account ends.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub async fn change_password(
        &self,
        pending: &PendingSignIn,
        second_factor: SecondFactor,
        new: NewPassword,
        wraps: Vec<PasswordWrap>,
    ) -> Result<SignedIn, ApiError> {
        let request = PasswordFinish {
            sign_in_id: pending.sign_in_id,
            second_factor: tidy(second_factor),
            registration_upload: new.upload,
            wraps,
        };
        let session: Session =
            self.call_with(before_session("/v1/account/password/finish"), &request).await?;
        self.same_account(pending.account_id, &session)?;
        Ok(SignedIn { session, export_key: new.export_key })
    }

    /// Replaces all recovery codes and returns the new ones.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn renew_codes(
        &self,
        pending: &PendingSignIn,
        second_factor: SecondFactor,
    ) -> Result<Vec<String>, ApiError> {
        let request = RenewCodes { sign_in_id: pending.sign_in_id, second_factor: tidy(second_factor) };
        let done: RenewedCodes =
            self.call_with(before_session("/v1/account/recovery-codes"), &request).await?;
        Ok(done.recovery_codes)
    }

    /// Starts replacing the authenticator; returns the new one's `otpauth://totp/…`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn new_authenticator(
        &self,
        pending: &PendingSignIn,
        second_factor: SecondFactor,
    ) -> Result<String, ApiError> {
        let request =
            AuthenticatorStart { sign_in_id: pending.sign_in_id, second_factor: tidy(second_factor) };
        let started: AuthenticatorStarted =
            self.call_with(before_session("/v1/account/authenticator/start"), &request).await?;
        Ok(started.otpauth_url)
    }

    /// Confirms the new authenticator, which is active from then on.
    ///
    /// # Errors
    /// [`ApiError`]; the old one stays active.
    pub async fn confirm_authenticator(&self, pending: &PendingSignIn, code: &str) -> Result<(), ApiError> {
        let request = AuthenticatorConfirm { sign_in_id: pending.sign_in_id, code: digits(code) };
        self.send_json(before_session("/v1/account/authenticator/confirm"), &request).await
    }
}
