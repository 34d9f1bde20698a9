//! Where a device's secrets are stored.

mod file;
mod home;
mod keys;
mod memory;
mod passphrase;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;

pub use self::{file::FileKeyStore, home::prepare_home, memory::MemoryKeyStore};
pub(crate) use self::{
    home::{find_home, replace_file},
    keys::Keys,
};
use crate::{
    device::{DeviceSecrets, SessionKeeper},
    error::Error,
};

/// Where and how a device's secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A file sealed with a passphrase.
    SealedFile(PathBuf),
    /// Memory, until the program ends.
    Memory,
}

impl fmt::Display for KeptIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}, readable only by its owner", path.display()),
            Self::SealedFile(path) => write!(f, "the file {}, encrypted with a passphrase", path.display()),
            Self::Memory => f.write_str("memory, until the program ends"),
        }
    }
}

/// Stores one device's secrets.
pub trait KeyStore: Send + Sync {
    /// The stored secrets; `None` if there are none.
    ///
    /// # Errors
    /// They cannot be read or opened, or are damaged.
    fn load(&self) -> Result<Option<DeviceSecrets>, Error>;

    /// Replaces whatever is stored with `secrets`, durably and atomically. Operations write through `Keys`, which
    /// cannot lose a vault.
    ///
    /// # Errors
    /// It cannot be written; the previous content stays.
    fn save(&self, secrets: &DeviceSecrets) -> Result<(), Error>;

    /// Deletes the secrets.
    ///
    /// # Errors
    /// They cannot be removed.
    fn delete(&self) -> Result<(), Error>;

    /// Where and how secrets are kept.
    fn describe(&self) -> KeptIn;

    /// A lock that excludes other processes of this device while held; `None` if another one holds it.
    ///
    /// # Errors
    /// The lock cannot be requested.
    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error>;

    /// A lock held from reading to writing, so that no process overwrites what another one has just stored. Waits.
    ///
    /// # Errors
    /// The lock cannot be requested.
    fn exclusive(&self) -> Result<Box<dyn Send>, Error>;
}

/// The key store in a device's home directory; sealed if a passphrase is given here, in
/// `SEALKEEP_KEYSTORE_PASSPHRASE`, or as the systemd credential `sealkeep-passphrase`.
///
/// # Errors
/// A passphrase is configured but cannot be read.
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
