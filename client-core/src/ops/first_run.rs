//! Resumes an interrupted first run, even after the program was killed.

use super::{
    Client,
    sign_in::NewDevice,
    sign_up::{AwaitingCode, NewVault},
};
use crate::{api::PendingSignUp, device::Pending, error::Error};

/// The step that the first run is waiting for.
pub enum Waiting {
    /// The authenticator's first code. The service waits for 30 minutes.
    Code(AwaitingCode),
    /// Proof that the recovery kit was saved.
    Kit(NewVault),
    /// The 24 words of an existing vault.
    Words(NewDevice),
}

/// The current step of the first run; `None` if nothing is pending.
///
/// # Errors
/// The key store cannot be read.
pub fn waiting(client: &Client) -> Result<Option<Waiting>, Error> {
    let Some(mut secrets) = client.keystore().load()?.filter(|secrets| secrets.vault.is_none()) else {
        return Ok(None);
    };
    Ok(match secrets.pending.take() {
        None => None,
        Some(Pending::Code { signup, region, otpauth_url, export_key }) => {
            let pending = PendingSignUp {
                account_id: secrets.account,
                region,
                otpauth_url: (*otpauth_url).clone(),
                sign_up_id: signup,
                export_key,
            };
            Some(Waiting::Code(AwaitingCode::resume(client, secrets, pending)?))
        }
        Some(Pending::Kit(kit)) => Some(Waiting::Kit(NewVault::resume(client, secrets, kit)?)),
        Some(Pending::Words { info }) => Some(Waiting::Words(NewDevice::resume(client, secrets, info))),
    })
}

/// Discards it. An existing account stays and can be signed in to later.
///
/// # Errors
/// The key store cannot be written.
pub fn start_over(client: &Client) -> Result<(), Error> {
    client.keystore().drop_pending()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{Region, SignUpId};
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        device::{DeviceSecrets, tests::sample},
        ops::client::tests::offline,
    };

    #[test]
    fn each_step_waits_and_can_be_abandoned() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        assert!(waiting(&client).unwrap().is_none());
        start_over(&client).unwrap();

        let info = sample().vault.unwrap().info;
        let code = Pending::Code {
            signup: SignUpId::from_bytes([1; 16]),
            region: Region::Eu,
            otpauth_url: Zeroizing::new("otpauth://totp/x?secret=ABC".into()),
            export_key: Zeroizing::new(vec![1; 64]),
        };
        client.keystore().put(&DeviceSecrets { pending: Some(code), vault: None, ..sample() }).unwrap();
        let Some(Waiting::Code(step)) = waiting(&client).unwrap() else { unreachable!() };
        assert_eq!((step.email(), step.totp_secret().as_deref()), ("a@example.com", Some("ABC")));
        start_over(&client).unwrap();
        assert!(client.known_email().unwrap().is_none(), "there is no account yet");

        let words = Pending::Words { info };
        client.keystore().put(&DeviceSecrets { pending: Some(words), vault: None, ..sample() }).unwrap();
        assert!(matches!(waiting(&client).unwrap(), Some(Waiting::Words(_))));
        start_over(&client).unwrap();
        assert!(waiting(&client).unwrap().is_none());
        assert_eq!(client.known_email().unwrap().as_deref(), Some("a@example.com"));
        // Once the vault exists, nothing is pending.
        client.keystore().put(&sample()).unwrap();
        assert!(waiting(&client).unwrap().is_none());
    }
}
