//! The writers of a key store. None of them can lose a vault's keys, or what another process has just written.

use std::sync::Arc;

use api_types::VaultId;

use super::{KeptIn, KeyStore};
use crate::{
    device::{DeviceSecrets, Pending, Pins, SessionKeeper, SessionTokens, VaultSecrets},
    error::{Error, ErrorKind},
    text,
};

/// A key store, and the only ways to change it.
#[derive(Clone)]
pub(crate) struct Keys(Arc<dyn KeyStore>);

impl Keys {
    pub(crate) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self(store)
    }

    /// The stored secrets; `None` if there are none.
    pub(crate) fn load(&self) -> Result<Option<DeviceSecrets>, Error> {
        self.0.load()
    }

    /// Where and how secrets are kept, in words.
    pub(crate) fn describe(&self) -> KeptIn {
        self.0.describe()
    }

    /// Stores an account without a vault on this device, replacing any other such account.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if a vault's keys are stored here: nothing replaces them.
    pub(crate) fn begin(&self, secrets: &DeviceSecrets) -> Result<(), Error> {
        if secrets.vault.is_some() {
            return Err(Error::internal_text("a vault's keys were about to be kept unasked"));
        }
        let _turn = self.0.exclusive()?;
        if self.0.load()?.is_some_and(|kept| kept.vault.is_some()) {
            return Err(vault_is_here());
        }
        self.0.save(secrets)
    }

    /// Stores another session, or none.
    pub(crate) fn save_session(&self, session: Option<SessionTokens>) -> Result<(), Error> {
        self.change(|secrets| {
            secrets.session = session;
            Ok(())
        })
    }

    /// Discards the pending first run, and an account that does not exist yet.
    pub(crate) fn drop_pending(&self) -> Result<(), Error> {
        let _turn = self.0.exclusive()?;
        let Some(mut secrets) = self.0.load()?.filter(|secrets| secrets.vault.is_none()) else {
            return Ok(());
        };
        match secrets.pending.take() {
            None => Ok(()),
            Some(Pending::Code { .. }) => self.0.delete(),
            Some(Pending::Kit(_) | Pending::Words { .. }) => self.0.save(&secrets),
        }
    }

    /// Stores the vault's keys, once: this completes the first run.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if there are some already.
    pub(crate) fn first_vault(&self, vault: VaultSecrets) -> Result<DeviceSecrets, Error> {
        let _turn = self.0.exclusive()?;
        let mut secrets = self.0.load()?.ok_or_else(lost)?;
        if secrets.vault.is_some() {
            return Err(vault_is_here());
        }
        (secrets.vault, secrets.pending) = (Some(vault), None);
        self.0.save(&secrets)?;
        Ok(secrets)
    }

    /// Stores the newest version of the password's wrap that this device created.
    pub(crate) fn save_password_version(&self, version: u32, session: SessionTokens) -> Result<(), Error> {
        self.change(|secrets| {
            secrets.password_version = secrets.password_version.max(version);
            secrets.session = Some(session);
            Ok(())
        })
    }

    /// Raises the minimum that the service must show from now on, even if `pins.db` is lost.
    pub(crate) fn raise_floor(&self, vault: VaultId, seen: &Pins) -> Result<(), Error> {
        self.change(|secrets| {
            let kept = secrets.vault.as_mut().filter(|kept| kept.info.vault_id == vault).ok_or_else(lost)?;
            kept.floor.rise(seen);
            Ok(())
        })
    }

    /// Deletes everything: only on the user's request.
    pub(crate) fn forget(&self) -> Result<(), Error> {
        let _turn = self.0.exclusive()?;
        self.0.delete()
    }

    /// Reloads under the lock: another process may have renewed the session.
    fn change(&self, change: impl FnOnce(&mut DeviceSecrets) -> Result<(), Error>) -> Result<(), Error> {
        let _turn = self.0.exclusive()?;
        let mut secrets = self.0.load()?.ok_or_else(lost)?;
        let held = secrets.vault.is_some();
        change(&mut secrets)?;
        if held && secrets.vault.is_none() {
            return Err(Error::internal_text("the vault's keys were about to be lost"));
        }
        self.0.save(&secrets)
    }

    /// Stores anything, for tests.
    #[cfg(test)]
    pub(crate) fn put(&self, secrets: &DeviceSecrets) -> Result<(), Error> {
        self.0.save(secrets)
    }
}

impl SessionKeeper for Keys {
    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error> {
        self.0.lock()
    }

    fn load(&self) -> Result<Option<SessionTokens>, Error> {
        Ok(self.0.load()?.and_then(|secrets| secrets.session))
    }

    fn save(&self, tokens: &SessionTokens) -> Result<(), Error> {
        self.save_session(Some(tokens.clone()))
    }
}

fn lost() -> Error {
    Error::internal_text("the key store was emptied by another program")
}

fn vault_is_here() -> Error {
    Error::new(
        ErrorKind::Exists,
        text!("this device already has a vault's keys"),
        "nothing was changed",
        "`sealkeep logout --forget` frees this device, or set SEALKEEP_HOME to another directory",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{device::tests::sample, keystore::MemoryKeyStore};

    #[test]
    fn no_writer_takes_a_vaults_keys_away() {
        let keys = Keys::new(Arc::new(MemoryKeyStore::default()));
        keys.put(&sample()).unwrap();
        let before = sample().vault.unwrap().keyring;
        let held = || keys.load().unwrap().unwrap().vault.map(|vault| vault.keyring);

        let other = DeviceSecrets { vault: None, email: "b@example.com".into(), ..sample() };
        assert_eq!(keys.begin(&other).unwrap_err().kind(), ErrorKind::Exists);
        let fresh = VaultSecrets { keyring: vec![99; 300].into(), ..sample().vault.unwrap() };
        assert_eq!(keys.first_vault(fresh).err().unwrap().kind(), ErrorKind::Exists);
        keys.save_session(None).unwrap();
        keys.save_password_version(9, sample().session.unwrap()).unwrap();
        keys.drop_pending().unwrap();
        assert_eq!(held(), Some(before));
    }

    #[test]
    fn a_floor_only_rises() {
        let keys = Keys::new(Arc::new(MemoryKeyStore::default()));
        keys.put(&sample()).unwrap();
        let VaultSecrets { info, floor, .. } = sample().vault.unwrap();
        let kept = || keys.load().unwrap().unwrap().vault.unwrap().floor;
        keys.raise_floor(info.vault_id, &Pins::default()).unwrap();
        let mut less = floor.clone();
        less.directory.as_mut().unwrap().len -= 1;
        less.heads.values_mut().for_each(|head| head.sequence -= 1);
        keys.raise_floor(info.vault_id, &less).unwrap();
        assert_eq!(kept(), floor);
        let mut more = less;
        more.directory.as_mut().unwrap().len += 2;
        more.heads.values_mut().for_each(|head| head.sequence += 2);
        keys.raise_floor(info.vault_id, &more).unwrap();
        keys.save_session(None).unwrap();
        assert_eq!(kept(), more);
        assert!(keys.raise_floor(VaultId::from_bytes([99; 16]), &floor).is_err(), "another vault's");
    }
}
