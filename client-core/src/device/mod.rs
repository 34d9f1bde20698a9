//! What a device holds: its identity, its session, its vault's secrets. Plain values that the service
//! client, the key store and the operations share; none of them prints.

mod identity;
mod secrets;

pub use identity::DeviceIdentity;
pub use secrets::{DeviceSecrets, SessionTokens, SignedIn, VaultSecrets};

use crate::error::Error;

/// Stores a session's tokens, for whoever renews them.
pub trait SessionKeeper: Send + Sync {
    /// Held while a token is renewed, so that two processes of one device do not spend it twice.
    ///
    /// # Errors
    /// The lock cannot be had.
    fn turn(&self) -> Result<Box<dyn Send>, Error>;

    /// What is stored now; `None` when this device is signed out.
    ///
    /// # Errors
    /// As the key store.
    fn load(&self) -> Result<Option<SessionTokens>, Error>;

    /// Stores durably before it returns.
    ///
    /// # Errors
    /// As the key store.
    fn save(&self, tokens: &SessionTokens) -> Result<(), Error>;
}
