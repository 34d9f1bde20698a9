//! One device, ready to run operations: where its keys and state are, which service it uses, who observes it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use api_types::{AccountId, DeviceId, Region, VaultId};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{
    api::HttpApi,
    clock::{Clock, SystemClock},
    device::{DeviceSecrets, VaultSecrets},
    error::{Error, ErrorKind},
    event::{Observer, Silent},
    keystore::{self, FileKeyStore, KeptIn, Keys},
    net::same_origin,
    patience::Patience,
    state::BackupLock,
    text,
};

/// Paths and addresses.
pub struct Settings {
    /// Keys and state; `None` means the user's data directory.
    pub home: Option<PathBuf>,
    /// Address of the metadata service, used until the device has an account.
    pub server: String,
    /// Storage origin given by the user; it may then be inside the local network.
    pub storage_origin: Option<String>,
    /// A transfer without progress for this long is retried.
    pub stall: Duration,
    /// How long a run in progress waits for an unreachable service or store.
    pub patience: Duration,
    /// Seals the key file of a headless device.
    pub keystore_passphrase: Option<SecretString>,
}

/// A device. Clones refer to the same device.
#[derive(Clone)]
pub struct Client {
    home: PathBuf,
    server: String,
    storage_origin: Option<String>,
    stall: Duration,
    patience: Duration,
    keystore: Keys,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
}

/// The account that this device is signed in to.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// Its e-mail address.
    pub email: String,
    /// The metadata service that has it.
    pub service: String,
    /// Its vault.
    pub vault: VaultId,
    /// Where the vault lives.
    pub region: Region,
    /// This device.
    pub device: DeviceId,
    /// Its display name.
    pub device_name: String,
    /// Where and how the keys are kept.
    pub keys_kept_in: KeptIn,
}

impl Client {
    /// Creates the home directory if it is missing (mode 0700).
    ///
    /// # Errors
    /// The directory or the key store cannot be used.
    pub fn new(
        settings: Settings,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Result<Self, Error> {
        let home = keystore::prepare_home(settings.home)?;
        let keystore = Keys::new(keystore::open(&home, settings.keystore_passphrase)?);
        let Settings { server, stall, patience, storage_origin, .. } = settings;
        Ok(Self {
            home,
            server,
            storage_origin,
            stall,
            patience,
            keystore,
            clock: Arc::new(SystemClock),
            observer,
            cancel,
        })
    }

    /// The device in this home directory, for reading what is in it. Creates nothing, and opens no key file that is
    /// sealed with a passphrase. `None`: there is no such directory.
    pub(super) fn at_rest(home: Option<PathBuf>) -> Option<Self> {
        let home = keystore::find_home(home)?;
        Some(Self {
            keystore: Keys::new(Arc::new(FileKeyStore::new(&home, None))),
            home,
            server: String::new(),
            storage_origin: None,
            stall: Duration::ZERO,
            patience: Duration::ZERO,
            clock: Arc::new(SystemClock),
            observer: Arc::new(Silent),
            cancel: CancellationToken::new(),
        })
    }

    /// The same device, with its own observer and cancellation token.
    #[must_use]
    pub fn with_observer(&self, observer: Arc<dyn Observer>, cancel: CancellationToken) -> Self {
        Self { observer, cancel, ..self.clone() }
    }

    /// The same device, with another service for an account that it does not have yet.
    #[must_use]
    pub fn with_server(&self, server: String) -> Self {
        Self { server, ..self.clone() }
    }

    /// The e-mail address known to this device.
    ///
    /// # Errors
    /// The key store cannot be read.
    pub fn known_email(&self) -> Result<Option<String>, Error> {
        Ok(self.keystore.load()?.map(|secrets| secrets.email))
    }

    /// A device has at most one account.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if it already has one.
    pub fn refuse_second_account(&self) -> Result<(), Error> {
        match self.keystore.load()? {
            Some(secrets) if secrets.vault.is_some() => Err(Error::new(
                ErrorKind::Exists,
                text!("this device belongs to {email} already", email = secrets.email),
                "nothing was changed",
                "`sealkeep logout --forget` frees it, or set SEALKEEP_HOME to another directory",
            )),
            _ => Ok(()),
        }
    }

    /// A device stays with the service at which it signed up or in.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if this device's account is at another service than the one in the settings.
    pub fn refuse_other_service(&self) -> Result<(), Error> {
        match self.keystore.load()?.filter(|secrets| secrets.vault.is_some()) {
            Some(secrets) if !same_origin(&secrets.service, &self.server) => Err(Error::new(
                ErrorKind::Usage,
                text!(
                    "this device's account is at {service}, and --server names {server}",
                    service = secrets.service,
                    server = self.server
                ),
                "nothing was changed",
                "leave --server out, or set SEALKEEP_HOME to another directory for another account",
            )),
            _ => Ok(()),
        }
    }

    /// The account that this device is signed in to.
    ///
    /// # Errors
    /// [`ErrorKind::NotSignedIn`].
    pub fn account(&self) -> Result<Account, Error> {
        Account::of(&self.secrets()?, self)
    }

    /// The account that this device is signed in to; `None` after signing out and before the first run is complete.
    ///
    /// # Errors
    /// The key store cannot be read.
    pub fn signed_in(&self) -> Result<Option<Account>, Error> {
        let secrets = self.keystore.load()?.filter(|s| s.vault.is_some() && s.session.is_some());
        secrets.map(|secrets| Account::of(&secrets, self)).transpose()
    }

    pub(crate) fn secrets(&self) -> Result<DeviceSecrets, Error> {
        self.keystore.load()?.filter(|s| s.vault.is_some()).ok_or_else(|| {
            Error::new(
                ErrorKind::NotSignedIn,
                text!("this device is not signed in"),
                "nothing was changed",
                "`sealkeep login` signs in, `sealkeep signup` creates an account",
            )
        })
    }

    /// Completes the first run: from now on this device has its vault's keys.
    pub(crate) fn finish_setup(&self, vault: VaultSecrets) -> Result<Account, Error> {
        Account::of(&self.keystore.first_vault(vault)?, self)
    }

    /// The service, in the session of `secrets`; renewed tokens are saved in the key store.
    pub(crate) fn api(&self, secrets: &DeviceSecrets) -> Result<HttpApi, Error> {
        let api = self.set_up(HttpApi::signed_in(&secrets.service, secrets)?);
        Ok(api.keep_session(Arc::new(self.keystore.clone())))
    }

    /// Applies this device's patience, which reports to the observer.
    pub(crate) fn set_up(&self, api: HttpApi) -> HttpApi {
        let patience = Patience::new(self.patience, Arc::clone(&self.observer), self.cancel.clone());
        api.with_stall(self.stall).with_patience(Arc::new(patience))
    }

    /// Ensures that a device runs one backup at a time.
    pub(crate) fn lock_for_backup(&self) -> Result<BackupLock, Error> {
        BackupLock::take(&self.home)
    }

    /// Whether a backup of this device is running, in whichever process.
    pub(crate) fn is_backing_up(&self) -> bool {
        BackupLock::is_held(&self.home)
    }

    /// Fails if the operation was cancelled; called between two steps.
    pub(crate) fn cancelled(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        Ok(())
    }

    /// Where keys and state are.
    #[must_use]
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    pub(crate) const fn stall(&self) -> Duration {
        self.stall
    }

    pub(crate) fn storage_origin(&self) -> Option<&str> {
        self.storage_origin.as_deref()
    }

    /// The metadata service, until the device has an account.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(crate) const fn keystore(&self) -> &Keys {
        &self.keystore
    }

    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    pub(crate) const fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// This machine's host name, at most 64 characters.
    #[must_use]
    pub fn host_name(&self) -> String {
        std::fs::read_to_string("/etc/hostname")
            .map(|name| name.trim().chars().take(64).collect::<String>())
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "this machine".to_owned())
    }
}

