//! Where a device's secrets rest.

mod file;
mod home;
mod keys;
mod memory;
mod passphrase;

use std::{path::Path, sync::Arc};

use secrecy::SecretString;

pub use self::{file::FileKeyStore, home::prepare_home, memory::MemoryKeyStore};
pub(crate) use self::{home::replace_file, keys::Keys};
use crate::{
    device::{DeviceSecrets, SessionKeeper},
    error::Error,
};

/// Keeps one device's secrets.
pub trait KeyStore: Send + Sync {
    /// What is kept; `None` when nothing is.
    ///
    /// # Errors
    /// It cannot be read, or opened, or is damaged.
    fn load(&self) -> Result<Option<DeviceSecrets>, Error>;

    /// Keeps `secrets` instead of what was kept, whatever it was. Durable when it returns, never half-written.
    /// Operations write through `Keys`, which cannot lose a vault.
    ///
    /// # Errors
    /// It cannot be written; what was kept before is kept still.
    fn save(&self, secrets: &DeviceSecrets) -> Result<(), Error>;

    /// Keeps nothing any more.
    ///
    /// # Errors
    /// It cannot be removed.
    fn delete(&self) -> Result<(), Error>;

    /// In words, where and how secrets are kept.
    fn describe(&self) -> String;

    /// Shuts other processes of this device out while it is held; `None` while another one holds it.
    ///
    /// # Errors
    /// The lock cannot be asked for.
    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error>;

    /// Held from reading to writing, so that no process overwrites what another one has just kept. Waits.
    ///
    /// # Errors
    /// The lock cannot be asked for.
    fn exclusive(&self) -> Result<Box<dyn Send>, Error>;
}

/// The key store in a device's home directory; sealed when a passphrase is given here, in
/// `SEALKEEP_KEYSTORE_PASSPHRASE`, or as the systemd credential `sealkeep-passphrase`.
///
/// # Errors
/// A passphrase is announced but cannot be read.
pub fn open(home: &Path, passphrase: Option<SecretString>) -> Result<Arc<dyn KeyStore>, Error> {
    let passphrase = match passphrase {
        Some(given) => Some(given),
        None => passphrase::from_environment()?,
    };
    Ok(Arc::new(FileKeyStore::new(home, passphrase)))
}

/// Stores renewed session tokens in a key store.
#[must_use]
pub fn session_keeper(keystore: &Arc<dyn KeyStore>) -> Arc<dyn SessionKeeper> {
    Arc::new(Keys::new(Arc::clone(keystore)))
}

#[cfg(test)]
mod tests;
