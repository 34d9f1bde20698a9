//! Ensures that a device runs one backup at a time.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use crate::error::{Error, ErrorKind};

/// Held while a backup runs; the operating system releases it when the process ends, however it ends.
pub struct BackupLock(#[expect(dead_code, reason = "held for its lock")] File);

impl BackupLock {
    /// Acquires the lock of a device's home directory.
    ///
    /// # Errors
    /// Another run holds it, or the file cannot be created.
    pub fn take(home: &Path) -> Result<Self, Error> {
        let path = home.join("backup.lock");
        let name = path.display().to_string();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| Error::io(&name, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Exists,
                "another backup is running on this device",
                "nothing was changed; the other run continues",
                "wait until it is done, or stop it",
            )
            .with_retryable(true)),
            Err(TryLockError::Error(e)) => Err(Error::io(&name, &e)),
        }
    }
}
