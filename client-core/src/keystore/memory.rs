//! A key store in memory only.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::{KeptIn, KeyStore};
use crate::{device::DeviceSecrets, error::Error};

/// Keeps secrets until it is dropped.
#[derive(Default)]
pub struct MemoryKeyStore {
    kept: Mutex<Option<Zeroizing<Vec<u8>>>>,
    session: Lock,
    keys: Lock,
}

/// Held by one at a time, like a lock file. A guard of [`Mutex`] cannot leave its thread.
#[derive(Clone, Default)]
struct Lock(Arc<(Mutex<bool>, Condvar)>);

struct Held(Lock);

impl Lock {
    fn is_held(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_hold(&self) -> Option<Held> {
        let mut held = self.is_held();
        let taken = !std::mem::replace(&mut *held, true);
        taken.then(|| Held(self.clone()))
    }

    fn hold(&self) -> Held {
        let free = self.0.1.wait_while(self.is_held(), |held| *held);
        *free.unwrap_or_else(PoisonError::into_inner) = true;
        Held(self.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.is_held() = false;
        self.0.0.1.notify_one();
    }
}

impl MemoryKeyStore {
    fn kept(&self) -> MutexGuard<'_, Option<Zeroizing<Vec<u8>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryKeyStore {
    fn load(&self) -> Result<Option<DeviceSecrets>, Error> {
        self.kept().as_ref().map(|bytes| DeviceSecrets::from_bytes(bytes)).transpose()
    }

    fn save(&self, secrets: &DeviceSecrets) -> Result<(), Error> {
        let bytes = secrets.to_bytes()?;
        *self.kept() = Some(bytes);
        Ok(())
    }

    fn delete(&self) -> Result<(), Error> {
        *self.kept() = None;
        Ok(())
    }

    fn describe(&self) -> KeptIn {
        KeptIn::Memory
    }

    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error> {
        Ok(self.session.try_hold().map(|held| Box::new(held) as Box<dyn Send>))
    }

    fn exclusive(&self) -> Result<Box<dyn Send>, Error> {
        Ok(Box::new(self.keys.hold()))
    }
}
