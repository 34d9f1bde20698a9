//! Sign-out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Client, sources, timer};
use crate::error::Error;

/// Ends the session at the service. With `forget`, also removes the keys and everything else this program keeps on
/// this machine, even if the service is unreachable. Returns the removed paths.
///
/// # Errors
/// Errors from the service, unless `forget`.
pub async fn sign_out(client: &Client, forget: bool) -> Result<Vec<PathBuf>, Error> {
    let secrets = client.secrets()?;
    let ended = match client.api(&secrets) {
        Ok(api) => api.sign_out().await.map_err(Error::from),
        Err(error) => Err(error),
    };
    if forget {
        if let Err(error) = ended {
            tracing::warn!(%error, "the session could not be ended at the service");
        }
        remove_timers(client);
        let keys = client.home().join("device.keys");
        let mut removed: Vec<PathBuf> = keys.exists().then_some(keys).into_iter().collect();
        client.keystore().forget()?;
        removed.extend(remove_ours(client.home())?);
        return Ok(removed);
    }
    ended?;
    client.keystore().save_session(None)?;
    Ok(Vec::new())
}

/// Timers without keys would only fail. One that cannot be removed does not keep the keys here.
fn remove_timers(client: &Client) {
    let removed = sources::list(client)
        .and_then(|sources| sources.iter().try_for_each(|source| timer::remove(client, source.id).map(drop)));
    if let Err(error) = removed {
        tracing::warn!(%error, "timers of this device may be left");
    }
}

/// Everything that this program keeps in its home, most secret first. Other files are not ours.
const OURS: [&str; 19] = [
    "device.keys",
    "sources.sealed",
    "sources.lock",
    "timers.lock",
    "units",
    "records",
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "state.db.damaged",
    "pins.db",
    "pins.db-wal",
    "pins.db-shm",
    "preferences.json",
    "backup.lock",
    "running",
    "runs.lock",
    "session.lock",
    "keys.lock",
];

/// Removes our files and returns their paths: the next account in this home must find nothing of the last one.
fn remove_ours(home: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    let named = OURS.map(|name| home.join(name));
    for path in named.into_iter().chain(half_written(home)?) {
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io(&path.display().to_string(), &error)),
        };
        let gone = if about.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.map_err(|error| Error::io(&path.display().to_string(), &error))?;
        removed.push(path);
    }
    Ok(removed)
}

/// Files left half-replaced when the program was killed: they may hold the keys.
fn half_written(home: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(home) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(&home.display().to_string(), &error))?,
    };
    let is_ours = |name: &str| OURS.iter().any(|ours| name.starts_with(&format!(".{ours}-")));
    let found = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_ours));
    Ok(found.map(|entry| entry.path()).collect())
}
