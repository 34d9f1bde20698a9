//! What a device remembers between runs. `state.db` is a cache and a journal: without it the next run is slower, but
//! nothing is lost. `pins.db` is not: it records what the service showed before.

mod evidence;
mod index;
mod index_rows;
mod lock;
mod peek;
mod pins;
mod run_log;
mod runs;
mod schema;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use api_types::VaultId;
use rusqlite::Connection;

pub use self::{
    evidence::{Evidence, Proven},
    index::Place,
    index_rows::{PackKeys, Packed},
    lock::{BackupLock, RunLock, take_turn},
    peek::{Peeked, peek},
    pins::PinsDb,
    run_log::{LogEntry, LogKind},
    runs::{KEPT, NewRun, Run, RunKind, RunState, RunTarget},
};
use crate::{
    error::Error,
    text,
    text::{Text, told},
};

/// Why local state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite failed.
    Sqlite(#[from] rusqlite::Error),
    /// Written by a newer version.
    Newer {
        /// Which file.
        name: &'static str,
        /// Its layout version.
        found: i64,
    },
    /// Left over from another account.
    OtherVault {
        /// Which file.
        name: &'static str,
    },
    /// The damaged file could not be moved aside.
    Quarantine {
        /// Which file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file cannot be created, or protected from other users.
    File {
        /// Which file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Two processes of this device were shown different histories.
    Forked(&'static str),
    /// A value that no version writes.
    Impossible,
}

told!(StateError);

impl StateError {
    fn text(&self) -> Text {
        match self {
            Self::Sqlite(error) => {
                text!("the local state cannot be used: {error}", error = error.to_string())
            }
            Self::Newer { name, found } => {
                text!("{name} was written by a newer version of sealkeep (layout {found})", name, found)
            }
            Self::OtherVault { name } => {
                text!("{name} belongs to another vault than this device's keys", name)
            }
            Self::Quarantine { path, error } => text!(
                "the damaged local state at {path} cannot be moved: {error}",
                path = path.display(),
                error
            ),
            Self::File { path, error } => {
                text!("the local state at {path} cannot be used: {error}", path = path.display(), error)
            }
            Self::Forked(what) => text!(
                "{what} differs from the one that another process on this device received",
                what = Text::fixed(what)
            ),
            Self::Impossible => text!("the local state contains an invalid value"),
        }
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        use rusqlite::ErrorCode;

        use crate::error::ErrorKind;
        let full = matches!(&error, StateError::Sqlite(e) if e.sqlite_error_code() == Some(ErrorCode::DiskFull))
            || matches!(&error, StateError::File { error, .. } if error.kind() == io::ErrorKind::StorageFull);
        match &error {
            _ if full => Self::io(&text!("the local state"), &io::Error::from(io::ErrorKind::StorageFull)),
            StateError::Newer { .. } => Self::new(
                ErrorKind::NewerFormat,
                error.text(),
                "nothing was changed",
                "update sealkeep, or choose another --home",
            ),
            StateError::OtherVault { name } => Self::new(
                ErrorKind::Damaged,
                error.text(),
                "nothing was changed; no backup is affected",
                format!("move {name} away (the device's keys include a copy of what matters), or choose another --home"),
            ),
            StateError::Forked(_) => Self::new(
                ErrorKind::RolledBack,
                text!("the service returned an inconsistent history: {what}", what = error),
                "nothing was written; what this device saw before may have been replaced by the service",
                "ask the service's operator whether it was restored from an old copy; to restore without the service, see \"The service is gone\" in the user guide",
            ),
            _ => Self::new(
                ErrorKind::Io,
                error.text(),
                "your snapshots are untouched",
                "check the disk and its permissions; if state.db is damaged, delete it, then run `sealkeep index rebuild`: only the list of runs and their logs are lost",
            ),
        }
        .with_source(error)
    }
}

/// Open local state. One connection, used by one thread at a time.
pub struct StateDb {
    connection: Mutex<Connection>,
    pins: PinsDb,
}

/// Local state, and the damaged file that it replaced.
pub struct Opened {
    /// The state.
    pub state: StateDb,
    /// Where a damaged cache was moved to.
    pub quarantined: Option<PathBuf>,
}

impl StateDb {
    /// Opens or creates the state of a vault in a device's home directory.
    ///
    /// # Errors
    /// [`StateError`]; another vault's state is refused, a damaged cache is moved aside and recreated, damaged pins
    /// are an error.
    pub fn open(home: &Path, vault: VaultId) -> Result<Opened, StateError> {
        let path = home.join("state.db");
        let pins = PinsDb::open(home, vault)?;
        match schema::open(&path, "state.db", schema::STATE, vault) {
            Ok(connection) => Ok(Opened { state: Self::new(connection, pins), quarantined: None }),
            Err(error) if schema::is_damage(&error) => {
                let aside = home.join("state.db.damaged");
                for suffix in ["-wal", "-shm"] {
                    // Journals of a damaged database are useless to a new one.
                    drop(fs::remove_file(home.join(format!("state.db{suffix}"))));
                }
                fs::rename(&path, &aside)
                    .map_err(|error| StateError::Quarantine { path: path.clone(), error })?;
                let connection = schema::open(&path, "state.db", schema::STATE, vault)?;
                Ok(Opened { state: Self::new(connection, pins), quarantined: Some(aside) })
            }
            Err(error) => Err(error),
        }
    }

    const fn new(connection: Connection, pins: PinsDb) -> Self {
        Self { connection: Mutex::new(connection), pins }
    }

    /// What the service showed before.
    #[must_use]
    pub const fn pins(&self) -> &PinsDb {
        &self.pins
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
