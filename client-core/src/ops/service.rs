//! The service for a device that has no account yet: whether an address is one, and remembering it.

use std::{sync::Arc, time::Duration};

use api_types::{Region, unseen};

use super::{Client, preferences};
use crate::{api::HttpApi, device::DeviceIdentity, error::Error, event::Silent, patience::Patience};

/// Somebody waits beside the field, and nothing is lost: one attempt, and a short one.
const STALL: Duration = Duration::from_secs(8);
/// A version is a few digits; a stranger's may be anything.
const LONGEST_VERSION: usize = 40;

/// A service that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its address, as it is remembered.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The regions in which it stores backups.
    pub regions: Vec<Region>,
}

/// Asks whether this is the address of a service. Sends nothing about this device.
///
/// # Errors
/// [`crate::error::ErrorKind::Usage`] for an address that secrets must not be sent to;
/// [`crate::error::ErrorKind::ServiceUnreachable`] if nothing answers, or something else than a service.
pub async fn look(client: &Client, address: &str) -> Result<Found, Error> {
    let patience = Patience::new(Duration::ZERO, Arc::new(Silent), client.cancel().clone());
    let api = at(address)?.with_stall(STALL.min(client.stall())).with_patience(Arc::new(patience));
    let info = api.service_info().await?;
    Ok(Found {
        address: api.server().to_owned(),
        version: unseen::escaped(&info.version, LONGEST_VERSION, false),
        regions: info.regions,
    })
}

/// Remembers it for this device's account, and returns the address.
///
/// # Errors
/// [`crate::error::ErrorKind::Usage`] for an address that secrets must not be sent to;
/// [`crate::error::ErrorKind::Exists`] if this device has an account; the settings cannot be written.
pub fn choose(client: &Client, address: &str) -> Result<String, Error> {
    client.refuse_second_account()?;
    let address = at(address)?.server().to_owned();
    preferences::change(client, |now| now.server = Some(address.clone()))?;
    Ok(address)
}

/// No request of a device without an account needs its keys.
fn at(address: &str) -> Result<HttpApi, Error> {
    Ok(HttpApi::anonymous(address, &DeviceIdentity::generate(""))?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        ops::client::tests::{offline, signed_in},
    };

    #[test]
    fn a_chosen_service_is_remembered_unless_the_device_has_an_account() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        assert_eq!(choose(&client, "http://backup.example.com").err().unwrap().kind(), ErrorKind::Usage);
        assert_eq!(preferences::load(&client).unwrap().server, None);
        assert_eq!(choose(&client, " https://Backup.example.com/ ").unwrap(), "https://backup.example.com");
        let server = preferences::load(&client).unwrap().server;
        assert_eq!(server.as_deref(), Some("https://backup.example.com"));

        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        assert_eq!(choose(&client, "https://other.example.com").err().unwrap().kind(), ErrorKind::Exists);
        assert_eq!(preferences::load(&client).unwrap().server, None);
    }

    #[tokio::test]
    async fn an_address_without_a_service_is_refused_at_once() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        let began = std::time::Instant::now();
        let error = look(&client, "http://127.0.0.1:1").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ServiceUnreachable);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(look(&client, "ftp://127.0.0.1").await.err().unwrap().kind(), ErrorKind::Usage);
    }
}
