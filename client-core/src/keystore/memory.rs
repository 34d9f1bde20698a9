//! A key store in memory only.

use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{KeptIn, KeyStore};
use crate::{device::DeviceSecrets, error::Error};

/// Keeps secrets until it is dropped.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<Option<Zeroizing<Vec<u8>>>>);

impl KeyStore for MemoryKeyStore {
    fn load(&self) -> Result<Option<DeviceSecrets>, Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|bytes| DeviceSecrets::from_bytes(bytes)).transpose()
    }

    fn save(&self, secrets: &DeviceSecrets) -> Result<(), Error> {
        let bytes = secrets.to_bytes()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
        Ok(())
    }

    fn delete(&self) -> Result<(), Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn describe(&self) -> KeptIn {
        KeptIn::Memory
    }

    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error> {
        Ok(Some(Box::new(())))
    }

    fn exclusive(&self) -> Result<Box<dyn Send>, Error> {
        Ok(Box::new(()))
    }
}
