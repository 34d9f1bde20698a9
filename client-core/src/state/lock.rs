//! Locks of a device's home: one backup at a time, one writer of a file at a time, and which runs are alive.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use api_types::BackupId;

use crate::{
    error::{Error, ErrorKind},
    text,
};

/// The folder of the locks of runs.
const RUNNING: &str = "running";

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
        is_locked(&home.join("backup.lock"))
    }
}

/// Held while a run is in progress, by whichever process; the operating system releases it when the process ends.
pub struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Says that a new run is alive.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn take(home: &Path, run: BackupId) -> Result<Self, Error> {
        let folder = home.join(RUNNING);
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder.display().to_string(), &e))?;
        let path = folder.join(run.to_string());
        let failed = |e| Error::io(&path.display().to_string(), &e);
        let mut options = OpenOptions::new();
        let file =
            options.create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
        // Nobody knows of the run yet, so nobody looks at its lock.
        file.lock().map_err(failed)?;
        Ok(Self { path, _file: file })
    }

    /// Whether a process works on this run.
    #[must_use]
    pub fn is_held(home: &Path, run: BackupId) -> bool {
        is_locked(&home.join(RUNNING).join(run.to_string()))
    }

    /// Removes what killed processes left. Only one process may do this, and none may take a lock meanwhile.
    pub fn tidy(home: &Path) {
        for left in fs::read_dir(home.join(RUNNING)).into_iter().flatten().flatten() {
            if !is_locked(&left.path()) {
                drop(fs::remove_file(left.path()));
            }
        }
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

fn is_locked(path: &Path) -> bool {
    let file = OpenOptions::new().write(true).open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
