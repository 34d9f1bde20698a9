//! The file of the saved sources. Connection strings contain passwords, so it is sealed with the vault's master key and
//! never leaves this machine.

use std::{fs, io};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Address, Client, Former, SavedSource, Schedule};
use crate::{
    crypto::{Amk, wrap},
    error::{Error, ErrorKind},
    keystore::replace_file,
    text,
};

const NAME: &str = "sources.sealed";
const VERSION: u8 = 3;

/// # Errors
/// [`ErrorKind::NotSignedIn`], or the file cannot be read or is damaged.
pub(super) fn read(client: &Client) -> Result<Vec<SavedSource>, Error> {
    let secrets = client.secrets()?;
    let vault = secrets.vault()?;
    let path = client.home().join(NAME);
    let sealed = match fs::read(&path) {
        Ok(sealed) => sealed,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(&path.display().to_string(), &e)),
    };
    let damaged = || {
        Error::new(
            ErrorKind::Damaged,
            text!("{path} is damaged or belongs to another vault", path = path.display()),
            "all snapshots are untouched; the saved connections cannot be read",
            "remove the file and add the sources again",
        )
    };
    let amk = Amk::try_from(vault.amk.as_slice()).map_err(|_| damaged())?;
    let plain = wrap::open_local(&sealed, &amk, vault.info.vault_id).map_err(|_| damaged())?;
    let newer = || {
        Error::new(
            ErrorKind::NewerFormat,
            text!("{path} was written by a newer version of Sealkeep", path = path.display()),
            "nothing was changed",
            "update Sealkeep",
        )
    };
    let Written { version } = serde_json::from_slice(&plain).map_err(|_| damaged())?;
    if version > VERSION {
        return Err(newer());
    }
    if version < VERSION {
        return Err(Error::new(
            ErrorKind::Damaged,
            text!("{path} was written by an older build of Sealkeep", path = path.display()),
            "all snapshots are untouched; the saved connections cannot be read",
            format!("remove it with `rm {}` and add the sources again", path.display()),
        ));
    }
    let stored: Stored = serde_json::from_slice(&plain).map_err(|_| damaged())?;
    stored.sources.into_iter().map(|stored| SavedSource::try_from(stored).map_err(|_| newer())).collect()
}

/// # Errors
/// [`ErrorKind::NotSignedIn`], or the file cannot be written; the old one stays.
pub(super) fn write(client: &Client, sources: &[SavedSource]) -> Result<(), Error> {
    let secrets = client.secrets()?;
    let vault = secrets.vault()?;
    let stored = Stored { version: VERSION, sources: sources.iter().map(StoredSource::from).collect() };
    let plain =
        Zeroizing::new(serde_json::to_vec(&stored).map_err(|e| Error::internal("the saved sources", &e))?);
    let amk = Amk::try_from(vault.amk.as_slice()).map_err(|_| Error::internal_text("the master key"))?;
    let sealed = wrap::seal_local(&plain, &amk, vault.info.vault_id)?;
    replace_file(client.home(), NAME, &sealed)
}

/// The format written by every build.
#[derive(Deserialize)]
struct Written {
    version: u8,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    sources: Vec<StoredSource>,
}

#[derive(Serialize, Deserialize)]
struct StoredSource {
    id: Uuid,
    name: String,
    kind: String,
    address: Zeroizing<String>,
    schedule: Schedule,
    created: i64,
    #[serde(default)]
    scheduled: i64,
    former: Vec<Former>,
}

impl From<&SavedSource> for StoredSource {
    fn from(source: &SavedSource) -> Self {
        Self {
            id: source.id,
            name: source.name.clone(),
            kind: source.address.kind().to_owned(),
            address: Zeroizing::new(source.address.exposed().to_owned()),
            schedule: source.schedule,
            created: source.created,
            scheduled: source.scheduled,
            former: source.former.clone(),
        }
    }
}

impl TryFrom<StoredSource> for SavedSource {
    type Error = ();

    fn try_from(stored: StoredSource) -> Result<Self, ()> {
        let address = Address::stored(&stored.kind, &stored.address).ok_or(())?;
        let StoredSource { id, name, schedule, created, scheduled, former, .. } = stored;
        Ok(Self { id, name, address, schedule, created, scheduled, former })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{
        super::{
            list, save,
            tests::{client, source},
        },
        *,
    };
    use crate::device::tests::sample;

    #[test]
    fn nothing_is_readable_in_the_file_and_only_its_owner_can_open_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        assert!(read(&client).unwrap().is_empty());
        let url = "postgres://ada:hunter299@db.example.com:5433/shop?sslmode=require&sslpassword=hunter298";
        save(&client, source("shop", url)).unwrap();
        let bytes = fs::read(home.path().join(NAME)).unwrap();
        for word in ["hunter2", "ada", "example.com", "shop", "postgres"] {
            assert!(memchr::memmem::find(&bytes, word.as_bytes()).is_none(), "{word}");
        }
        let mode = fs::metadata(home.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        assert_eq!(read(&client).unwrap()[0].address.exposed(), url);
        // A byte that somebody else changed.
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(home.path().join(NAME), changed).unwrap();
            assert!(list(&client).is_err(), "{at}");
        }
        fs::write(home.path().join(NAME), &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(list(&client).err().unwrap().kind(), ErrorKind::Damaged);
    }

    #[test]
    fn what_another_build_wrote_is_refused_with_the_way_on() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let row = "\"id\":\"00000000-0000-0000-0000-000000000001\",\"name\":\"shop\",\"schedule\":{\"every\":\"manual\"},\"created\":1";
        for (plain, kind, way) in [
            (
                format!(
                    "{{\"version\":2,\"sources\":[{{{row},\"kind\":\"postgres\",\"address\":\"postgres://h/x\"}}]}}"
                ),
                ErrorKind::Damaged,
                "rm ",
            ),
            ("{\"version\":4,\"sources\":7}".to_owned(), ErrorKind::NewerFormat, "update"),
            (
                format!(
                    "{{\"version\":3,\"sources\":[{{{row},\"kind\":\"oracle\",\"address\":\"x\",\"former\":[]}}]}}"
                ),
                ErrorKind::NewerFormat,
                "update",
            ),
        ] {
            let secrets = client.secrets().unwrap();
            let vault = secrets.vault().unwrap();
            let amk = Amk::try_from(vault.amk.as_slice()).unwrap();
            let sealed = wrap::seal_local(plain.as_bytes(), &amk, vault.info.vault_id).unwrap();
            replace_file(client.home(), NAME, &sealed).unwrap();
            let error = list(&client).err().unwrap();
            assert_eq!(error.kind(), kind, "{plain}: {error:?}");
            assert!(error.next_step().contains(way), "{error:?}");
        }
    }

    #[test]
    fn another_vaults_file_and_nonsense_are_named() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        save(&client, source("shop", "/x")).unwrap();
        let mut other = sample();
        other.vault.as_mut().unwrap().amk[0] ^= 1;
        client.keystore().put(&other).unwrap();
        assert_eq!(list(&client).err().unwrap().kind(), ErrorKind::Damaged);
    }
}