impl Account {
    pub(super) fn of(secrets: &DeviceSecrets, client: &Client) -> Result<Self, Error> {
        let vault = secrets.vault.as_ref().ok_or_else(|| Error::internal_text("no vault on this device"))?;
        Ok(Self {
            id: secrets.account,
            email: secrets.email.clone(),
            service: secrets.service.clone(),
            vault: vault.info.vault_id,
            region: vault.info.region,
            device: secrets.device.id,
            device_name: secrets.device.name.clone(),
            keys_kept_in: client.keystore.describe(),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use super::*;
    use crate::{
        crypto::{Keyring, ReadIdentity},
        device::tests::sample,
    };

    #[test]
    fn a_device_stays_with_its_service() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        client.refuse_other_service().unwrap();
        let client = signed_in(home.path());
        let service = sample().service;
        for same in [service.clone(), format!("{service}/")] {
            Client { server: same, ..client.clone() }.refuse_other_service().unwrap();
        }
        let other = Client { server: "https://other.example".into(), ..client };
        let refused = other.refuse_other_service().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage);
        assert!(refused.happened().contains(&service), "{}", refused.happened());
    }

    /// Signed in, and with a vault that can be opened.
    pub(crate) fn signed_in(home: &std::path::Path) -> Client {
        let client = offline(home);
        let vault = sample().vault.unwrap();
        let vault = VaultSecrets {
            keyring: Keyring::generate(vault.info.vault_id).to_bytes().unwrap(),
            recovery_recipient: ReadIdentity::generate(1).recipient().to_string(),
            ..vault
        };
        client.keystore().put(&DeviceSecrets { vault: Some(vault), ..sample() }).unwrap();
        client
    }

    /// A device in this directory whose service does not answer.
    pub(crate) fn offline(home: &std::path::Path) -> Client {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let settings = Settings {
            home: Some(home.to_owned()),
            server: "http://127.0.0.1:1".into(),
            storage_origin: None,
            stall: Duration::from_secs(1),
            patience: Duration::from_secs(1),
            keystore_passphrase: None,
        };
        Client::new(settings, Arc::new(Silent), CancellationToken::new()).unwrap()
    }
}
