//! Sign-out.

use super::Client;
use crate::error::Error;

/// Ends the session at the service; with `forget` the keys leave this machine too, even when the
/// service cannot be reached.
///
/// # Errors
/// As the service, unless `forget`.
pub async fn sign_out(client: &Client, forget: bool) -> Result<(), Error> {
    let mut secrets = client.secrets()?;
    let ended = match client.api(&secrets) {
        Ok(api) => api.logout().await.map_err(Error::from),
        Err(error) => Err(error),
    };
    if forget {
        if let Err(error) = ended {
            tracing::warn!(%error, "the session could not be ended at the service");
        }
        return client.keystore().delete();
    }
    ended?;
    secrets.session = None;
    client.keystore().save(&secrets)
}
