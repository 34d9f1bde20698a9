//! Changes the password, the recovery codes or the authenticator.

use api_types::account::SecondFactor;
use client_core::{error::Error, ops::sign_in_change};
use secrecy::SecretString;

use super::{Engine, onboarding::out_of_turn};
use crate::view::CodeStep;

impl Engine {
    pub(crate) async fn change_password(
        &self,
        current: &SecretString,
        factor: SecondFactor,
        password: &SecretString,
    ) -> Result<(), Error> {
        sign_in_change::reauthenticate(self.client(), current).await?.change_password(factor, password).await
    }

    pub(crate) async fn renew_codes(
        &self,
        current: &SecretString,
        factor: SecondFactor,
    ) -> Result<Vec<String>, Error> {
        sign_in_change::reauthenticate(self.client(), current).await?.renew_codes(factor).await
    }

    pub(crate) async fn new_authenticator(
        &self,
        current: &SecretString,
        factor: SecondFactor,
    ) -> Result<CodeStep, Error> {
        let new =
            sign_in_change::reauthenticate(self.client(), current).await?.new_authenticator(factor).await?;
        let view = CodeStep::new(new.email(), new.otpauth_url(), new.totp_secret());
        *self.authenticator.lock().await = Some(new);
        Ok(view)
    }

    pub(crate) async fn confirm_authenticator(&self, code: &str) -> Result<(), Error> {
        let mut waiting = self.authenticator.lock().await;
        waiting.as_ref().ok_or_else(out_of_turn)?.confirm(code).await?;
        *waiting = None;
        Ok(())
    }
}
