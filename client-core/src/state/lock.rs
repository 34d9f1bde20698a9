//! Locks of a device's home: one backup at a time, one writer of a file at a time.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind},
    text,
};

/// Longer than it takes to look whether the lock is held.
const GLANCE: Duration = Duration::from_millis(50);

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
        let locked = file.try_lock().or_else(|_| {
            // It may have been somebody who only looked whether it is held.
            thread::sleep(GLANCE);
            file.try_lock()
        });
        match locked {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Exists,
                text!("another backup is running on this device"),
                "nothing was changed; the other run continues",
                "wait until it is done, or stop it",
            )
            .with_retryable(true)),
            Err(TryLockError::Error(e)) => Err(Error::io(&name, &e)),
        }
    }

    /// Whether a process holds the lock of this home.
    #[must_use]
    pub fn is_held(home: &Path) -> bool {
        let file = OpenOptions::new().write(true).open(home.join("backup.lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Waits for its turn to read, change and write a file of this home; `name` is the lock's. Held until it is dropped.
///
/// # Errors
/// The lock file cannot be created.
pub fn take_turn(home: &Path, name: &str) -> Result<File, Error> {
    let path = home.join(name);
    let failed = |e| Error::io(&path.display().to_string(), &e);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}
