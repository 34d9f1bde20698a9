//! The user's settings for this device. No secrets.

use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::Client;
use crate::{
    error::{Error, ErrorKind},
    keystore::replace_file,
    state::take_turn,
    text,
};

const NAME: &str = "preferences.json";
const LOCK: &str = "preferences.lock";

/// The settings. An older version refuses to write a newer version's file, so that nothing in it gets lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Upload limit of the app's backups in bytes per second; `None` means unlimited.
    pub upload_limit: Option<u64>,
    /// The service chosen for a new account; `None` means the default.
    pub server: Option<String>,
    /// What closing the app's window does if no icon could bring it back; `None` means to ask.
    pub on_close: Option<OnClose>,
    /// The user was told that the app stays in the tray when its window is closed.
    pub tray_known: bool,
}

/// What closing the app's window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// The app keeps running, and so do its schedules.
    KeepRunning,
    /// The app ends.
    Quit,
}

/// Loads this device's settings; defaults if there are none.
///
/// # Errors
/// The file cannot be read or parsed.
pub fn load(client: &Client) -> Result<Preferences, Error> {
    let path = client.home().join(NAME);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|_| {
            Error::new(
                ErrorKind::Damaged,
                text!("{path} cannot be parsed", path = path.display()),
                "snapshots and keys are untouched",
                "update Sealkeep, or remove the file: everything in it can be chosen again",
            )
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Preferences::default()),
        Err(e) => Err(Error::io(&path.display().to_string(), &e)),
    }
}

/// Changes and saves them.
///
/// # Errors
/// Same as [`load`]; [`ErrorKind::Usage`] for a limit of zero.
pub fn change(client: &Client, change: impl FnOnce(&mut Preferences)) -> Result<(), Error> {
    let _turn = take_turn(client.home(), LOCK)?;
    let mut preferences = load(client)?;
    change(&mut preferences);
    if preferences.upload_limit == Some(0) {
        return Err(Error::usage(text!("a limit of nothing would never end a backup")));
    }
    let text = serde_json::to_vec(&preferences).map_err(|e| Error::internal("the preferences", &e))?;
    replace_file(client.home(), NAME, &text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ops::client::tests::offline;

    #[test]
    fn settings_persist_and_unknown_ones_are_not_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        assert_eq!(load(&client).unwrap(), Preferences::default());
        change(&client, |now| now.upload_limit = Some(5000)).unwrap();
        change(&client, |now| now.on_close = Some(OnClose::Quit)).unwrap();
        let both =
            Preferences { upload_limit: Some(5000), on_close: Some(OnClose::Quit), ..Preferences::default() };
        assert_eq!(load(&client).unwrap(), both);
        let none = change(&client, |now| now.upload_limit = Some(0));
        assert_eq!(none.err().unwrap().kind(), ErrorKind::Usage);
        assert_eq!(load(&client).unwrap(), both);
        fs::write(home.path().join(NAME), br#"{"upload_limit":1,"later":true}"#).unwrap();
        let newer = change(&client, |now| now.tray_known = true);
        assert_eq!(newer.err().unwrap().kind(), ErrorKind::Damaged);
    }

    #[test]
    fn an_earlier_versions_settings_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let client = offline(home.path());
        fs::write(home.path().join(NAME), br#"{"upload_limit":1000}"#).unwrap();
        change(&client, |now| now.tray_known = true).unwrap();
        let now = load(&client).unwrap();
        assert_eq!((now.upload_limit, now.server, now.tray_known), (Some(1000), None, true));
    }
}
