//! What this device knows without asking the service or the user: names and ids to offer while a command is typed. What
//! cannot be read is left out.

use std::path::PathBuf;

use super::{
    Client,
    runs::Run,
    sources::{self, SavedSource},
};
use crate::state;

/// Number of runs that are worth offering.
const MOST: u32 = 200;

/// Names and ids.
#[derive(Default)]
pub struct Known {
    /// Saved sources. None if the key file is sealed with a passphrase.
    pub sources: Vec<SavedSource>,
    /// This device's name.
    pub device: Option<String>,
    /// The newest runs, newest first.
    pub runs: Vec<Run>,
}

/// What the device in this home directory knows; `None`: in the user's data directory. Creates nothing.
#[must_use]
pub fn known(home: Option<PathBuf>) -> Known {
    let Some(client) = Client::at_rest(home) else { return Known::default() };
    Known {
        sources: sources::list(&client).unwrap_or_default(),
        device: client.account().ok().map(|account| account.device_name),
        runs: state::peek(client.home(), MOST).unwrap_or_default(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use api_types::{BackupId, SourceId};

    use super::*;
    use crate::ops::{client::tests::signed_in, sources::Address};

    #[test]
    fn what_is_on_this_device_is_known_and_nothing_is_created() {
        let home = tempfile::tempdir().unwrap();
        let path = || Some(home.path().to_owned());
        let nothing = known(path());
        assert!(nothing.sources.is_empty() && nothing.device.is_none() && nothing.runs.is_empty());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        let absent = home.path().join("absent");
        assert!(known(Some(absent.clone())).runs.is_empty() && !absent.exists());

        let client = signed_in(home.path());
        sources::add(&client, Some("shop".into()), Address::parse("/d/shop.dump").unwrap()).unwrap();
        let id = BackupId::from_bytes([7; 16]);
        let vault = client.open().unwrap();
        vault.state().start_run(id, SourceId::from_bytes([1; 16]), "shop", "file", 100).unwrap();
        let found = known(path());
        assert_eq!(found.sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["shop"]);
        assert_eq!(found.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [id]);
        assert!(found.device.is_some());
    }
}
