//! The client side of OPAQUE. The password and what is derived from it stay here; both derivation steps take 256 MiB
//! and about a second, so they run on a thread for blocking work.

use api_types::{
    AccountId, Base64, Region,
    opaque::{Binding, Suite, key_stretching},
};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse, errors::ProtocolError, rand::rngs::OsRng,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::ApiError;

/// A message for the service, and the key that it never gets.
pub(super) struct Finished {
    pub(super) message: Base64,
    pub(super) export_key: Zeroizing<Vec<u8>>,
}

/// A registration in progress.
pub(super) struct Registration(ClientRegistration<Suite>);

impl Registration {
    pub(super) fn start(password: &SecretString) -> Result<(Self, Base64), ApiError> {
        let start = ClientRegistration::<Suite>::start(&mut OsRng, password.expose_secret().as_bytes())
            .map_err(|e| internal(&e))?;
        Ok((Self(start.state), Base64(start.message.serialize().to_vec())))
    }

    pub(super) async fn finish(
        self,
        password: &SecretString,
        account: AccountId,
        region: Region,
        response: &Base64,
    ) -> Result<Finished, ApiError> {
        let response = RegistrationResponse::<Suite>::deserialize(&response.0).map_err(|_| not_opaque())?;
        let password = password.clone();
        blocking(move || {
            let (binding, ksf) = (Binding::new(account, region), key_stretching().map_err(|e| internal(&e))?);
            let parameters = ClientRegistrationFinishParameters::new(binding.identifiers(), Some(&ksf));
            let done = self
                .0
                .finish(&mut OsRng, password.expose_secret().as_bytes(), response, parameters)
                .map_err(|_| not_opaque())?;
            Ok(Finished {
                message: Base64(done.message.serialize().to_vec()),
                export_key: Zeroizing::new(done.export_key.to_vec()),
            })
        })
        .await
    }
}

/// A password proof in progress.
pub(super) struct PasswordProof(ClientLogin<Suite>);

impl PasswordProof {
    pub(super) fn start(password: &SecretString) -> Result<(Self, Base64), ApiError> {
        let start = ClientLogin::<Suite>::start(&mut OsRng, password.expose_secret().as_bytes())
            .map_err(|e| internal(&e))?;
        Ok((Self(start.state), Base64(start.message.serialize().to_vec())))
    }

    /// A wrong password, an unknown account and an impostor service are indistinguishable here.
    pub(super) async fn finish(
        self,
        password: &SecretString,
        account: AccountId,
        region: Region,
        response: &Base64,
    ) -> Result<Finished, ApiError> {
        let response = CredentialResponse::<Suite>::deserialize(&response.0).map_err(|_| not_opaque())?;
        let password = password.clone();
        blocking(move || {
            let (binding, ksf) = (Binding::new(account, region), key_stretching().map_err(|e| internal(&e))?);
            let parameters =
                ClientLoginFinishParameters::new(Some(binding.context()), binding.identifiers(), Some(&ksf));
            let done = self
                .0
                .finish(&mut OsRng, password.expose_secret().as_bytes(), response, parameters)
                .map_err(|e| match e {
                ProtocolError::InvalidLoginError => ApiError::WrongCredentials,
                _ => not_opaque(),
            })?;
            Ok(Finished {
                message: Base64(done.message.serialize().to_vec()),
                export_key: Zeroizing::new(done.export_key.to_vec()),
            })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| internal(&e))?
}

fn internal(cause: &dyn std::fmt::Display) -> ApiError {
    ApiError::Internal(format!("password protocol: {cause}"))
}

fn not_opaque() -> ApiError {
    ApiError::Internal("the service's part of the password protocol is invalid".into())
}
