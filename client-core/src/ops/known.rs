//! What this device knows without asking the service or the user: names and ids to offer while a command is typed. What
//! cannot be read is left out.

use std::path::PathBuf;

use api_types::{SnapshotId, envelope::SnapshotEnvelope};

use super::{
    Client,
    runs::Run,
    sources::{self, SavedSource},
};
use crate::{
    error::Error,
    format::snapshot::{SnapshotBody, read_snapshot},
    state::{self, Peeked},
    vault::UnlockedVault,
};

/// Number of runs, and of snapshots, that are worth offering.
const MOST: u32 = 100;

/// Names and ids.
#[derive(Default)]
pub struct Known {
    /// Saved sources. None if the key file is sealed with a passphrase.
    pub sources: Vec<SavedSource>,
    /// This device's name.
    pub device: Option<String>,
    /// The newest runs, newest first.
    pub runs: Vec<Run>,
    /// Snapshots of any device that were opened here, newest first. None if the key file is sealed. They are not
    /// verified: who uses one opens it.
    pub snapshots: Vec<KnownSnapshot>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Its source's name.
    pub source: String,
    /// Seconds since 1970.
    pub created: i64,
}

/// What the device in this home directory knows; `None`: in the user's data directory. Creates nothing.
#[must_use]
pub fn known(home: Option<PathBuf>) -> Known {
    let Some(client) = Client::at_rest(home) else { return Known::default() };
    let Peeked { runs, sealed } = state::peek(client.home(), MOST).unwrap_or_default();
    Known {
        sources: sources::list(&client).unwrap_or_default(),
        device: client.account().ok().map(|account| account.device_name),
        runs,
        snapshots: opened(&client, &sealed).unwrap_or_default(),
    }
}

/// The snapshots among these objects.
fn opened(client: &Client, sealed: &[(SnapshotId, Vec<u8>)]) -> Result<Vec<KnownSnapshot>, Error> {
    let secrets = client.secrets()?;
    let keys = UnlockedVault::new(secrets.vault()?)?;
    let one = |(id, bytes): &(SnapshotId, Vec<u8>)| {
        let parts = read_snapshot(bytes).ok()?;
        let envelope = SnapshotEnvelope::from_bytes(&parts.head.envelope.0).ok()?;
        let body = SnapshotBody::open(parts.body, &envelope, keys.identities()).ok()?;
        Some(KnownSnapshot { id: *id, source: body.source_name, created: envelope.created })
    };
    let mut found: Vec<KnownSnapshot> = sealed.iter().filter_map(one).collect();
    found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.created));
    Ok(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use api_types::RunId;

    use super::*;
    use crate::{
        ops::{client::tests::signed_in, sources::Address},
        state::{NewRun, RunKind},
    };

    #[test]
    fn what_is_on_this_device_is_known_and_nothing_is_created() {
        let home = tempfile::tempdir().unwrap();
        let path = || Some(home.path().to_owned());
        let nothing = known(path());
        assert!(nothing.sources.is_empty() && nothing.device.is_none() && nothing.runs.is_empty());
        assert!(nothing.snapshots.is_empty());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        let absent = home.path().join("absent");
        assert!(known(Some(absent.clone())).runs.is_empty() && !absent.exists());

        let client = signed_in(home.path());
        sources::add(&client, Some("shop".into()), Address::parse("/d/shop.dump").unwrap()).unwrap();
        let id = RunId::from_bytes([7; 16]);
        let vault = client.open().unwrap();
        let run = NewRun {
            id,
            kind: RunKind::Backup,
            source: Some("shop"),
            source_kind: Some("file"),
            target: None,
        };
        vault.state().start_run(&run, 100).unwrap();
        let found = known(path());
        assert_eq!(found.sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["shop"]);
        assert_eq!(found.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [id]);
        assert!(found.device.is_some());
    }
}
