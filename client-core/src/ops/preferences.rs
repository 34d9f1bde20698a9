//! The user's settings for this device. No secrets.

use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::Client;
use crate::{
    error::{Error, ErrorKind},
    keystore::replace_file,
    text,
};

const NAME: &str = "preferences.json";

/// The settings. An older version refuses to write a newer version's file, so that nothing in it gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// Upload limit of the app's backups in bytes per second; `None` means unlimited.
    pub upload_limit: Option<u64>,
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

/// Saves them.
///
/// # Errors
/// Same as [`load`]; [`ErrorKind::Usage`] for a limit of zero.
pub fn save(client: &Client, preferences: Preferences) -> Result<(), Error> {
    load(client)?;
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
        let chosen = Preferences { upload_limit: Some(5000) };
        save(&client, chosen).unwrap();
        assert_eq!(load(&client).unwrap(), chosen);
        let none = Preferences { upload_limit: Some(0) };
        assert_eq!(save(&client, none).err().unwrap().kind(), ErrorKind::Usage);
        fs::write(home.path().join(NAME), br#"{"upload_limit":1,"later":true}"#).unwrap();
        assert_eq!(save(&client, chosen).err().unwrap().kind(), ErrorKind::Damaged);
    }
}
