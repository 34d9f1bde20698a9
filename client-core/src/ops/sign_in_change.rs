//! Changes the password, the recovery codes or the authenticator. Each change requires the current password and a
//! second factor, on a device that has the vault's keys.

use api_types::{
    account::{PasswordWrap, SecondFactor},
    vault::{WrapKind, WrappedKey},
};
use secrecy::SecretString;

use super::{
    Client,
    sign_up::{check_length, totp_secret},
};
use crate::{
    api::{HttpApi, PendingSignIn},
    crypto::{
        AccountSecret, Amk, Keyring,
        wrap::{self, Scope},
    },
    device::{DeviceSecrets, SessionTokens},
    error::{Error, ErrorKind},
    text,
    text::Text,
};

/// Proves the current password, for one change.
///
/// # Errors
/// [`crate::error::ErrorKind::WrongCredentials`]; [`crate::error::ErrorKind::NotSignedIn`] on a device without keys.
pub async fn reauthenticate(client: &Client, password: &SecretString) -> Result<Reauthenticated, Error> {
    let secrets = client.secrets()?;
    let api = client.set_up(HttpApi::anonymous(&secrets.service, &secrets.device)?);
    let pending = api.sign_in(&secrets.email, password).await?;
    Ok(Reauthenticated { client: client.clone(), api, secrets, pending })
}

/// The password was correct; one change can be made within five minutes.
pub struct Reauthenticated {
    client: Client,
    api: HttpApi,
    secrets: DeviceSecrets,
    pending: PendingSignIn,
}

impl Reauthenticated {
    /// Replaces the password. All other sessions end; other devices sign in again and keep their keys.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::SecondFactor`]; [`crate::error::ErrorKind::Usage`] for a password that is too short.
    /// Nothing has changed then.
    pub async fn change_password(self, factor: SecondFactor, password: &SecretString) -> Result<(), Error> {
        check_length(password)?;
        let vault = self.secrets.vault()?;
        let damaged = |_| Error::damaged(text!("the keys of this device"));
        let id = vault.info.vault_id;
        let amk = Amk::try_from(vault.amk.as_slice()).map_err(damaged)?;
        let account_secret = AccountSecret::try_from(vault.account_secret.as_slice()).map_err(damaged)?;
        let epoch = Keyring::from_bytes(&vault.keyring)?.epoch();
        // The version is bound into the wrap.
        let stored = self.client.api(&self.secrets)?.key(id, WrapKind::Password).await?.version;
        let version = next_version(stored, self.secrets.password_version)?;
        let new = self.api.new_password(&self.pending, password).await?;
        let scope = Scope { vault: id, epoch, version };
        let bytes = wrap::seal_amk(&amk, &new.export_key, &account_secret, self.secrets.account, scope)?;
        let wraps = vec![PasswordWrap { vault_id: id, wrapped: WrappedKey { version, bytes: bytes.into() } }];
        let signed_in = self.api.change_password(&self.pending, factor, new, wraps).await?;
        self.client.keystore().save_password_version(version, SessionTokens::new(&signed_in.session))
    }

    /// Replaces all recovery codes and returns the ten new ones, to be shown once.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::SecondFactor`].
    pub async fn renew_codes(self, factor: SecondFactor) -> Result<Vec<String>, Error> {
        Ok(self.api.renew_codes(&self.pending, factor).await?)
    }

    /// Starts replacing the authenticator.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::SecondFactor`] for the current one.
    pub async fn new_authenticator(self, factor: SecondFactor) -> Result<NewAuthenticator, Error> {
        let otpauth_url = self.api.new_authenticator(&self.pending, factor).await?;
        Ok(NewAuthenticator { api: self.api, pending: self.pending, email: self.secrets.email, otpauth_url })
    }
}

/// The version after the one given by the service, which must not be older than one created by this device.
fn next_version(stored: u32, own: u32) -> Result<u32, Error> {
    let refused = |what: Text| {
        Error::new(
            ErrorKind::RolledBack,
            what,
            "the password was not changed",
            "do not trust this service until this is explained",
        )
    };
    if stored < own {
        return Err(refused(text!(
            "the service shows password version {stored}, but this device made {own}",
            stored,
            own
        )));
    }
    stored.checked_add(1).ok_or_else(|| refused(text!("the service shows password version {stored}", stored)))
}

/// An authenticator that is not active yet.
pub struct NewAuthenticator {
    api: HttpApi,
    pending: PendingSignIn,
    email: String,
    otpauth_url: String,
}

impl NewAuthenticator {
    /// The account's email address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// For the authenticator, as a QR code or a link.
    #[must_use]
    pub fn otpauth_url(&self) -> &str {
        &self.otpauth_url
    }

    /// The same secret, for manual entry.
    #[must_use]
    pub fn totp_secret(&self) -> Option<String> {
        totp_secret(&self.otpauth_url)
    }

    /// Confirms it with its first code and activates it in place of the previous one.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::SecondFactor`] for a wrong code: try the next one.
    pub async fn confirm(&self, code: &str) -> Result<(), Error> {
        Ok(self.api.confirm_authenticator(&self.pending, code).await?)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_password_version_neither_goes_back_nor_overflows() {
        assert_eq!(next_version(1, 1).unwrap(), 2);
        assert_eq!(next_version(5, 3).unwrap(), 6);
        for (stored, own) in [(2, 3), (u32::MAX, 1)] {
            assert_eq!(next_version(stored, own).unwrap_err().kind(), ErrorKind::RolledBack);
        }
    }
}
