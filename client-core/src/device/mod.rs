//! What a device holds: its identity, its session, its vault's secrets. Plain values that the service
//! client, the key store and the operations share; none of them prints.

mod hidden;
mod identity;
mod pending;
mod pins;
mod secrets;

pub use identity::DeviceIdentity;
pub use pending::{Pending, PendingKit};
pub use pins::{DirectoryPin, Head, Heads, Pins};
#[cfg(test)]
pub(crate) use secrets::tests;
pub use secrets::{DeviceSecrets, SessionTokens, SignedIn, VaultSecrets};

use crate::error::Error;

/// Stores a session's tokens, for whoever renews them.
pub trait SessionKeeper: Send + Sync {
    /// Held while a token is renewed, so that two processes of one device do not spend it twice.
    /// `None`: another one holds it now. Must not block.
    ///
    /// # Errors
    /// The lock cannot be asked for.
    fn turn(&self) -> Result<Option<Box<dyn Send>>, Error>;

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
