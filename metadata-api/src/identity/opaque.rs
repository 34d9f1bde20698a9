//! The server side of OPAQUE. Responses look the same whether or not the account exists.

use api_types::{
    AccountId, ErrorCode, Region,
    opaque::{Binding, Suite},
};
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, rand::rngs::OsRng,
};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::keys::ServerKeys;

fn malformed<E>(_: E) -> ApiError {
    ErrorCode::ContentInvalid.into()
}

/// Responds to a registration request.
pub(crate) fn register(
    keys: &ServerKeys,
    account: AccountId,
    region: Region,
    request: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let request = RegistrationRequest::<Suite>::deserialize(request).map_err(malformed)?;
    let binding = Binding::new(account, region);
    let started = ServerRegistration::<Suite>::start(keys.opaque(), request, binding.credential_identifier())
        .map_err(malformed)?;
    Ok(started.message.serialize().to_vec())
}

/// The password record to store.
pub(crate) fn record(upload: &[u8]) -> Result<Vec<u8>, ApiError> {
    let upload = RegistrationUpload::<Suite>::deserialize(upload).map_err(malformed)?;
    Ok(ServerRegistration::<Suite>::finish(upload).serialize().to_vec())
}

/// The well-formed first message of a sign-in.
pub(crate) struct Ke1(CredentialRequest<Suite>);

/// Parses KE1, before anything is counted or looked up.
pub(crate) fn ke1(bytes: &[u8]) -> Result<Ke1, ApiError> {
    CredentialRequest::<Suite>::deserialize(bytes).map(Ke1).map_err(malformed)
}

/// KE2, and the state to store. Without a record it is a plausible response that no password can complete.
pub(crate) fn start(
    keys: &ServerKeys,
    account: AccountId,
    region: Region,
    record: Option<&[u8]>,
    ke1: Ke1,
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), ApiError> {
    let record = record
        .map(ServerRegistration::<Suite>::deserialize)
        .transpose()
        .map_err(|_| ApiError::internal("a stored password record cannot be read"))?;
    let binding = Binding::new(account, region);
    let started = ServerLogin::<Suite>::start(
        &mut OsRng,
        keys.opaque(),
        record,
        ke1.0,
        binding.credential_identifier(),
        parameters(&binding),
    )
    .map_err(malformed)?;
    Ok((started.message.serialize().to_vec(), Zeroizing::new(started.state.serialize().to_vec())))
}

/// Whether KE3 proves the password.
pub(crate) fn finish(account: AccountId, region: Region, state: &[u8], ke3: &[u8]) -> Result<(), ApiError> {
    let state = ServerLogin::<Suite>::deserialize(state)
        .map_err(|_| ApiError::internal("a stored sign-in state cannot be read"))?;
    let failed = |_| ApiError::new(ErrorCode::SignInFailed);
    let message = CredentialFinalization::<Suite>::deserialize(ke3).map_err(failed)?;
    let binding = Binding::new(account, region);
    state.finish(message, parameters(&binding)).map(drop).map_err(failed)
}

fn parameters(binding: &Binding) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(binding.context()), identifiers: binding.identifiers() }
}
