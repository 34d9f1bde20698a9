//! What a device holds: its identity, its session, its vault's secrets. Plain values shared by the service client, the
//! key store and the operations; none of them can be printed.

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

/// Stores a session's tokens when they are renewed.
pub trait SessionKeeper: Send + Sync {
    /// A lock held while a token is renewed, so that two processes of one device do not use it twice. `None`: another
    /// process holds it now. Must not block.
    ///
    /// # Errors
    /// The lock cannot be requested.
    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error>;

    /// The stored tokens; `None` if this device is signed out.
    ///
    /// # Errors
    /// Same as the key store.
    fn load(&self) -> Result<Option<SessionTokens>, Error>;

    /// Stores tokens durably before it returns.
    ///
    /// # Errors
    /// Same as the key store.
    fn save(&self, tokens: &SessionTokens) -> Result<(), Error>;
}
