//! Sign-out.

use super::Client;
use crate::{api::HttpApi, error::Error};

/// Ends the session at the service; with `forget` the keys leave this machine too, even when the
/// service cannot be reached.
///
/// # Errors
/// As the service, unless `forget`.
pub async fn sign_out(client: &Client, forget: bool) -> Result<(), Error> {
    let secrets = client.secrets()?;
    let api = HttpApi::signed_in(secrets, std::sync::Arc::clone(client.keystore()))?;
    let ended = api.logout().await;
    if forget {
        if let Err(error) = ended {
            tracing::warn!(%error, "the session could not be ended at the service");
        }
        return Ok(client.keystore().delete()?);
    }
    Ok(ended?)
}
